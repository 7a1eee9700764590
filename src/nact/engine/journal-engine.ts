import type { EventStore } from '../../persistence/event-store.ts'
import type { StoredAppend } from '../../persistence/journal.ts'
import { checkPersistenceId } from '../../persistence/partition.ts'
import { checkStorable } from '../../persistence/storable.ts'
import {
  type EventStream,
  type PersistedEvent,
  PersistedSnapshot,
  type PersistenceEngine,
} from '../lib/persistence/persistence-engine.ts'
import type { Anything } from '../types.ts'
import { KeyLog, type Write } from './key-log.ts'

/** How an engine's events and snapshots stand in the log. */
export interface Coding {
  /** **Errors**: EVENT_NOT_STORABLE, EVENT_TOO_LARGE. */
  write(event: PersistedEvent, properties: readonly unknown[]): Write
  /** The events of an append, with their numbers in the log. */
  events(append: StoredAppend): readonly PersistedEvent[]
  /** The payload of a snapshot, and what it was made of; undefined: it is of another kind or version. */
  snapshot(data: unknown): unknown
  data(payload: unknown, sequenceNr: number): unknown
  readonly snapshotsKept: number
}

/**
 * A persistence engine as nact calls it, on an event store: the writes of all actors that come up in one turn share one.
 *
 * **Durability**: `persist` and `takeSnapshot` resolve as the journal says of a write. **Order**: of one key, that of the
 * calls. **Errors**: those of KeyLog; PERSISTENCE_ID_INVALID; EVENT_NOT_STORABLE and EVENT_TOO_LARGE for what is no plain
 * data or more than 1 MiB. **Bounds**: some hundred bytes for each key that was used, until `forget`.
 */
export class JournalEngine implements PersistenceEngine {
  private readonly opening: () => Promise<EventStore>
  private readonly coding: Coding
  private readonly logs = new Map<string, KeyLog>()

  constructor(opening: () => Promise<EventStore>, coding: Coding) {
    this.opening = opening
    this.coding = coding
  }

  events(key: string, offset = 0, limit = Number.POSITIVE_INFINITY, tags: readonly string[] = []): StoredEvents {
    return new StoredEvents(() => this.read(key, offset, limit, tags))
  }

  async persist(event: PersistedEvent, ...properties: readonly unknown[]): Promise<void> {
    const write = this.coding.write(event, properties)
    const log = await this.logOf(event.key)
    await log.write(event.sequenceNumber, write)
  }

  async latestSnapshot(key: string): Promise<PersistedSnapshot | undefined> {
    const log = await this.logOf(key)
    log.begin()
    const { journal, ports } = await this.opening()
    const unreadable = (error: Error): void =>
      ports.logger.log('warn', `${key}: a snapshot cannot be read; an older one or all events serve`, { error })
    for await (const { payload, sequenceNr, timeMs } of journal.loadSnapshots(key, unreadable)) {
      const data = this.coding.data(payload, sequenceNr)
      if (data !== undefined) return new PersistedSnapshot(data, sequenceNr, key, timeMs)
    }
    return undefined
  }

  async takeSnapshot({ key, data, sequenceNumber, createdAt }: PersistedSnapshot): Promise<void> {
    const payload = this.coding.snapshot(data)
    checkStorable(payload, Number.MAX_SAFE_INTEGER)
    const log = await this.logOf(key)
    const sequenceNr = await log.sequenceNrOf(sequenceNumber)
    const { journal } = await this.opening()
    await journal.saveSnapshot(
      { persistenceId: key, sequenceNr, timeMs: createdAt, payload },
      this.coding.snapshotsKept,
    )
  }

  /** Nobody uses the key at present. */
  forget(key: string): void {
    this.logs.delete(key)
  }

  private async *read(
    key: string,
    offset: number,
    limit: number,
    tags: readonly string[],
  ): AsyncIterable<PersistedEvent> {
    const log = await this.logOf(key)
    let left = limit
    for await (const append of log.read(offset))
      for (const event of this.coding.events(append)) {
        if (event.sequenceNumber <= offset || tags.some(tag => !event.tags.includes(tag))) continue
        if (left-- <= 0) return
        yield event
      }
  }

  private async logOf(key: string): Promise<KeyLog> {
    checkPersistenceId(key)
    const store = await this.opening()
    let log = this.logs.get(key)
    if (log === undefined) {
      log = new KeyLog(store, key)
      this.logs.set(key, log)
    }
    return log
  }
}

/** Reduces one event after the other, as they are read; awaited, it is an array of all. */
export class StoredEvents implements EventStream, PromiseLike<Anything[]> {
  private readonly read: () => AsyncIterable<PersistedEvent>

  constructor(read: () => AsyncIterable<PersistedEvent>) {
    this.read = read
  }

  async reduce<Result>(
    step: (previous: Result, event: PersistedEvent, index: number) => Result,
    first: Result,
  ): Promise<Result> {
    let result = first
    let index = 0
    // One step after the other: a long history must not become a long chain of promises.
    for await (const event of this.read()) result = await step(result, event, index++)
    return result
  }

  then<Fulfilled, Rejected>(
    fulfilled?: ((events: Anything[]) => Fulfilled | PromiseLike<Fulfilled>) | null,
    rejected?: ((error: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    return this.all().then(fulfilled, rejected)
  }

  private async all(): Promise<PersistedEvent[]> {
    const events: PersistedEvent[] = []
    for await (const event of this.read()) events.push(event)
    return events
  }
}
