/**
 * The contract of a journal over an engine that keeps bytes: a commit becomes a few packed blocks, each append names the
 * block that holds its id's records before it, and a head per id names the last block.
 *
 *     log     | block 1 |  block 58   | block 130 |        positions count records
 *               a b a      b c          a d
 *                 ^----------------------'                 chain of a: 130 -> 1
 *     heads     a: #4 in 130    b: #3 in 58    …
 *
 * So a write costs the packing and one put; reading an id walks its chain back through the blocks' indexes and then reads
 * forward, and a snapshot says how far back it has to go.
 */

import { assert, unreachable } from '../../base/assert.ts'
import { RuntimeError, toError } from '../../base/errors.ts'
import {
  type Append,
  type AppendResult,
  type Cursors,
  type Journal,
  lastSequenceNr,
  type Snapshot,
  type StoredAppend,
} from '../../persistence/journal.ts'
import { partitionOf } from '../../persistence/partition.ts'
import { Block, packRecords, sealBlock } from '../codec/block.ts'
import { corrupt } from '../codec/frame.ts'
import { packSnapshot, unpackSnapshot } from '../codec/snapshot.ts'
import { BlockCache } from './block-cache.ts'
import { type BlockWrite, type Engine, type Head, type HeadEntry, NO_HEAD, type WriteOutcome } from './engine.ts'
import { HeadTable } from './head-table.ts'

// Measured on LMDB in main-thread time, 256 appends a commit, Node 20.20: with 16, 32, 64, 128 appends a block a commit
// took 4.4, 3.7, 3.7, 5.4 µs an append, and reading one id of 4 appends 131, 139, 194, 281 µs. 16 take half as many bytes
// again, since an LMDB value that is larger than half a page takes whole pages.
const APPENDS_PER_BLOCK = 32
/** A block grows beyond this only for a single append. Units: bytes. */
const BLOCK_BYTES_MAX = 1_048_576
const CACHE_BYTES = 8 * 1_048_576
const HEADS_IN_MEMORY = 32_768
/** A store that died reads at most about this much of its log when it is opened. Units: records. */
const RECORDS_BETWEEN_ROTATIONS = 262_144

interface Partition {
  readonly nr: number
  readonly epoch: number
  lastPosition: number
  rotatedAt: number
  readonly heads: HeadTable
  /** Commits are counted, so that what a failed one left in the heads is told from what the present one put there. */
  commits: number
  committing: boolean
  fencedBy: number
}

export class PackedJournal implements Journal {
  readonly #engine: Engine
  readonly #cache = new BlockCache(CACHE_BYTES)
  readonly #underWay = new Set<Promise<unknown>>()
  #partitions: readonly Partition[] = []
  #closing: Promise<void> | null = null

  constructor(engine: Engine) {
    this.#engine = engine
  }

  get name(): string {
    return this.#engine.name
  }

  get durability(): string {
    return this.#engine.durability
  }

  get partitions(): number {
    return this.#partitions.length
  }

  async open(): Promise<void> {
    assert(this.#partitions.length === 0, `${this.name} is opened twice`)
    const opened = await this.#engine.open()
    this.#partitions = opened.map(({ epoch, lastPosition, heads }, nr) => {
      const table = new HeadTable(HEADS_IN_MEMORY)
      for (const [persistenceId, head] of heads) table.add(persistenceId, head, true)
      return {
        nr,
        epoch,
        lastPosition,
        rotatedAt: lastPosition,
        heads: table,
        commits: 0,
        committing: false,
        fencedBy: 0,
      }
    })
  }

  commit(nr: number, appends: readonly Append[], cursors?: Cursors): Promise<readonly AppendResult[]> {
    return this.#track(this.#commit(nr, appends, cursors ?? null))
  }

  async lastSequenceNr(persistenceId: string): Promise<number> {
    return (await this.#head(persistenceId)).sequenceNr
  }

  async *read(persistenceId: string, fromSequenceNr: number): AsyncIterable<StoredAppend> {
    const { nr } = this.#partition(partitionOf(persistenceId, this.partitions))
    const head = await this.#head(persistenceId)
    if (head.sequenceNr < fromSequenceNr) return
    const chain = await this.#chain(nr, persistenceId, head.block, fromSequenceNr)
    let expected = -1
    for (let i = chain.length - 1; i >= 0; i--) {
      const block = await this.#block(nr, chain[i]!, persistenceId)
      for (const append of block.appends) {
        if (append.persistenceId !== persistenceId || lastSequenceNr(append) < fromSequenceNr) continue
        if (expected !== -1 && append.expectedSequenceNr !== expected)
          throw corrupt(
            `${this.#place(nr, chain[i]!)}: ${persistenceId} goes on at sequence number ${append.expectedSequenceNr + 1}, ` +
              `${expected + 1} is missing`,
          )
        expected = lastSequenceNr(append)
        yield append
      }
    }
  }

  async readLog(nr: number, fromPosition: number, limit: number): Promise<readonly StoredAppend[]> {
    const from = Math.max(1, fromPosition)
    if (from > this.#partition(nr).lastPosition && !this.#engine.shared) return []
    const count = Math.max(1, Math.ceil(limit / APPENDS_PER_BLOCK))
    const appends: StoredAppend[] = []
    for (let next = from; appends.length < limit; ) {
      const stored = await this.#engine.blocks(nr, next, count)
      const asked = next
      for (const { firstPosition, packed } of stored) {
        if (firstPosition > next) throw this.#missing(nr, next)
        const block = this.#remember(nr, firstPosition, packed)
        // What is before `next` altogether is the end of the log, or what stands before a hole.
        if (block.index.lastPosition < next) continue
        for (const append of block.appends) if (append.position + append.records.length > from) appends.push(append)
        next = block.index.lastPosition + 1
        if (appends.length >= limit) break
      }
      if (next > asked) continue
      if (next <= this.#partition(nr).lastPosition) throw this.#missing(nr, next)
      break
    }
    return appends
  }

  async lastPosition(nr: number): Promise<number> {
    const { lastPosition } = this.#partition(nr)
    return this.#engine.shared ? this.#engine.lastPosition(nr) : lastPosition
  }

  saveSnapshot(snapshot: Snapshot, keep: number): Promise<void> {
    return this.#track(this.#saveSnapshot(snapshot, keep))
  }

  async *loadSnapshots(persistenceId: string, onUnreadable: (error: Error) => void): AsyncIterable<Snapshot> {
    const { nr } = this.#partition(partitionOf(persistenceId, this.partitions))
    for (const { sequenceNr, packed } of await this.#engine.snapshots(nr, persistenceId)) {
      let snapshot: Snapshot
      try {
        snapshot = unpackSnapshot(packed, persistenceId, sequenceNr, this.name)
      } catch (error) {
        onUnreadable(toError(error))
        continue
      }
      yield snapshot
    }
  }

  async loadCursors(nr: number): Promise<Cursors> {
    return this.#engine.cursors(this.#partition(nr).nr)
  }

  async saveCursors(nr: number, cursors: Cursors): Promise<void> {
    await this.#track(this.#saveCursors(nr, cursors))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#underWay])
    await this.#engine.close(
      this.#partitions.map(({ epoch, lastPosition, heads }) => ({ epoch, lastPosition, dirty: heads.dirty() })),
    )
    for (const { heads } of this.#partitions) heads.clear()
    this.#cache.clear()
  }

  // Writing

  async #commit(nr: number, appends: readonly Append[], cursors: Cursors | null): Promise<readonly AppendResult[]> {
    const partition = this.#writable(nr)
    assert(!partition.committing, `${this.name}: two commits to partition ${nr} at once`)
    partition.committing = true
    try {
      this.#rotateHeads(partition)
      for (;;) {
        const results = await this.#tryCommit(partition, appends, cursors)
        if (results !== null) return results
      }
    } finally {
      partition.committing = false
    }
  }

  /** One try: null where another writer had moved the log, so that everything has to be decided again. */
  async #tryCommit(
    partition: Partition,
    appends: readonly Append[],
    cursors: Cursors | null,
  ): Promise<readonly AppendResult[] | null> {
    partition.commits++
    const entries = await this.#entries(partition, appends)
    const results: AppendResult[] = []
    const accepted: Append[] = []
    const acceptedEntries: HeadEntry[] = []
    const touched: HeadEntry[] = []
    let next = partition.lastPosition + 1
    for (let i = 0; i < appends.length; i++) {
      const append = appends[i]!
      const entry = entries[i]!
      assert(append.records.length > 0, `${append.persistenceId}: an append of no records`)
      if (entry.touchedBy !== partition.commits) {
        entry.touchedBy = partition.commits
        entry.nextSequenceNr = entry.sequenceNr
        entry.nextBlock = entry.block
      }
      // What builds on a refused append must not slip in by a number that fits.
      if (entry.refusedBy === partition.commits) results.push(conflict(entry))
      else if (append.expectedSequenceNr === entry.nextSequenceNr) {
        results.push({ status: 'written', position: next, repeated: false })
        accepted.push(append)
        acceptedEntries.push(entry)
        if (entry.nextSequenceNr === entry.sequenceNr) touched.push(entry)
        entry.nextSequenceNr += append.records.length
        next += append.records.length
      } else {
        const repeated = await this.#repeated(partition, append, entry)
        if (repeated === null) entry.refusedBy = partition.commits
        results.push(repeated ?? conflict(entry))
      }
    }
    const blocks: BlockWrite[] = []
    packBlocks(partition, accepted, acceptedEntries, 0, accepted.length, partition.lastPosition + 1, blocks)
    const outcome = await this.#engine.write({
      partition: partition.nr,
      epoch: partition.epoch,
      lastPosition: partition.lastPosition,
      nextLastPosition: next - 1,
      blocks,
      touched,
      cursors,
    })
    if (!this.#settle(partition, outcome)) return null
    partition.lastPosition = next - 1
    for (const entry of touched) {
      entry.sequenceNr = entry.nextSequenceNr
      entry.block = entry.nextBlock
      entry.dirty = true
    }
    return results
  }

  /** True when it is written; false when others moved the log, which is taken note of. **Errors**: JOURNAL_FENCED. */
  #settle(partition: Partition, outcome: WriteOutcome): boolean {
    switch (outcome.status) {
      case 'written':
        return true
      case 'fenced':
        partition.fencedBy = outcome.epoch
        throw this.#fenced(partition)
      case 'moved':
        partition.lastPosition = outcome.lastPosition
        for (const [persistenceId, head] of outcome.heads) {
          const entry = partition.heads.get(persistenceId)
          if (entry === undefined) continue
          entry.sequenceNr = head.sequenceNr
          entry.block = head.block
        }
        return false
      default:
        return unreachable(outcome, 'outcome of a write')
    }
  }

  /** The heads' entries of `appends`, in their order; the store is asked once for those that are not in memory. */
  async #entries(partition: Partition, appends: readonly Append[]): Promise<readonly HeadEntry[]> {
    const entries: HeadEntry[] = new Array(appends.length)
    const unknown: string[] = []
    const seen = this.#engine.shared ? new Set<string>() : null
    for (let i = 0; i < appends.length; i++) {
      const { persistenceId, expectedSequenceNr } = appends[i]!
      const entry = partition.heads.get(persistenceId)
      if (entry === undefined) {
        // Where the store checks heads itself, an id that begins is taken for new: the usual case costs no question.
        if (seen !== null && expectedSequenceNr === 0) entries[i] = partition.heads.add(persistenceId, NO_HEAD, false)
        else unknown.push(persistenceId)
      } else {
        entries[i] = entry
        // Where others may write, a head in memory that does not fit an id's first append may only be old.
        if (seen !== null && !seen.has(persistenceId) && entry.sequenceNr !== expectedSequenceNr)
          unknown.push(persistenceId)
      }
      seen?.add(persistenceId)
    }
    if (unknown.length === 0) return entries
    const asked = this.#engine.heads(partition.nr, unknown)
    const heads = asked instanceof Promise ? await asked : asked
    for (const [i, persistenceId] of unknown.entries()) {
      const entry = partition.heads.get(persistenceId)
      const head = heads[i]!
      if (entry === undefined) partition.heads.add(persistenceId, head, false)
      else if (!entry.dirty || this.#engine.shared) {
        entry.sequenceNr = head.sequenceNr
        entry.block = head.block
      }
    }
    for (let i = 0; i < appends.length; i++) entries[i] ??= partition.heads.get(appends[i]!.persistenceId)!
    return entries
  }

  /** Whether `append` stands in the log already, at the place that it names; null where another one does, or nothing. */
  async #repeated(partition: Partition, append: Append, entry: HeadEntry): Promise<AppendResult | null> {
    if (append.expectedSequenceNr >= entry.sequenceNr) return null
    const chain = await this.#chain(partition.nr, append.persistenceId, entry.block, append.expectedSequenceNr + 1)
    const block = await this.#block(partition.nr, chain.at(-1)!, append.persistenceId)
    const written = block.appends.find(
      each => each.persistenceId === append.persistenceId && each.expectedSequenceNr === append.expectedSequenceNr,
    )
    return written?.appendId === append.appendId && written.records.length === append.records.length
      ? { status: 'written', position: written.position, repeated: true }
      : null
  }

  #rotateHeads(partition: Partition): void {
    const due = partition.heads.full || partition.lastPosition - partition.rotatedAt >= RECORDS_BETWEEN_ROTATIONS
    if (!due || !this.#engine.mayRotate(partition.nr)) return
    partition.rotatedAt = partition.lastPosition
    this.#engine.rotated(partition.nr, partition.heads.rotate(), partition.lastPosition)
  }

  async #saveSnapshot(snapshot: Snapshot, keep: number): Promise<void> {
    const partition = this.#writable(partitionOf(snapshot.persistenceId, this.partitions))
    const outcome = await this.#engine.saveSnapshot({
      partition: partition.nr,
      epoch: partition.epoch,
      persistenceId: snapshot.persistenceId,
      sequenceNr: snapshot.sequenceNr,
      packed: packSnapshot(snapshot),
      keep,
    })
    this.#settle(partition, outcome)
  }

  async #saveCursors(nr: number, cursors: Cursors): Promise<void> {
    const partition = this.#writable(nr)
    const { epoch, lastPosition } = partition
    // A write of no records: it holds for whatever position the log is at.
    const outcome = await this.#engine.write({
      partition: nr,
      epoch,
      lastPosition,
      nextLastPosition: lastPosition,
      blocks: [],
      touched: [],
      cursors,
    })
    this.#settle(partition, outcome)
  }

  // Reading

  async #head(persistenceId: string): Promise<Head> {
    const partition = this.#partition(partitionOf(persistenceId, this.partitions))
    const entry = partition.heads.peek(persistenceId)
    if (entry !== undefined && !this.#engine.shared) return entry
    const asked = this.#engine.heads(partition.nr, [persistenceId])
    const [head] = asked instanceof Promise ? await asked : asked
    return head!
  }

  /** First positions of the blocks that hold the id's records from `fromSequenceNr` on, the last block first. */
  async #chain(
    nr: number,
    persistenceId: string,
    lastBlock: number,
    fromSequenceNr: number,
  ): Promise<readonly number[]> {
    const chain: number[] = []
    for (let firstPosition = lastBlock; ; ) {
      const { index } = await this.#block(nr, firstPosition, persistenceId)
      const i = index.persistenceIds.indexOf(persistenceId)
      if (i === -1)
        throw corrupt(`${this.#place(nr, firstPosition)}: ${persistenceId} should be in this block, and is not`)
      chain.push(firstPosition)
      if (index.expectedSequenceNrs[i]! < fromSequenceNr) return chain
      const back = index.stepsBack[i]!
      if (back === 0 && index.expectedSequenceNrs[i]! > 0)
        throw corrupt(`${this.#place(nr, firstPosition)}: the chain of ${persistenceId} ends before its first record`)
      if (back === 0) return chain
      firstPosition -= back
    }
  }

  async #block(nr: number, firstPosition: number, persistenceId: string): Promise<Block> {
    const cached = this.#cache.get(nr, firstPosition)
    if (cached !== undefined) return cached
    const packed = await this.#engine.block(nr, firstPosition)
    if (packed === null) throw corrupt(`${this.#place(nr, firstPosition)}: a block of ${persistenceId} is missing`)
    return this.#remember(nr, firstPosition, packed, persistenceId)
  }

  #remember(nr: number, firstPosition: number, packed: Buffer, persistenceId?: string): Block {
    const cached = this.#cache.get(nr, firstPosition)
    if (cached !== undefined) return cached
    const where = this.#place(nr, firstPosition)
    const block = new Block(
      packed,
      nr,
      firstPosition,
      persistenceId === undefined ? where : `${where}, ${persistenceId}`,
    )
    this.#cache.add(block)
    return block
  }

  #missing(nr: number, position: number): RuntimeError {
    return corrupt(`${this.#place(nr, position)}: this part of the log is missing`)
  }

  #place(nr: number, position: number): string {
    return `${this.name}, partition ${nr}, position ${position}`
  }

  // Being open

  #partition(nr: number): Partition {
    if (this.#closing !== null) throw new RuntimeError('JOURNAL_CLOSED', `${this.name} is closed`)
    const partition = this.#partitions[nr]
    assert(partition !== undefined, `${this.name} has no partition ${nr}, or was not opened`)
    return partition
  }

  #writable(nr: number): Partition {
    const partition = this.#partition(nr)
    if (partition.fencedBy > 0) throw this.#fenced(partition)
    return partition
  }

  #fenced(partition: Partition): RuntimeError {
    return new RuntimeError(
      'JOURNAL_FENCED',
      `${this.name}, partition ${partition.nr}: epoch ${partition.fencedBy} has taken over from ${partition.epoch}. ` +
        'Another process opened this store for writing: stop this one.',
    )
  }

  #track<T>(doing: Promise<T>): Promise<T> {
    this.#underWay.add(doing)
    const done = (): void => {
      this.#underWay.delete(doing)
    }
    doing.then(done, done)
    return doing
  }
}

const conflict = (entry: HeadEntry): AppendResult => ({ status: 'conflict', actualSequenceNr: entry.nextSequenceNr })

/** Packs `appends[from…to)` into blocks, and notes in the entries where each id's last one is. Returns the position after. */
const packBlocks = (
  partition: Partition,
  appends: readonly Append[],
  entries: readonly HeadEntry[],
  from: number,
  to: number,
  position: number,
  blocks: BlockWrite[],
): number => {
  let next = position
  for (let start = from; start < to; start += APPENDS_PER_BLOCK) {
    const end = Math.min(start + APPENDS_PER_BLOCK, to)
    next = packBlock(partition, appends, entries, start, end, next, blocks)
  }
  return next
}

const packBlock = (
  partition: Partition,
  appends: readonly Append[],
  entries: readonly HeadEntry[],
  from: number,
  to: number,
  firstPosition: number,
  blocks: BlockWrite[],
): number => {
  const records = packRecords(appends, from, to)
  if (records.length > BLOCK_BYTES_MAX && to - from > 1) {
    const middle = (from + to) >>> 1
    const next = packBlock(partition, appends, entries, from, middle, firstPosition, blocks)
    return packBlock(partition, appends, entries, middle, to, next, blocks)
  }
  const ids: string[] = []
  const expected: number[] = []
  const back: number[] = []
  const counts: number[] = []
  let next = firstPosition
  for (let i = from; i < to; i++) {
    const append = appends[i]!
    const entry = entries[i]!
    ids.push(append.persistenceId)
    expected.push(append.expectedSequenceNr)
    back.push(entry.nextBlock === 0 || entry.nextBlock === firstPosition ? 0 : firstPosition - entry.nextBlock)
    counts.push(append.records.length)
    entry.nextBlock = firstPosition
    next += append.records.length
  }
  blocks.push({ firstPosition, packed: sealBlock(partition.nr, firstPosition, ids, expected, back, counts, records) })
  return next
}
