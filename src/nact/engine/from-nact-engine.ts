import { RuntimeError } from '../../base/errors.ts'
import { OneByOne } from '../../base/one-by-one.ts'
import { checkCursors, checkReached } from '../../persistence/cursor.ts'
import {
  type Append,
  type AppendResult,
  type Cursors,
  type Journal,
  lastSequenceNr,
  type Snapshot,
  type StoredAppend,
} from '../../persistence/journal.ts'
import { checkPersistenceId } from '../../persistence/partition.ts'
import { RECORD_TYPE_MAX } from '../../persistence/records-of.ts'
import {
  type PersistedEvent,
  PersistedSnapshot,
  type PersistenceEngine,
} from '../lib/persistence/persistence-engine.ts'
import { type Commit, decode, EngineLog, encode, eventsOf } from './engine-log.ts'

export interface FromNactEngineOptions {
  /** Under which the engine keeps the journal's log. Default: `troupe`. */
  readonly key?: string
  /**
   * The key under which programs for nact have stored events that belong to a persistence id: they come first in its history,
   * each as one event of its message's `type`. Null: there are none. Default: none have any.
   */
  readonly historyOf?: (persistenceId: string) => string | null
}

/**
 * A persistence engine written for nact as the journal of Troupe's event-sourced actors: one partition, and one event of the
 * engine for each commit, so that what many actors store at once is one write.
 *
 * **Durability**: the engine's own, when its `persist` resolves. **Fencing**: before each write the engine is asked whether
 * somebody else has written, and a process that finds so is fenced off: JOURNAL_FENCED. Two that write in the same instant
 * number the same commit, which is an error only where the engine refuses a number twice. **Bounds**: an entry in memory for
 * every append, and `open` reads the whole log. **Errors**: JOURNAL_UNAVAILABLE for what the engine rejects.
 */
export const fromNactEngine = (engine: PersistenceEngine, options: FromNactEngineOptions = {}): Journal =>
  new EngineJournal(engine, options.key ?? 'troupe', options.historyOf ?? (() => null))

/** Where an append stands: the commit, its place in that, and what tells it from others. */
interface Place {
  readonly commit: number
  readonly index: number
  readonly expectedSequenceNr: number
  readonly count: number
  readonly position: number
  readonly appendId: string
}

/** Of each engine and key, how often a journal was opened: the last one writes. */
const epochs = new WeakMap<PersistenceEngine, Map<string, number>>()

class EngineJournal implements Journal {
  readonly name: string
  readonly durability = 'A resolved write has survived what the persistence engine for nact says of its own.'
  readonly partitions = 1
  private readonly engine: PersistenceEngine
  private readonly key: string
  private readonly historyOf: (persistenceId: string) => string | null
  private readonly log: EngineLog
  private readonly places = new Map<string, Place[]>()
  /** Events of programs for nact, by persistence id, where they were asked for. */
  private readonly histories = new Map<string, number>()
  /** Last position of each commit. */
  private readonly positions: number[] = []
  private cursors = new Map<string, number>()
  private epoch = 0
  private isClosed = false
  /** Another process has written to the engine. */
  private isOvertaken = false
  /** The appends of a write that failed and may be there all the same. */
  private unsure: readonly StoredAppend[] | null = null
  private readonly writing = new OneByOne()
  private readonly snapshotting = new OneByOne()

  constructor(engine: PersistenceEngine, key: string, historyOf: (persistenceId: string) => string | null) {
    this.name = `nact:${key}`
    this.engine = engine
    this.key = key
    this.historyOf = historyOf
    this.log = new EngineLog(engine, key)
  }

  async open(): Promise<void> {
    const byKey = epochs.get(this.engine) ?? new Map<string, number>()
    epochs.set(this.engine, byKey)
    this.epoch = (byKey.get(this.key) ?? 0) + 1
    byKey.set(this.key, this.epoch)
    await this.catchUp()
  }

  async commit(_partition: number, appends: readonly Append[], cursors?: Cursors): Promise<readonly AppendResult[]> {
    this.checkWritable()
    if (cursors !== undefined) checkCursors(cursors)
    for (const { persistenceId } of appends) if (!this.places.has(persistenceId)) checkPersistenceId(persistenceId)
    return this.writing.run(async () => {
      await this.checkAlone()
      const { results, stored } = await this.judge(appends)
      if (stored.length > 0 || cursors !== undefined) await this.write(stored, cursors ?? null)
      return results
    })
  }

  async lastSequenceNr(persistenceId: string): Promise<number> {
    this.checkOpen()
    const last = this.places.get(persistenceId)?.at(-1)
    return last === undefined ? this.historyLength(persistenceId) : last.expectedSequenceNr + last.count
  }

  async *read(persistenceId: string, fromSequenceNr: number): AsyncIterable<StoredAppend> {
    this.checkOpen()
    yield* await this.history(persistenceId, fromSequenceNr)
    const places = this.places.get(persistenceId) ?? []
    for (let at = firstFrom(places, fromSequenceNr); at < places.length; at++) {
      const { commit, index } = places[at] as Place
      yield (await this.log.commit(commit)).appends[index] as StoredAppend
    }
  }

  async readLog(_partition: number, fromPosition: number, limit: number): Promise<readonly StoredAppend[]> {
    this.checkOpen()
    await this.catchUpIfUnsure()
    const found: StoredAppend[] = []
    const first = this.positions.findIndex(position => position >= fromPosition)
    if (first < 0) return found
    for (let nr = first + 1; nr <= this.positions.length && found.length < limit; nr++)
      for (const append of (await this.log.commit(nr)).appends)
        if (append.position + append.records.length > fromPosition && found.length < limit) found.push(append)
    return found
  }

  async lastPosition(): Promise<number> {
    this.checkOpen()
    return this.positions.at(-1) ?? 0
  }

  async saveSnapshot(snapshot: Snapshot, keep: number): Promise<void> {
    this.checkWritable()
    const save = async (): Promise<void> => {
      const others = (await this.snapshots(snapshot.persistenceId)).filter(
        other => other.sequenceNr !== snapshot.sequenceNr,
      )
      const newest = [snapshot, ...others].sort((a, b) => b.sequenceNr - a.sequenceNr).slice(0, keep)
      const key = this.snapshotKey(snapshot.persistenceId)
      await this.answered(this.engine.takeSnapshot(new PersistedSnapshot(encode(newest), newest[0]!.sequenceNr, key)))
    }
    await this.snapshotting.run(save)
  }

  async *loadSnapshots(persistenceId: string, onUnreadable: (error: Error) => void): AsyncIterable<Snapshot> {
    this.checkOpen()
    try {
      yield* await this.snapshots(persistenceId)
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code === 'JOURNAL_UNAVAILABLE') throw error
      onUnreadable(error)
    }
  }

  async loadCursors(): Promise<Cursors> {
    this.checkOpen()
    return new Map(this.cursors)
  }

  async saveCursors(_partition: number, cursors: Cursors): Promise<void> {
    this.checkWritable()
    checkCursors(cursors)
    await this.writing.run(async () => {
      await this.checkAlone()
      await this.write([], cursors)
    })
  }

  async close(): Promise<void> {
    await Promise.all([this.writing.settled(), this.snapshotting.settled()])
    this.isClosed = true
  }

  /** What would become of each append, and those that are to be written. */
  private async judge(
    appends: readonly Append[],
  ): Promise<{ readonly results: readonly AppendResult[]; readonly stored: readonly StoredAppend[] }> {
    const lasts = new Map<string, number>()
    const refused = new Set<string>()
    const stored: StoredAppend[] = []
    const results: AppendResult[] = []
    let position = (this.positions.at(-1) ?? 0) + 1
    for (const append of appends) {
      const { persistenceId, expectedSequenceNr, records } = append
      const last = lasts.get(persistenceId) ?? (await this.lastSequenceNr(persistenceId))
      const isNext = last === expectedSequenceNr && !refused.has(persistenceId)
      const repeated = isNext || refused.has(persistenceId) ? undefined : this.placeOf(append)
      if (repeated !== undefined) results.push({ status: 'written', position: repeated.position, repeated: true })
      else if (!isNext) {
        refused.add(persistenceId)
        results.push({ status: 'conflict', actualSequenceNr: last })
      } else if (records.length === 0) results.push({ status: 'written', position: 0, repeated: false })
      else {
        stored.push(plain(append, position))
        results.push({ status: 'written', position, repeated: false })
        position += records.length
        lasts.set(persistenceId, lastSequenceNr(append))
      }
    }
    return { results, stored }
  }

  private placeOf({ persistenceId, appendId, expectedSequenceNr, records }: Append): Place | undefined {
    const places = this.places.get(persistenceId) ?? []
    const place = places[firstFrom(places, expectedSequenceNr + 1)]
    const isSame =
      place?.appendId === appendId && place.expectedSequenceNr === expectedSequenceNr && place.count === records.length
    return isSame ? place : undefined
  }

  private async write(appends: readonly StoredAppend[], cursors: Cursors | null): Promise<void> {
    if (cursors !== null) checkReached(this.name, cursors, this.endAfter(appends))
    const all = cursors === null ? null : new Map([...this.cursors, ...cursors])
    try {
      await this.answered(this.log.write(this.positions.length + 1, { appends, cursors: all }))
    } catch (error) {
      this.unsure = appends
      throw error
    }
    this.note(appends, all)
  }

  private note(appends: readonly StoredAppend[], cursors: ReadonlyMap<string, number> | null): void {
    const commit = this.positions.length + 1
    appends.forEach(({ persistenceId, expectedSequenceNr, records, position, appendId }, index) => {
      const place = { commit, index, expectedSequenceNr, count: records.length, position, appendId }
      const places = this.places.get(persistenceId)
      if (places === undefined) this.places.set(persistenceId, [place])
      else places.push(place)
      this.histories.delete(persistenceId)
    })
    this.positions.push(this.endAfter(appends))
    if (cursors !== null) this.cursors = new Map(cursors)
  }

  private endAfter(appends: readonly StoredAppend[]): number {
    const last = appends.at(-1)
    return last === undefined ? (this.positions.at(-1) ?? 0) : last.position + last.records.length - 1
  }

  /** Reads what is in the engine beyond what is known. */
  private async catchUp(): Promise<readonly Commit[]> {
    const commits = await this.answered(this.log.after(this.positions.length))
    for (const { appends, cursors } of commits) this.note(appends, cursors)
    return commits
  }

  /** Another process has written since: the number that is next here is taken. **Errors**: JOURNAL_FENCED. */
  private async checkAlone(): Promise<void> {
    await this.catchUpIfUnsure()
    const others = await this.answered(this.log.after(this.positions.length, 1))
    if (others.length > 0) this.isOvertaken = true
    this.checkWritable()
  }

  private async catchUpIfUnsure(): Promise<void> {
    if (this.unsure === null) return
    const [first, ...others] = await this.catchUp()
    const isOwn = first === undefined || first.appends[0]?.appendId === this.unsure[0]?.appendId
    if (!isOwn || others.length > 0) this.isOvertaken = true
    this.unsure = null
  }

  private async historyLength(persistenceId: string): Promise<number> {
    const known = this.histories.get(persistenceId)
    if (known !== undefined) return known
    const key = this.historyOf(persistenceId)
    if (key === null) return 0
    const { length } = await this.answered(eventsOf(this.engine, key, 0))
    this.histories.set(persistenceId, length)
    return length
  }

  /** What programs for nact stored, as appends of one record, which lie before the log's first position. */
  private async history(persistenceId: string, fromSequenceNr: number): Promise<readonly StoredAppend[]> {
    const first = this.places.get(persistenceId)?.[0]
    if (first !== undefined && fromSequenceNr > first.expectedSequenceNr) return []
    const key = this.historyOf(persistenceId)
    if (key === null) return []
    const skipped = Math.max(0, fromSequenceNr - 1)
    const events = await this.answered(eventsOf(this.engine, key, skipped))
    return events.map((event, i) => appendOf(persistenceId, key, event, skipped + i))
  }

  private snapshotKey(persistenceId: string): string {
    return `${this.key}|snapshots|${persistenceId}`
  }

  private async snapshots(persistenceId: string): Promise<readonly Snapshot[]> {
    const key = this.snapshotKey(persistenceId)
    const stored = await this.answered(this.engine.latestSnapshot(key))
    return stored ? (decode(stored.data, `the snapshots of ${persistenceId}`) as readonly Snapshot[]) : []
  }

  private async answered<Result>(answer: Promise<Result>): Promise<Result> {
    try {
      return await answer
    } catch (cause) {
      if (cause instanceof RuntimeError) throw cause
      const text = `${this.name}: the persistence engine failed: ${(cause as Error)?.message}`
      throw new RuntimeError('JOURNAL_UNAVAILABLE', text, { cause, retryable: true })
    }
  }

  private checkOpen(): void {
    if (this.isClosed) throw new RuntimeError('JOURNAL_CLOSED', `${this.name} is closed`)
  }

  private checkWritable(): void {
    this.checkOpen()
    const epoch = epochs.get(this.engine)?.get(this.key)
    if (epoch === this.epoch && !this.isOvertaken) return
    const who = this.isOvertaken ? 'another process' : `epoch ${epoch}`
    throw new RuntimeError(
      'JOURNAL_FENCED',
      `${this.name}: ${who} has taken over from epoch ${this.epoch}. Another journal was opened on this engine: stop this one.`,
    )
  }
}

/** Index of the first append that holds `sequenceNr` or a later record. */
const firstFrom = (places: readonly Place[], sequenceNr: number): number => {
  let low = 0
  let high = places.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const { expectedSequenceNr, count } = places[middle] as Place
    if (expectedSequenceNr + count < sequenceNr) low = middle + 1
    else high = middle
  }
  return low
}

/** What a writer hands over has more on it than is to be stored. */
const plain = (append: Append, position: number): StoredAppend => ({
  persistenceId: append.persistenceId,
  expectedSequenceNr: append.expectedSequenceNr,
  appendId: append.appendId,
  timeMs: append.timeMs,
  causationId: append.causationId,
  correlationId: append.correlationId,
  traceParent: append.traceParent,
  principal: append.principal,
  handled: append.handled,
  compensates: append.compensates,
  records: append.records,
  partition: 0,
  position,
})

/** A deleted event keeps its number and is not folded. */
const appendOf = (persistenceId: string, key: string, event: PersistedEvent, before: number): StoredAppend => ({
  persistenceId,
  expectedSequenceNr: before,
  appendId: `nact-${key}-${before + 1}`,
  timeMs: event.createdAt,
  causationId: null,
  correlationId: null,
  traceParent: null,
  principal: null,
  handled: null,
  compensates: null,
  records: [
    event.isDeleted
      ? { kind: 'command', type: 'deleted', version: 1, payload: null }
      : { kind: 'event', type: typeOf(event.data), version: 1, payload: event.data },
  ],
  partition: 0,
  position: 0,
})

const typeOf = (data: unknown): string => {
  const { type } = (data ?? {}) as { readonly type?: unknown }
  return typeof type === 'string' && type.length > 0 && type.length <= RECORD_TYPE_MAX ? type : 'nact'
}
