import { type Logger, stderrLogger } from '../../base/logger.ts'
import { systemPorts } from '../../base/ports.ts'
import { NO_CAUSE } from '../../persistence/command-cause.ts'
import { EventStore } from '../../persistence/event-store.ts'
import type { Journal, StoredAppend } from '../../persistence/journal.ts'
import { RECORD_TYPE_MAX } from '../../persistence/records-of.ts'
import type { SnapshotPayload } from '../../persistence/recovery.ts'
import { checkStorable } from '../../persistence/storable.ts'
import {
  type EventStream,
  PersistedEvent,
  type PersistedSnapshot,
  type PersistenceEngine,
} from '../lib/persistence/persistence-engine.ts'
import type { Anything } from '../types.ts'
import { type Coding, JournalEngine } from './journal-engine.ts'

/** An engine on a journal, to be closed with it. */
export interface NactEngine extends PersistenceEngine {
  /** The events themselves when it is awaited. */
  events(key: string, offset?: number, limit?: number, tags?: readonly string[]): EventStream & PromiseLike<Anything[]>
  /** The newest that can be read; undefined: there is none, which nact's declarations leave out. */
  latestSnapshot(key: string): Promise<Anything>
  takeSnapshot(snapshot: PersistedSnapshot): Promise<void>
  persist(event: PersistedEvent, ...properties: readonly unknown[]): Promise<void>
  /** Opens the journal, which the first call would do else. **Errors**: those of `Journal.open`. */
  open(): Promise<EventStore>
  /** Ends after what is under way. A store that was handed over stays open. */
  close(): Promise<void>
}

/**
 * A journal, or an event store that is open, as a persistence engine for nact, or for programs on `troupe/nact`: events and
 * snapshots under the actors' keys, which are persistence ids in the store. What other actors stored under an id can be
 * read by its name.
 *
 * **Durability**: as the journal says of a write. **Errors**: of `persist`, JOURNAL_SEQUENCE_CONFLICT when another actor
 * writes under the key; JOURNAL_FENCED once another process has opened the store; EVENT_NOT_STORABLE, EVENT_TOO_LARGE,
 * PERSISTENCE_ID_INVALID; those of the journal.
 */
export const nactEngine = (journal: Journal | EventStore, options: { readonly logger?: Logger } = {}): NactEngine => {
  const isGiven = journal instanceof EventStore
  let opening: Promise<EventStore> | null = isGiven ? Promise.resolve(journal) : null
  const open = (): Promise<EventStore> => {
    if (opening === null && !isGiven)
      opening = EventStore.open(journal, { ...systemPorts, logger: options.logger ?? stderrLogger })
    return opening as Promise<EventStore>
  }
  const engine = new JournalEngine(open, PLAIN)
  return {
    events: (key, offset, limit, tags) => engine.events(key, offset, limit, tags),
    latestSnapshot: key => engine.latestSnapshot(key),
    takeSnapshot: snapshot => engine.takeSnapshot(snapshot),
    persist: (event, ...properties) => engine.persist(event, ...properties),
    open,
    close: async () => {
      if (!isGiven && opening !== null) await (await opening).close()
    },
  }
}

/** An event of nact in the log: its message, and what nact knows beside it. */
interface Kept {
  readonly nact: 1
  readonly data: unknown
  readonly tags: readonly string[]
  readonly isDeleted: boolean
  /** What `persist` was given beside message and tags. */
  readonly properties: readonly unknown[]
}

const PLAIN: Coding = {
  snapshotsKept: 2,

  write({ data, tags, isDeleted, createdAt }, properties) {
    const payload: Kept = { nact: 1, data, tags, isDeleted, properties }
    checkStorable(payload)
    const records = [{ kind: 'event', type: typeOf(data), version: 1, payload }] as const
    return { ...NO_CAUSE, timeMs: createdAt, handled: null, compensates: null, records }
  },

  events(append) {
    const events: PersistedEvent[] = []
    append.records.forEach((record, i) => {
      if (record.kind === 'event') events.push(eventOf(append, i, record.payload))
    })
    return events
  },

  snapshot: state => ({ version: 1, state, inbox: [] }) satisfies SnapshotPayload,

  data: payload => (payload as SnapshotPayload).state,
}

const eventOf = (append: StoredAppend, index: number, payload: unknown): PersistedEvent => {
  const { persistenceId, expectedSequenceNr, timeMs } = append
  const { data, tags, isDeleted } = isKept(payload) ? payload : { data: payload, tags: [], isDeleted: false }
  return new PersistedEvent(data, expectedSequenceNr + 1 + index, persistenceId, [...tags], timeMs, isDeleted)
}

const isKept = (payload: unknown): payload is Kept =>
  typeof payload === 'object' && payload !== null && (payload as { readonly nact?: unknown }).nact === 1

/** What readers of the log filter by: the `type` that most messages have. */
const typeOf = (data: unknown): string => {
  const { type } = (data ?? {}) as { readonly type?: unknown }
  const isOne = typeof type === 'string' && type.length > 0 && type.length <= RECORD_TYPE_MAX && type.isWellFormed()
  return isOne ? type : 'nact'
}
