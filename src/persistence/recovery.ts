import { type ErrorCode, RuntimeError, toError } from '../base/errors.ts'
import type { EventSourcedDefinition } from './event-sourced.ts'
import { persistenceIdOf } from './event-sourced.ts'
import type { EventStore } from './event-store.ts'
import { evolved } from './evolving.ts'
import { findId } from './find-id.ts'
import { Inbox, type InboxMarks } from './inbox.ts'
import {
  type AppendPages,
  type FoundId,
  lastSequenceNr,
  type NewRecord,
  type Snapshot,
  type StoredAppend,
} from './journal.ts'
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
  // One without events reads nothing, and so would never look at the clock: whoever awaits one after the other does here.
  const turn = store.recoveries.turnOver()
  if (turn !== null) await turn
  return recoverSoon(store, definition, id, NEVER)
}

const NEVER = (): boolean => false

/** The same, at once where the journal has what it takes at once. **Errors**: thrown or rejected. */
export const recoverSoon = <State>(
  store: EventStore,
  definition: AnyDefinition<State>,
  id: string,
  isCancelled: () => boolean,
): Recovered<State> | Promise<Recovered<State>> => {
  const persistenceId = persistenceIdOf(definition.name, id)
  const settled = store.settled(persistenceId)
  if (settled !== null) return settled.then(() => recoverSoon(store, definition, id, isCancelled))
  const recoverFound = (found: FoundId): Recovered<State> | Promise<Recovered<State>> => {
    if (found.sequenceNr === 0) return blank(definition, id)
    const recovery = new Recovery(store, definition, id, found, isCancelled)
    const run = store.recoveries.begin(persistenceId)
    return run instanceof Promise ? run.then(begun => recovery.run(begun)) : recovery.run(run)
  }
  const found = findId(store.journal, persistenceId)
  return found instanceof Promise ? found.then(recoverFound) : recoverFound(found)
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

/**
 * Folds what a stored event is at present. **Errors**: RECOVERY_FAILED when `evolve` throws or returns nothing; those of
 * the schema.
 */
export const foldRecord = <State>(
  definition: AnyDefinition<State>,
  state: State,
  record: NewRecord,
  persistenceId: string,
  sequenceNr: number,
): State => {
  const { schema } = definition
  const { type, version, payload } = record
  const isPresent = schema === undefined || schema.versionOf(type) === version
  const events = isPresent ? null : schema.read({ type, version, payload }, placeOf(persistenceId, sequenceNr))
  try {
    if (events === null) return evolved(definition, persistenceId, state, payload as { readonly type: string })
    for (const event of events) state = evolved(definition, persistenceId, state, event as { readonly type: string })
    return state
  } catch (thrown) {
    throw foldFailed(placeOf(persistenceId, sequenceNr), `evolve failed on ${type}`, thrown)
  }
}

/** Made for errors alone: a text for each event would cost more than folding it. */
const placeOf = (persistenceId: string, sequenceNr: number): string => `${persistenceId}, event ${sequenceNr}`

/** One recovery: waits where the journal makes it wait, or its slice is over, and nowhere else. */
class Recovery<State> {
  private readonly store: EventStore
  private readonly definition: AnyDefinition<State>
  private readonly id: string
  private readonly persistenceId: string
  private readonly found: FoundId
  private readonly isCancelled: () => boolean
  private base: Recovered<State> | null = null
  private state: State | undefined = undefined
  private sequenceNr = 0
  private eventsReplayed = 0
  private lookedAt = 0
  private pages: AppendPages | null = null

  constructor(
    store: EventStore,
    definition: AnyDefinition<State>,
    id: string,
    found: FoundId,
    isCancelled: () => boolean,
  ) {
    this.store = store
    this.definition = definition
    this.id = id
    this.persistenceId = persistenceIdOf(definition.name, id)
    this.found = found
    this.isCancelled = isCancelled
  }

  run(run: RecoveryRun): Recovered<State> | Promise<Recovered<State>> {
    let reading: Recovered<State> | Promise<Recovered<State>>
    try {
      const turn = this.goOn(run)
      reading = turn === null && this.definition.snapshot === undefined ? this.replay(run) : this.read(run, turn)
    } catch (thrown) {
      this.end(run)
      throw thrown
    }
    if (reading instanceof Promise) return this.store.recoveries.within(run, reading).finally(() => this.end(run))
    this.end(run)
    return reading
  }

  private end(run: RecoveryRun): void {
    this.store.recoveries.end(run)
    this.pages?.close()
  }

  private async read(run: RecoveryRun, turn: Promise<void> | null): Promise<Recovered<State>> {
    await turn
    const { definition, store, persistenceId, found } = this
    if (definition.snapshot !== undefined)
      this.base = await newestSnapshot(store, persistenceId, found.sequenceNr, definition.snapshot.version ?? 1)
    return this.replay(run)
  }

  /** Folds what comes after the snapshot, or everything. */
  private replay(run: RecoveryRun): Recovered<State> | Promise<Recovered<State>> {
    this.base ??= blank(this.definition, this.id)
    this.state = this.base.state
    this.sequenceNr = this.base.sequenceNr
    this.lookedAt = this.base.sequenceNr
    this.pages = this.found.pages(this.sequenceNr + 1)
    for (;;) {
      const page = this.pages.next()
      if (page instanceof Promise) return this.replayOn(page, run)
      if (page === null) return this.recovered()
      const turn = this.fold(page, run)
      if (turn !== null)
        return this.replayOn(
          turn.then(() => this.pages!.next()),
          run,
        )
    }
  }

  private async replayOn(
    awaited: Promise<readonly StoredAppend[] | null>,
    run: RecoveryRun,
  ): Promise<Recovered<State>> {
    for (let page = await awaited; page !== null; page = await this.pages!.next()) {
      const turn = this.fold(page, run)
      if (turn !== null) await turn
    }
    return this.recovered()
  }

  /** Null: go on with the next page. */
  private fold(page: readonly StoredAppend[], run: RecoveryRun): Promise<void> | null {
    const { persistenceId, definition } = this
    for (const append of page) {
      let number = append.expectedSequenceNr
      if (number > this.sequenceNr) throw eventsDeleted(persistenceId, this.sequenceNr, number)
      for (const record of append.records) {
        number++
        if (number <= this.sequenceNr || record.kind !== 'event') continue
        this.state = foldRecord(definition, this.state as State, record, persistenceId, number)
        this.eventsReplayed++
      }
      if (append.handled !== null) this.base!.inbox.note(append.handled)
      this.sequenceNr = lastSequenceNr(append)
    }
    if (this.sequenceNr - this.lookedAt < RECORDS_BETWEEN_LOOKS) return null
    this.lookedAt = this.sequenceNr
    return this.goOn(run)
  }

  /** Null: the slice is not over. **Errors**: ACTOR_STOPPED when nobody wants the state any more. */
  private goOn(run: RecoveryRun): Promise<void> | null {
    run.progress++
    if (run.isOver || this.isCancelled())
      throw new RuntimeError('ACTOR_STOPPED', `${this.persistenceId}: was stopped while it was recovered`)
    return this.store.recoveries.turnOver()
  }

  private recovered(): Recovered<State> {
    const { state, sequenceNr, eventsReplayed, persistenceId, found } = this
    if (sequenceNr < found.sequenceNr) throw eventsDeleted(persistenceId, sequenceNr, found.sequenceNr)
    // Read to the end: there is nothing to give up.
    this.pages = null
    const { inbox, snapshotSequenceNr } = this.base!
    return { state: state as State, inbox, sequenceNr, snapshotSequenceNr, eventsReplayed }
  }
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
 * What an entity's start failed with, where the same would happen again: its id was ended for good, its records are
 * corrupt, or of a format or version that is unknown, or the definition throws on them. As RECOVERY_FAILED, which names the
 * id and the cause; null: trying again may help.
 */
export const lastingFailure = (persistenceId: string, error: Error): RuntimeError | null => {
  if (!(error instanceof RuntimeError)) return null
  if (error.code === 'RECOVERY_FAILED') return error
  if (!LASTING.has(error.code)) return null
  return new RuntimeError('RECOVERY_FAILED', `${persistenceId} cannot be read: ${error.message}`, { cause: error })
}
