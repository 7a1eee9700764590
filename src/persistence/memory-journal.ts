/**
 * The journal for tests and for runs that need not outlive their process: it keeps the objects that it was given.
 * It answers as the durable ones do (conflicts, repeats, fencing), and the same contract suite runs against it.
 */

import { assert } from '../base/assert.ts'
import { RuntimeError } from '../base/errors.ts'
import { checkCursors, checkReached } from './cursor.ts'
import {
  type Append,
  type AppendResult,
  type Cursors,
  type Journal,
  lastSequenceNr,
  NOTHING_WRITTEN,
  type Snapshot,
  type StoredAppend,
  type Writer,
} from './journal.ts'
import { checkJournalOptions, checkWord, misconfigured } from './journal-options.ts'
import { checkPersistenceId, partitionOf } from './partition.ts'
import { checkDeletable, snapshotDeleted, TOMBSTONED, tombstoned } from './tombstone.ts'

interface MemoryPartition {
  epoch: number
  lastPosition: number
  readonly log: StoredAppend[]
  /** Each id's part of the log. */
  readonly streams: Map<string, StoredAppend[]>
  /** Each id's last sequence number that is deleted. */
  readonly horizons: Map<string, number>
  /** The ids that were ended for good. */
  readonly tombstones: Set<string>
  readonly snapshots: Map<string, Snapshot[]>
  readonly cursors: Map<string, number>
}

/** What outlives a memory journal: give the same one to the next journal, and it finds what the last one wrote. */
export interface MemoryStore {
  readonly partitions: readonly MemoryPartition[]
}

/** Makes an empty store. **Bounds**: `partitions` 1 to 1,024, default 1. **Errors**: JOURNAL_MISCONFIGURED. */
export const memoryStore = (partitions = 1): MemoryStore => {
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 1_024)
    throw new RuntimeError('JOURNAL_MISCONFIGURED', `a store of ${partitions} partitions: give 1 to 1,024`)
  return {
    partitions: Array.from({ length: partitions }, () => ({
      epoch: 0,
      lastPosition: 0,
      log: [],
      streams: new Map(),
      horizons: new Map(),
      tombstones: new Set(),
      snapshots: new Map(),
      cursors: new Map(),
    })),
  }
}

/**
 * A journal in memory. **Durability**: none; what is written lives as long as `store`, and is gone with the process.
 * **Order**: as in every journal. **Bounds**: memory; nothing is ever given back.
 * **Errors**: JOURNAL_MISCONFIGURED.
 */
export const memoryJournal = (options: { readonly store?: MemoryStore; readonly writer?: Writer } = {}): Journal => {
  checkJournalOptions('memoryJournal', options, ['store', 'writer'])
  const { store = memoryStore(), writer = 'owner' } = options
  checkWord('memoryJournal: writer', writer, ['owner', 'guest'])
  if (!Array.isArray(store?.partitions)) throw misconfigured('memoryJournal: store must be made by memoryStore')
  return new MemoryJournal(store, writer)
}

class MemoryJournal implements Journal {
  readonly name = 'memory'
  readonly durability = 'A resolved write is in the memory of this process and has survived nothing.'
  readonly partitions: number
  readonly #store: MemoryStore
  readonly #writer: Writer
  readonly #epochs: number[] = []
  #closed = false

  constructor(store: MemoryStore, writer: Writer) {
    this.#store = store
    this.#writer = writer
    this.partitions = store.partitions.length
  }

  /** Again on the same journal: it goes on under the next epochs. Which of its callers may, `EventStore` knows. */
  async open(): Promise<void> {
    if (this.#closed) throw new RuntimeError('JOURNAL_CLOSED', 'the memory journal is closed')
    for (const [nr, partition] of this.#store.partitions.entries())
      this.#epochs[nr] = this.#writer === 'owner' ? ++partition.epoch : partition.epoch
  }

  async commit(nr: number, appends: readonly Append[], cursors?: Cursors): Promise<readonly AppendResult[]> {
    const partition = this.#writable(nr)
    if (cursors !== undefined) checkCursors(cursors)
    for (const { persistenceId } of appends)
      if (!partition.streams.has(persistenceId)) checkPersistenceId(persistenceId)
    if (cursors !== undefined) checkReached(this.name, cursors, partition.lastPosition + recordsIn(appends))
    // Of an id that was refused once, what builds on the refused append must not slip in by a number that fits.
    let refused: Set<string> | null = null
    const results: AppendResult[] = []
    for (const append of appends) {
      const result = refused?.has(append.persistenceId)
        ? refusedAgain(partition, append.persistenceId)
        : write(partition, nr, append)
      if (result.status !== 'written') refused = (refused ?? new Set<string>()).add(append.persistenceId)
      results.push(result)
    }
    if (cursors) for (const [group, position] of cursors) partition.cursors.set(group, position)
    return results
  }

  lastSequenceNr(persistenceId: string): number {
    return lastOf(this.#living(persistenceId).streams.get(persistenceId))
  }

  async *read(persistenceId: string, fromSequenceNr: number): AsyncIterable<StoredAppend> {
    const { streams, horizons } = this.#living(persistenceId)
    const stream = streams.get(persistenceId) ?? []
    const from = Math.max(fromSequenceNr, (horizons.get(persistenceId) ?? 0) + 1)
    for (let i = firstIndex(stream, from, lastSequenceNr); i < stream.length; i++) yield stream[i]!
  }

  async readLog(nr: number, fromPosition: number, limit: number): Promise<readonly StoredAppend[]> {
    const { log } = this.#readable(nr)
    const start = firstIndex(log, fromPosition, append => append.position + append.records.length - 1)
    return log.slice(start, start + limit)
  }

  async lastPosition(nr: number): Promise<number> {
    return this.#readable(nr).lastPosition
  }

  async saveSnapshot(snapshot: Snapshot, keep: number): Promise<void> {
    const nr = partitionOf(snapshot.persistenceId, this.partitions)
    const { snapshots, horizons, tombstones } = this.#writable(nr)
    if (tombstones.has(snapshot.persistenceId)) throw tombstoned(this.name, snapshot.persistenceId)
    const deletedTo = horizons.get(snapshot.persistenceId) ?? 0
    if (snapshot.sequenceNr < deletedTo) throw snapshotDeleted(this.name, snapshot, deletedTo)
    const others = (snapshots.get(snapshot.persistenceId) ?? []).filter(old => old.sequenceNr !== snapshot.sequenceNr)
    const newestFirst = [snapshot, ...others].sort((a, b) => b.sequenceNr - a.sequenceNr)
    snapshots.set(snapshot.persistenceId, newestFirst.slice(0, keep))
  }

  async *loadSnapshots(persistenceId: string): AsyncIterable<Snapshot> {
    yield* this.#living(persistenceId).snapshots.get(persistenceId) ?? []
  }

  async deleteTo(persistenceId: string, sequenceNr: number): Promise<void> {
    const { streams, horizons, snapshots } = this.#writable(partitionOf(persistenceId, this.partitions))
    checkDeletable(persistenceId, sequenceNr)
    const deletedTo = Math.min(sequenceNr, lastOf(streams.get(persistenceId)))
    if (deletedTo <= (horizons.get(persistenceId) ?? 0)) return
    horizons.set(persistenceId, deletedTo)
    const kept = snapshots.get(persistenceId)
    if (kept !== undefined)
      snapshots.set(
        persistenceId,
        kept.filter(snapshot => snapshot.sequenceNr >= deletedTo),
      )
  }

  async tombstone(persistenceId: string): Promise<void> {
    const { tombstones, snapshots } = this.#writable(partitionOf(persistenceId, this.partitions))
    tombstones.add(persistenceId)
    snapshots.delete(persistenceId)
  }

  async loadCursors(nr: number): Promise<Cursors> {
    return new Map(this.#readable(nr).cursors)
  }

  async saveCursors(nr: number, cursors: Cursors): Promise<void> {
    const partition = this.#writable(nr)
    checkCursors(cursors)
    checkReached(this.name, cursors, partition.lastPosition)
    for (const [group, position] of cursors) partition.cursors.set(group, position)
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  /** The partition of an id that was not ended. **Errors**: JOURNAL_TOMBSTONED. */
  #living(persistenceId: string): MemoryPartition {
    const partition = this.#readable(partitionOf(persistenceId, this.partitions))
    if (partition.tombstones.has(persistenceId)) throw tombstoned(this.name, persistenceId)
    return partition
  }

  #readable(nr: number): MemoryPartition {
    if (this.#closed) throw new RuntimeError('JOURNAL_CLOSED', 'the memory journal is closed')
    assert(this.#epochs.length > 0, 'the memory journal is used before open()')
    const partition = this.#store.partitions[nr]
    assert(partition !== undefined, `the memory journal has no partition ${nr}`)
    return partition
  }

  #writable(nr: number): MemoryPartition {
    const partition = this.#readable(nr)
    if (this.#writer === 'owner' && partition.epoch !== this.#epochs[nr])
      throw new RuntimeError(
        'JOURNAL_FENCED',
        `memory, partition ${nr}: epoch ${partition.epoch} has taken over from ${this.#epochs[nr]}. ` +
          'Another journal was opened on this store: stop this one.',
      )
    return partition
  }
}

const write = (partition: MemoryPartition, nr: number, append: Append): AppendResult => {
  const { persistenceId, expectedSequenceNr } = append
  if (partition.tombstones.has(persistenceId)) return TOMBSTONED
  const stream = partition.streams.get(persistenceId)
  const last = lastOf(stream)
  if (append.records.length === 0) return expectedSequenceNr === last ? NOTHING_WRITTEN : conflict(stream)
  if (expectedSequenceNr !== last) {
    const deletedTo = partition.horizons.get(persistenceId) ?? 0
    const written = stream?.[firstIndex(stream, Math.max(expectedSequenceNr, deletedTo) + 1, lastSequenceNr)]
    if (written !== undefined && isSame(written, append))
      return { status: 'written', position: written.position, repeated: true }
    return expectedSequenceNr < deletedTo ? { status: 'deleted', deletedTo } : conflict(stream)
  }
  const stored: StoredAppend = { ...append, partition: nr, position: partition.lastPosition + 1 }
  partition.lastPosition += append.records.length
  partition.log.push(stored)
  if (stream === undefined) partition.streams.set(persistenceId, [stored])
  else stream.push(stored)
  return { status: 'written', position: stored.position, repeated: false }
}

const recordsIn = (appends: readonly Append[]): number => appends.reduce((sum, { records }) => sum + records.length, 0)

const isSame = (written: Append, append: Append): boolean =>
  written.appendId === append.appendId &&
  written.expectedSequenceNr === append.expectedSequenceNr &&
  written.records.length === append.records.length

const refusedAgain = (partition: MemoryPartition, persistenceId: string): AppendResult =>
  partition.tombstones.has(persistenceId) ? TOMBSTONED : conflict(partition.streams.get(persistenceId))

const conflict = (stream: readonly StoredAppend[] | undefined): AppendResult => ({
  status: 'conflict',
  actualSequenceNr: lastOf(stream),
})

const lastOf = (stream: readonly StoredAppend[] | undefined): number => {
  const last = stream?.at(-1)
  return last === undefined ? 0 : lastSequenceNr(last)
}

/** Index of the first append whose last number, by `last`, is `from` or more. */
const firstIndex = (appends: readonly StoredAppend[], from: number, last: (append: StoredAppend) => number): number => {
  let low = 0
  let high = appends.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (last(appends[middle]!) < from) low = middle + 1
    else high = middle
  }
  return low
}
