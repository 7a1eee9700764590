import { type ErrorCode, RuntimeError, toError } from '../base/errors.ts'
import type { EventSourcedDefinition } from './event-sourced.ts'
import { persistenceIdOf } from './event-sourced.ts'
import type { EventStore } from './event-store.ts'
import { Inbox, type InboxMarks } from './inbox.ts'
import { lastSequenceNr, type NewRecord, type Snapshot } from './journal.ts'
import type { RecoveryRun } from './recoveries.ts'

/** An entity's state and what the runtime keeps beside it, as of a sequence number. */
export interface Recovered<State> {
  readonly state: State
  readonly inbox: Inbox
  readonly sequenceNr: number
  /** Sequence number of the snapshot that it began with; 0: none. */
  readonly snapshotSequenceNr: number
  /** Events that were folded on top of it. */
  readonly eventsReplayed: number
}

/** What a snapshot's payload holds. */
export interface SnapshotPayload {
  /** Of the state's shape, as the definition's policy says. */
  readonly version: number
  readonly state: unknown
  readonly inbox: InboxMarks
}

type AnyDefinition<State> = EventSourcedDefinition<never, { readonly type: string }, State, unknown>

/**
 * Reads an entity from the journal: the newest snapshot that can be read, then the events after it. **Errors**:
 * RECOVERY_FAILED when `initial` or `evolve` throws (the cause is what it threw), a snapshot is newer than the log, or
 * events were deleted that no readable snapshot covers;
 * RECOVERY_TIMEOUT; those of the journal. **Bounds**: one state and one page of the log in memory; as many at once as the
 * store's `recovery` option says. Reads only: it serves actors that start and readers that own nothing alike.
 */
export const recover = async <State>(
  store: EventStore,
  definition: AnyDefinition<State>,
  id: string,
): Promise<Recovered<State>> => {
  const persistenceId = persistenceIdOf(definition.name, id)
  const settled = store.settled(persistenceId)
  if (settled !== null) await settled
  return upTo(store, definition, id, await store.journal.lastSequenceNr(persistenceId), NEVER)
}

/** The same, at once for an id that has no events yet where the journal knows that at once. */
export const recoverSoon = <State>(
  store: EventStore,
  definition: AnyDefinition<State>,
  id: string,
  isCancelled: () => boolean,
): Recovered<State> | Promise<Recovered<State>> => {
  const persistenceId = persistenceIdOf(definition.name, id)
  const settled = store.settled(persistenceId)
  if (settled !== null) return settled.then(() => recoverSoon(store, definition, id, isCancelled))
  const last = store.journal.lastSequenceNr(persistenceId)
  if (last === 0) return blank(definition, id)
  return typeof last === 'number'
    ? upTo(store, definition, id, last, isCancelled)
    : last.then(known => upTo(store, definition, id, known, isCancelled))
}

const NEVER = (): boolean => false

const upTo = async <State>(
  store: EventStore,
  definition: AnyDefinition<State>,
  id: string,
  last: number,
  isCancelled: () => boolean,
): Promise<Recovered<State>> => {
  if (last === 0) return blank(definition, id)
  const { recoveries } = store
  const begun = recoveries.begin(persistenceIdOf(definition.name, id))
  const run = begun instanceof Promise ? await begun : begun
  try {
    return await run.within(read(store, definition, id, last, run, isCancelled))
  } finally {
    recoveries.end(run)
  }
}

const read = async <State>(
  store: EventStore,
  definition: AnyDefinition<State>,
  id: string,
  last: number,
  run: RecoveryRun,
  isCancelled: () => boolean,
): Promise<Recovered<State>> => {
  const persistenceId = persistenceIdOf(definition.name, id)
  await goOn(store, persistenceId, run, isCancelled)
  const policy = definition.snapshot
  const snapshot =
    policy === undefined ? null : await newestSnapshot<State>(store, persistenceId, last, policy.version ?? 1)
  return replay(store, definition, persistenceId, snapshot ?? blank(definition, id), last, run, isCancelled)
}

/** Gives the event loop back where its slice is over. **Errors**: ACTOR_STOPPED when nobody wants the state any more. */
const goOn = (
  store: EventStore,
  persistenceId: string,
  run: RecoveryRun,
  isCancelled: () => boolean,
): Promise<void> | null => {
  run.progress++
  if (run.isOver || isCancelled())
    throw new RuntimeError('ACTOR_STOPPED', `${persistenceId}: was stopped while it was recovered`)
  return store.recoveries.turnOver()
}

/** An id that has no events yet. */
const blank = <State>(definition: AnyDefinition<State>, id: string): Recovered<State> => ({
  state: initialState(definition, id),
  inbox: new Inbox(),
  sequenceNr: 0,
  snapshotSequenceNr: 0,
  eventsReplayed: 0,
})

const initialState = <State>(definition: AnyDefinition<State>, id: string): State => {
  try {
    return definition.initial(id)
  } catch (thrown) {
    throw foldFailed(persistenceIdOf(definition.name, id), 'initial failed', thrown)
  }
}

const foldFailed = (where: string, what: string, thrown: unknown): RuntimeError => {
  const cause = toError(thrown)
  return new RuntimeError('RECOVERY_FAILED', `${where}: ${what}: ${cause.message}`, { cause })
}

const fromSnapshot = <State>(snapshot: Snapshot): Recovered<State> => {
  const payload = snapshot.payload as SnapshotPayload
  return {
    state: payload.state as State,
    inbox: Inbox.of(payload.inbox),
    sequenceNr: snapshot.sequenceNr,
    snapshotSequenceNr: snapshot.sequenceNr,
    eventsReplayed: 0,
  }
}

/** Snapshots are an optimisation: an unreadable one costs a warning and the way back to the one before. */
const newestSnapshot = async <State>(
  store: EventStore,
  persistenceId: string,
  last: number,
  version: number,
): Promise<Recovered<State> | null> => {
  const unreadable = (error: Error): void =>
    store.ports.logger.log('warn', `${persistenceId}: a snapshot cannot be read; an older one or all events serve`, {
      error,
    })
  for await (const snapshot of store.journal.loadSnapshots(persistenceId, unreadable)) {
    // Another writer may have gone on since the end was asked for.
    if (snapshot.sequenceNr > last && snapshot.sequenceNr > (await store.journal.lastSequenceNr(persistenceId)))
      throw new RuntimeError(
        'RECOVERY_FAILED',
        `${persistenceId}: snapshot of ${snapshot.sequenceNr} is newer than the log, which ends at ${last}`,
      )
    try {
      if ((snapshot.payload as SnapshotPayload).version === version) return fromSnapshot(snapshot)
    } catch (thrown) {
      unreadable(toError(thrown))
    }
  }
  return null
}

/** How many records are folded between two looks at the clock, and at whether somebody still wants the state. */
const RECORDS_BETWEEN_LOOKS = 64

/** Folds what a stored event is at present. **Errors**: RECOVERY_FAILED when `evolve` throws; those of the schema. */
export const foldRecord = <State>(
  definition: AnyDefinition<State>,
  state: State,
  record: NewRecord,
  where: string,
): State => {
  const { schema } = definition
  const { type, version, payload } = record
  const isPresent = schema === undefined || schema.versionOf(type) === version
  const events = isPresent ? null : schema.read({ type, version, payload }, where)
  try {
    if (events === null) return definition.evolve(state, payload as { readonly type: string })
    for (const event of events) state = definition.evolve(state, event as { readonly type: string })
    return state
  } catch (thrown) {
    throw foldFailed(where, `evolve failed on ${type}`, thrown)
  }
}

const replay = async <State>(
  store: EventStore,
  definition: AnyDefinition<State>,
  persistenceId: string,
  base: Recovered<State>,
  last: number,
  run: RecoveryRun,
  isCancelled: () => boolean,
): Promise<Recovered<State>> => {
  let { state, sequenceNr } = base
  let eventsReplayed = 0
  let lookedAt = sequenceNr
  for await (const append of store.journal.read(persistenceId, sequenceNr + 1)) {
    let number = append.expectedSequenceNr
    if (number > sequenceNr) throw eventsDeleted(persistenceId, sequenceNr, number)
    for (const record of append.records) {
      number++
      if (number <= sequenceNr || record.kind !== 'event') continue
      state = foldRecord(definition, state, record, `${persistenceId}, event ${number}`)
      eventsReplayed++
    }
    if (append.handled !== null) base.inbox.note(append.handled)
    sequenceNr = lastSequenceNr(append)
    if (sequenceNr - lookedAt < RECORDS_BETWEEN_LOOKS) continue
    lookedAt = sequenceNr
    const turn = goOn(store, persistenceId, run, isCancelled)
    if (turn !== null) await turn
  }
  if (sequenceNr < last) throw eventsDeleted(persistenceId, sequenceNr, last)
  return { state, inbox: base.inbox, sequenceNr, snapshotSequenceNr: base.snapshotSequenceNr, eventsReplayed }
}

const eventsDeleted = (persistenceId: string, known: number, deletedTo: number): RuntimeError =>
  new RuntimeError(
    'RECOVERY_FAILED',
    `${persistenceId}: its events ${known + 1} to ${deletedTo} were deleted, and no snapshot that can be read covers them. ` +
      'Restore the store from a backup, or read its snapshots with the version that wrote them.',
  )

const LASTING: ReadonlySet<ErrorCode> = new Set([
  'JOURNAL_CORRUPT',
  'JOURNAL_FORMAT',
  'JOURNAL_TOMBSTONED',
  'EVENT_UNKNOWN',
  'EVENT_UPCAST_FAILED',
] as const)

/**
 * What an entity's start failed with, where the same would happen again: its id was ended for good, its records are corrupt, or of a
 * format or version that is unknown, or the definition throws on them. As RECOVERY_FAILED, which names the id and the cause; null: trying again may help.
 */
export const lastingFailure = (persistenceId: string, error: Error): RuntimeError | null => {
  if (!(error instanceof RuntimeError)) return null
  if (error.code === 'RECOVERY_FAILED') return error
  if (!LASTING.has(error.code)) return null
  return new RuntimeError('RECOVERY_FAILED', `${persistenceId} cannot be read: ${error.message}`, { cause: error })
}
