/**
 * Fills an empty store with what another one held: the same blocks at the same positions, byte by byte, snapshots, horizons
 * and cursors. Nobody else has the store open, so heads are what the blocks say.
 *
 * What was dropped of a log stays dropped. Whatever comes before it goes to files of the archive, since a log begins where
 * the last of its segments ended; the rest goes into the log, also what came from files.
 *
 *     held     | block | block | dropped | block | block |
 *     filled   |     file      | dropped | block | block |
 */

import { assert } from '../../base/assert.ts'
import { RuntimeError } from '../../base/errors.ts'
import { randomId, systemRandom } from '../../base/ports.ts'
import type { Cursors } from '../../persistence/journal.ts'
import { partitionOf } from '../../persistence/partition.ts'
import type { BlockIndex } from '../codec/block.ts'
import { hashOf } from '../codec/checksum.ts'
import { Archive } from './archive.ts'
import type { ArchiveOptions } from './archive-options.ts'
import {
  type BlockWrite,
  type Engine,
  type EngineWrite,
  type Head,
  type HeadEntry,
  NO_HEAD,
  type WriteOutcome,
} from './engine.ts'
import { type Horizon, isSameHorizon, NO_HORIZON } from './horizon.ts'
import { SEGMENT_BLOCKS_MAX, segmentBlocks } from './roll-out.ts'
import type { Segment } from './segment.ts'
import { removeSegmentFile, writeSegmentFile } from './segment-file.ts'

/** A part of a log that is gone. */
export interface Gap {
  readonly firstPosition: number
  readonly lastPosition: number
}

export interface FillingBlock extends BlockWrite {
  readonly index: BlockIndex
}

/** Written at once. */
const WRITE_BYTES = 2_097_152
const HEADS_PER_WRITE = 4_096
const ALL = Number.MAX_SAFE_INTEGER

interface Partition {
  readonly nr: number
  readonly epoch: number
  /** As the store has it. */
  lastPosition: number
  /** Where the next block belongs, or the next gap. */
  next: number
  /** Those that are still to come. */
  readonly gaps: Gap[]
  readonly horizons: Map<string, Horizon>
  heads: Map<string, HeadEntry>
  waiting: BlockWrite[]
  waitingBytes: number
  touched: Set<HeadEntry>
  /** What is to go into a file together. */
  segment: Segment | null
}

/**
 * In this order: snapshots, horizons, and per partition gaps, blocks, cursors, `finish`. **Errors** of all its calls: those of
 * the engine; JOURNAL_FENCED where another one has opened the store. **Bounds**: memory for a head per id of a partition.
 */
export class StoreFilling {
  readonly #engine: Engine
  readonly #archive: Archive
  readonly #files: string[] = []
  #partitions: readonly Partition[] = []

  constructor(engine: Engine, archive: ArchiveOptions | null) {
    this.#engine = engine
    this.#archive = new Archive(engine.name, archive)
  }

  async open(): Promise<void> {
    const opened = await this.#engine.open()
    this.#partitions = opened.map(({ epoch, lastPosition, segments }, nr) => {
      assert(
        lastPosition === 0 && segments.length === 0,
        `${this.#engine.name}: a store is filled that holds something`,
      )
      return {
        nr,
        epoch,
        lastPosition: 0,
        next: 1,
        gaps: [],
        horizons: new Map(),
        heads: new Map(),
        waiting: [],
        waitingBytes: 0,
        touched: new Set(),
        segment: null,
      }
    })
  }

  async saveSnapshot(persistenceId: string, sequenceNr: number, packed: Buffer): Promise<void> {
    const partition = this.#partitionOf(persistenceId)
    const { nr, epoch, lastPosition } = partition
    const write = { partition: nr, epoch, lastPosition, persistenceId, sequenceNr, packed, keep: ALL }
    const outcome = await this.#engine.saveSnapshot(write)
    assert(outcome.status !== 'forgotten', `${this.#engine.name}: a horizon was there before its snapshots`)
    this.#expectWritten(partition, outcome)
  }

  /** Snapshots below the horizon go. */
  async forget(persistenceId: string, to: Horizon): Promise<void> {
    const partition = this.#partitionOf(persistenceId)
    const { nr, epoch, lastPosition } = partition
    partition.horizons.set(persistenceId, to)
    const outcome = await this.#engine.delete({
      partition: nr,
      epoch,
      lastPosition,
      persistenceId,
      from: NO_HORIZON,
      head: NO_HEAD,
      to,
    })
    if (outcome.status !== 'changed') return this.#expectWritten(partition, outcome)
    // Asked again after its answer was lost, it is found done.
    const stored = await this.#engine.horizon(nr, persistenceId)
    assert(isSameHorizon(stored, to), `${this.#engine.name}: others delete from a store that is being filled`)
  }

  drop(nr: number, gap: Gap): void {
    this.#partitions[nr]!.gaps.push(gap)
  }

  /** **Errors**: JOURNAL_MISCONFIGURED where the block has to go to a file, and no archive was given. */
  async put(nr: number, block: FillingBlock): Promise<void> {
    const partition = this.#partitions[nr]!
    await this.#passGaps(partition)
    const { firstPosition, packed, index } = block
    assert(firstPosition === partition.next, `${this.#engine.name}: a block belongs at position ${partition.next}`)
    if (partition.gaps.length > 0) await this.#addToSegment(partition, block)
    partition.waiting.push({ firstPosition, packed })
    partition.waitingBytes += packed.length
    this.#touch(partition, index)
    partition.next = index.lastPosition + 1
    if (partition.waitingBytes >= WRITE_BYTES) await this.#flush(partition)
  }

  async saveCursors(nr: number, cursors: Cursors): Promise<void> {
    const partition = this.#partitions[nr]!
    await this.#flush(partition)
    await this.#write(partition, { blocks: [], touched: [], cursors })
  }

  /** After the last block of a partition: its heads are in the store. */
  async finish(nr: number): Promise<void> {
    const partition = this.#partitions[nr]!
    await this.#flush(partition)
    await this.#putDeletedHeads(partition)
    await this.#index(partition)
    partition.heads = new Map()
  }

  async close(): Promise<void> {
    await this.#engine.close(this.#partitions.map(({ epoch, lastPosition }) => ({ epoch, lastPosition, dirty: [] })))
  }

  /** Takes its files away, of a store that will not be. */
  async removeFiles(): Promise<void> {
    for (const path of this.#files.splice(0)) await removeSegmentFile(path)
  }

  #touch({ nr, heads, horizons, touched }: Partition, index: BlockIndex): void {
    const { persistenceIds, expectedSequenceNrs, recordCounts, firstPosition } = index
    for (const [i, persistenceId] of persistenceIds.toArray().entries()) {
      assert(
        persistenceId !== null && this.#partitionOf(persistenceId).nr === nr,
        `an id of another partition than ${nr}`,
      )
      // The head of one that was ended says so.
      if (horizons.get(persistenceId)?.tombstoned === true) continue
      let entry = heads.get(persistenceId)
      if (entry === undefined) {
        entry = newHead(persistenceId)
        heads.set(persistenceId, entry)
      }
      entry.nextSequenceNr = expectedSequenceNrs[i]! + recordCounts[i]!
      entry.nextBlock = firstPosition
      entry.dirty = true
      touched.add(entry)
    }
  }

  /** The ids whose last records were dropped: their numbers go on after them. */
  async #putDeletedHeads(partition: Partition): Promise<void> {
    const { horizons, heads } = partition
    let touched: HeadEntry[] = []
    for (const [persistenceId, { deletedTo, tombstoned }] of horizons) {
      const entry = heads.get(persistenceId) ?? newHead(persistenceId)
      if (tombstoned || entry.sequenceNr >= deletedTo) continue
      heads.set(persistenceId, entry)
      entry.nextSequenceNr = deletedTo
      entry.nextBlock = entry.block
      entry.dirty = true
      if (touched.push(entry) < HEADS_PER_WRITE) continue
      await this.#write(partition, { blocks: [], touched, cursors: null })
      touched = []
    }
    if (touched.length > 0) await this.#write(partition, { blocks: [], touched, cursors: null })
  }

  async #flush(partition: Partition): Promise<void> {
    const { waiting, touched } = partition
    if (waiting.length === 0) return
    partition.waiting = []
    partition.waitingBytes = 0
    partition.touched = new Set()
    await this.#write(partition, { blocks: waiting, touched: [...touched], cursors: null }, partition.next - 1)
  }

  /** Once more after an answer that was lost, unless it is found written. */
  async #write(
    partition: Partition,
    what: Pick<EngineWrite, 'blocks' | 'touched' | 'cursors'>,
    nextLastPosition = partition.lastPosition,
  ): Promise<void> {
    const { nr, epoch, lastPosition } = partition
    for (;;) {
      const outcome = await this.#engine.write({ partition: nr, epoch, lastPosition, nextLastPosition, ...what })
      if (outcome.status === 'written') break
      if (outcome.status === 'fenced') throw this.#fenced(partition)
      if (isDone(what.touched, outcome.heads) || (what.blocks.length > 0 && outcome.lastPosition === nextLastPosition))
        break
      if (outcome.lastPosition !== lastPosition) throw this.#fenced(partition)
    }
    partition.lastPosition = nextLastPosition
    for (const entry of what.touched) {
      entry.sequenceNr = entry.nextSequenceNr
      entry.block = entry.nextBlock
    }
  }

  // What is not in the log

  async #passGaps(partition: Partition): Promise<void> {
    for (let gap = partition.gaps[0]; gap?.firstPosition === partition.next; gap = partition.gaps[0]) {
      await this.#endSegment(partition)
      const { firstPosition, lastPosition } = gap
      await this.#leave(partition, { firstPosition, lastPosition, blocks: 0, bytes: 0, incarnation: null })
      partition.next = lastPosition + 1
      partition.gaps.shift()
    }
  }

  async #addToSegment(partition: Partition, { firstPosition, packed, index }: FillingBlock): Promise<void> {
    if (!this.#archive.hasFolder)
      throw new RuntimeError(
        'JOURNAL_MISCONFIGURED',
        `${this.#engine.name}, partition ${partition.nr}: positions ${firstPosition} to ${partition.gaps[0]!.firstPosition - 1} ` +
          'lie before a part of the log that was dropped, so they have to go to files: give the folder of an archive.',
      )
    const { segment } = partition
    if (
      segment !== null &&
      (segment.blocks === SEGMENT_BLOCKS_MAX || segment.bytes + packed.length > this.#archive.segmentBytes)
    )
      await this.#endSegment(partition)
    const before = partition.segment ?? { firstPosition, blocks: 0, bytes: 0, incarnation: null }
    partition.segment = {
      ...before,
      lastPosition: index.lastPosition,
      blocks: before.blocks + 1,
      bytes: before.bytes + packed.length,
    }
  }

  async #endSegment(partition: Partition): Promise<void> {
    if (partition.segment === null) return
    await this.#flush(partition)
    const incarnation = await this.#index(partition)
    const segment = { ...partition.segment, incarnation }
    const { firstPosition, lastPosition, blocks } = segment
    const path = this.#archive.pathOf(partition.nr, segment)
    this.#files.push(path, `${path}.partial`)
    await writeSegmentFile(
      path,
      { incarnation, partition: partition.nr, firstPosition, lastPosition, blocks },
      segmentBlocks(this.#engine, partition.nr, segment),
    )
    await this.#leave(partition, segment)
    partition.segment = null
  }

  async #leave(partition: Partition, segment: Segment): Promise<void> {
    const { nr, epoch, lastPosition } = partition
    await this.#index(partition)
    this.#expectWritten(partition, await this.#engine.rollOut({ partition: nr, epoch, lastPosition, segment }))
  }

  /** Has the heads of now in the store's index. The name of the log's incarnation. */
  async #index(partition: Partition): Promise<string> {
    const { nr, epoch, lastPosition, heads } = partition
    const dirty = [...heads.values()].filter(entry => entry.dirty)
    const drawn = randomId(systemRandom)
    const begun = await this.#engine.beginRollOut({ partition: nr, epoch, lastPosition, dirty, drawn })
    if (begun.status !== 'ready') throw this.#fenced(partition)
    return begun.incarnation
  }

  #expectWritten(partition: Partition, { status }: WriteOutcome): void {
    if (status !== 'written') throw this.#fenced(partition)
  }

  #partitionOf(persistenceId: string): Partition {
    return this.#partitions[partitionOf(persistenceId, this.#partitions.length)]!
  }

  #fenced({ nr }: Partition): RuntimeError {
    return new RuntimeError(
      'JOURNAL_FENCED',
      `${this.#engine.name}, partition ${nr}: another process has opened the store that a backup is read into. Stop this one.`,
    )
  }
}

/** Whether the heads are what a write was to make of them. */
const isDone = (touched: readonly HeadEntry[], heads: ReadonlyMap<string, Head>): boolean =>
  touched.length > 0 &&
  touched.every(({ persistenceId, nextSequenceNr }) => heads.get(persistenceId)?.sequenceNr === nextSequenceNr)

const newHead = (persistenceId: string): HeadEntry => ({
  persistenceId,
  ...NO_HEAD,
  nextSequenceNr: 0,
  nextBlock: 0,
  touchedBy: 0,
  refusedBy: 0,
  dirty: true,
  hash: hashOf(persistenceId),
})
