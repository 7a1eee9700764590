import { assert } from '../base/assert.ts'
import { RuntimeError } from '../base/errors.ts'
import { type EventSourcedDefinition, persistenceIdOf } from './event-sourced.ts'
import type { EventStore } from './event-store.ts'
import { type NewRecord, recordId, type StoredAppend } from './journal.ts'
import { foldRecord } from './recovery.ts'

/**
 * What an entity's log says about its past: every record with its cause, and the state as of any of them. Reads only, and
 * only what is stored: what is decided and not yet durable is no past.
 */

/** One record of an entity, as it was stored: upcasters have not touched it. */
export interface HistoryEntry extends NewRecord {
  readonly eventId: string
  readonly sequenceNr: number
  readonly partition: number
  readonly position: number
  /** When it was decided. Units: ms since 1970. */
  readonly timeMs: number
  /** The record or request that led to it; null for the first of a flow. */
  readonly causationId: string | null
  /** The same for everything that one request led to; null for the first of a flow, whose own id it is. */
  readonly correlationId: string | null
  readonly traceParent: string | null
  /** On whose behalf; null where nobody said. */
  readonly principal: string | null
  /** The bridge that delivered the command; null where somebody told or asked the entity itself. */
  readonly source: string | null
  /** The id of the earlier event that this one makes good; null: none. */
  readonly compensates: string | null
  /** The ids of the later events that make this one good. */
  readonly compensatedBy: readonly string[]
}

/** Up to which record: a sequence number, or the records decided before the first that is later than a time. */
export type Until = { readonly sequenceNr: number } | { readonly timeMs: number }

/** What an entity was, as its log has it. */
export interface PastState<State> {
  readonly state: State
  /** Of the last record that it reflects; 0: none. */
  readonly sequenceNr: number
  /** When that one was decided; null where there is none. Units: ms since 1970. */
  readonly timeMs: number | null
}

type AnyDefinition<State> = EventSourcedDefinition<never, { readonly type: string }, State, unknown>

/**
 * An entity's records in order, from the first that was not deleted, commands that it sent among them. It reads the log
 * twice, since an event's compensations come after it. **Errors**: those of the journal. **Bounds**: one page of the log in
 * memory, and the compensations' ids.
 */
export async function* history(store: EventStore, name: string, id: string): AsyncIterable<HistoryEntry> {
  const persistenceId = persistenceIdOf(name, id)
  const compensations = await compensationsOf(store, persistenceId)
  for await (const append of store.journal.read(persistenceId, 1))
    for (let i = 0; i < append.records.length; i++) yield entryOf(append, i, compensations)
}

/** Ids of the events that make others good, by the ids of those. */
type Compensations = ReadonlyMap<string, readonly string[]>

const NO_COMPENSATIONS: Compensations = new Map()
const NOBODY: readonly string[] = []

const compensationsOf = async (store: EventStore, persistenceId: string): Promise<Compensations> => {
  const found = new Map<string, string[]>()
  for await (const append of store.journal.read(persistenceId, 1)) {
    if (append.compensates === null) continue
    const ids = found.get(append.compensates) ?? []
    found.set(append.compensates, ids)
    for (let i = 0; i < append.records.length; i++)
      if (append.records[i]?.kind === 'event') ids.push(recordId(append, i))
  }
  return found
}

/**
 * The state as of a record or a time. It folds the events from the first: snapshots do not say when what they cover was
 * decided. **Errors**: RECOVERY_FAILED when `evolve` throws; JOURNAL_DELETED where the first events were deleted; those of
 * the schema and the journal.
 * **Bounds**: one state and one page of the log in memory; time in proportion to the events.
 */
export const stateAsOf = async <State>(
  store: EventStore,
  definition: AnyDefinition<State>,
  id: string,
  until: Until,
): Promise<PastState<State>> => {
  let past: PastState<State> = { state: definition.initial(id), sequenceNr: 0, timeMs: null }
  const persistenceId = persistenceIdOf(definition.name, id)
  for await (const append of store.journal.read(persistenceId, 1)) {
    if (append.expectedSequenceNr > past.sequenceNr) throw pastDeleted(persistenceId, append.expectedSequenceNr)
    for (let i = 0; i < append.records.length; i++) {
      const entry = entryOf(append, i, NO_COMPENSATIONS)
      if ('timeMs' in until ? entry.timeMs > until.timeMs : entry.sequenceNr > until.sequenceNr) return past
      const state =
        entry.kind === 'event' ? foldRecord(definition, past.state, entry, persistenceId, entry.sequenceNr) : past.state
      past = { state, sequenceNr: entry.sequenceNr, timeMs: entry.timeMs }
    }
  }
  const last = await store.journal.lastSequenceNr(persistenceId)
  if (past.sequenceNr === 0 && last > 0) throw pastDeleted(persistenceId, last)
  return past
}

const pastDeleted = (persistenceId: string, deletedTo: number): RuntimeError =>
  new RuntimeError(
    'JOURNAL_DELETED',
    `${persistenceId}: its events up to ${deletedTo} were deleted, and with them the states before: read those from a backup`,
  )

const entryOf = (append: StoredAppend, index: number, compensations: Compensations): HistoryEntry => {
  const record = append.records[index]
  assert(record !== undefined, `${append.persistenceId}: an append of ${append.records.length} records has no ${index}`)
  const eventId = recordId(append, index)
  return {
    ...record,
    eventId,
    sequenceNr: append.expectedSequenceNr + index + 1,
    partition: append.partition,
    position: append.position + index,
    timeMs: append.timeMs,
    causationId: append.causationId,
    correlationId: append.correlationId,
    traceParent: append.traceParent,
    principal: append.principal,
    source: append.handled?.source ?? null,
    compensates: record.kind === 'event' ? append.compensates : null,
    compensatedBy: compensations.get(eventId) ?? NOBODY,
  }
}
