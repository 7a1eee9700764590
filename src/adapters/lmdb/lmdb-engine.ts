/**
 * Packed journals in LMDB.
 *
 *     log          partition, position of its first record -> block
 *     heads        id -> sequence number, block; written behind, see `write-behind.ts`
 *     checkpoints  partition -> the position up to which `heads` is complete, and the number of blocks up to there
 *     epochs       partition, with the epoch as lmdb-js's version: every write is conditional on it, within its transaction
 *     meta         the store's description; how many heads and cursors there are at least: neither is ever removed
 *     snapshots, cursors
 *     horizons     id -> what is deleted of it, see `horizons.ts`
 *     segments     partition, first position -> a segment that has left the log; see `packed/segment.ts`
 *
 * Every value has a checksum over its key too. What is missing is found by numbers: the log's first and last position and
 * its blocks, the heads, the cursors, the horizons.
 *
 * What makes a commit durable: with `overlappingSync: false` lmdb-js's writer thread commits a transaction the way LMDB
 * does it: data pages, fdatasync, then the meta page through a descriptor opened with O_DSYNC; the promise of the write
 * resolves after that, and rejects if any of it fails. With overlappingSync, its default, that promise means "visible"
 * only, `flushed` is a second one, and in lmdb-js 3.5 a failed flush leaves it pending for ever (write.js, `startWriting`).
 * It also costs more for one commit at a time: 0.73 ms against 0.58 ms (4 blocks of 14 kB, Node 20.20).
 *
 * Without `eventTurnBatching`: with it lmdb-js opens every turn's batch by a write of its own, whose promise nobody gets;
 * when the disk is full that one rejects as well, unhandled, and ends the process.
 */

import { isRuntimeError, RuntimeError, toError } from '../../base/errors.ts'
import type { Cursors } from '../../persistence/journal.ts'
import { Block } from '../codec/block.ts'
import { hashOf, sealAsText, sealNumbers, unsealNumbers } from '../codec/checksum.ts'
import { corrupt } from '../codec/frame.ts'
import {
  checkPartitionsAsked,
  describeStore,
  FIRST_INCARNATION,
  lineageOf,
  parseDescription,
} from '../packed/description.ts'
import {
  type Changed,
  type Engine,
  type EngineWrite,
  type Forgotten,
  type Head,
  type HeadEntry,
  NO_HEAD,
  type OpenedPartition,
  type PartitionAtClose,
  type RollOutBegin,
  type RollOutReady,
  type RollOutWrite,
  type SnapshotWrite,
  type StoredBlock,
  type StoredSnapshot,
  type WriteOutcome,
} from '../packed/engine.ts'
import { DEAD_HEAD, type Deletion, type Horizon } from '../packed/horizon.ts'
import { beginAfter, type Segment } from '../packed/segment.ts'
import { checkDatabaseFile } from './file-check.ts'
import { type EpochWrite, Horizons } from './horizons.ts'
import { cursorGroup, cursorKey, cursorName, logKey, positionOf, snapshotKey, snapshotNrsOf } from './keys.ts'
import { lockStore, type StoreLock } from './lock.ts'
import { isMarked, mark } from './marker.ts'
import { checkNumbers, checkStart, scanTail, takeEpoch } from './opening.ts'
import { type Growth, Room } from './room.ts'
import { Segments } from './segments.ts'
import { entriesOf, extentOf, openTables, type Tables } from './tables.ts'
import { WriteBehind } from './write-behind.ts'
import { unreadable, writeFailed } from './write-failed.ts'

/** Heads that a commit takes along beyond as many as it has appends: so a generation is through before the next is due. */
const HEADS_PER_COMMIT = 64

const FLUSHED =
  'A resolved write was flushed to the disk (fdatasync) and survives the end of the process and a loss of power, ' +
  'as far as the disk keeps what it says it wrote.'
const NOT_FLUSHED =
  'A resolved write was handed to the operating system and survives the end of the process; the end of the machine may ' +
  'take what was not yet on the disk, and may leave a damaged store.'

export interface LmdbEngineOptions {
  /** Of a store that is made here; one that is there has its own. */
  readonly incarnation?: number
  /** Whether a write waits for the disk. Default: true. */
  readonly flush?: boolean
}

export class LmdbEngine implements Engine {
  readonly name: string
  readonly durability: string
  readonly shared = false
  readonly #path: string
  readonly #partitions: number | null
  readonly #flush: boolean
  /** The store's, told to whoever asks for its lineage; not that of a log whose segments are rolled out. */
  #lineage: number
  readonly #logs: Log[] = []
  #tables: Tables | null = null
  #horizons: Horizons | null = null
  #segments: Segments | null = null
  #room: Room | null = null
  #lock: StoreLock | null = null

  constructor(path: string, partitions: number | null, options: LmdbEngineOptions = {}) {
    const { incarnation = FIRST_INCARNATION, flush = true } = options
    this.name = `lmdb:${path}`
    this.durability = flush ? FLUSHED : NOT_FLUSHED
    this.#path = path
    this.#partitions = partitions
    this.#lineage = incarnation
    this.#flush = flush
  }

  get lineage(): string | null {
    return lineageOf(this.#lineage)
  }

  async open(): Promise<readonly OpenedPartition[]> {
    this.#lock = await lockStore(this.#path)
    try {
      const made = checkDatabaseFile(this.#path) === 'there' && isMarked(this.#path)
      const tables = openTables(this.#path, { noSync: !this.#flush })
      this.#tables = tables
      this.#room = await Room.open(this.name, `${this.#path}/data.mdb`, () => {
        // What a reader held back that was killed, such as a backup, is free again before the file grows.
        tables.root.readerCheck()
        return extentOf(tables)
      })
      const partitions = await this.#inRoom(NO_GROWTH, async () => {
        const stored = this.#checkDescription(tables, made)
        const write: EpochWrite = (nr, epoch, growth, put) =>
          this.#inRoom(growth, () => this.#settled(nr, tables.epochs.ifVersion(nr, epoch, put)))
        this.#horizons = new Horizons(this.name, tables, stored, write)
        this.#segments = new Segments(this.name, tables, write)
        return Array.from({ length: stored }, (_, nr) => this.#openPartition(tables, nr))
      })
      const blocks = this.#logs.reduce((sum, log) => sum + log.blocks, 0)
      checkNumbers(this.name, tables, blocks)
      if (!made) mark(this.#path)
      return partitions
    } catch (error) {
      await this.#release()
      throw isRuntimeError(error) ? error : unreadable(this.name, error)
    }
  }

  heads(partition: number, persistenceIds: readonly string[]): readonly Head[] {
    const { heads } = this.#open()
    return persistenceIds.map(persistenceId => {
      let stored: Buffer | undefined
      try {
        stored = heads.getBinary(persistenceId)
      } catch (error) {
        throw unreadable(`${this.name}, partition ${partition}, head of ${persistenceId}`, error)
      }
      if (stored === undefined) return NO_HEAD
      const numbers = unsealNumbers(hashOf(persistenceId), stored)
      if (numbers === null) throw this.#unsealed(`partition ${partition}, head of ${persistenceId}`)
      return { sequenceNr: numbers[0], block: numbers[1] }
    })
  }

  mayRotate(partition: number): boolean {
    return this.#logs[partition]!.behind.idle
  }

  rotated(partition: number, entries: Iterable<HeadEntry>, lastPosition: number): void {
    const log = this.#logs[partition]!
    log.behind.begin(entries, lastPosition)
    log.blocksAtCheckpoint = log.blocks
  }

  async write(write: EngineWrite): Promise<WriteOutcome> {
    const { epochs, log, cursors } = this.#open()
    const state = this.#logs[write.partition]!
    const slice = state.behind.next(write.touched.length + HEADS_PER_COMMIT)
    const values = write.blocks.map(({ packed }) => packed.length)
    const outcome = await this.#inRoom(growthOf(values, slice?.entries ?? []), () =>
      this.#settled(
        write.partition,
        epochs.ifVersion(write.partition, write.epoch, () => {
          for (const { firstPosition, packed } of write.blocks) log.put(logKey(write.partition, firstPosition), packed)
          if (write.cursors !== null) this.#putCursors(cursors, write.partition, write.cursors)
          if (slice !== null) this.#putHeads(slice.entries)
          if (slice !== null && slice.checkpoint !== null)
            this.#putCheckpoint(write.partition, slice.checkpoint, state.blocksAtCheckpoint)
        }),
      ),
    )
    if (outcome.status === 'written') {
      state.behind.confirm()
      state.blocks += write.blocks.length
    }
    return outcome
  }

  async lastPosition(partition: number): Promise<number> {
    const [last] = await this.blocks(partition, Number.MAX_SAFE_INTEGER, 1)
    if (last === undefined) return 0
    const where = `${this.name}, partition ${partition}, position ${last.firstPosition}`
    return new Block(last.packed, partition, last.firstPosition, where).index.lastPosition
  }

  async blocks(partition: number, position: number, count: number): Promise<readonly StoredBlock[]> {
    const { log } = this.#open()
    return this.#reading(`partition ${partition}, log from position ${position}`, () => {
      let from = position
      for (const key of log.getKeys({ start: logKey(partition, position), reverse: true, limit: 1 }))
        if (key.readUInt32BE(0) === partition) from = positionOf(key)
      const range = log.getRange({ start: logKey(partition, from), end: logKey(partition + 1, 0), limit: count })
      return Array.from(range, ({ key, value }) => ({ firstPosition: positionOf(key), packed: value }))
    })
  }

  block(partition: number, firstPosition: number): Buffer | null {
    const { log } = this.#open()
    return this.#reading(
      `partition ${partition}, position ${firstPosition}`,
      () => log.getBinary(logKey(partition, firstPosition)) ?? null,
    )
  }

  async cursors(partition: number): Promise<Cursors> {
    const { cursors } = this.#open()
    const range = { start: cursorKey(partition, ''), end: cursorKey(partition + 1, '') }
    const stored = this.#reading(`partition ${partition}, cursors`, () => Array.from(cursors.getRange(range)))
    return new Map(
      stored.map(({ key, value }) => {
        const group = cursorGroup(key)
        const [position] = this.#unseal(
          value,
          cursorName(partition, group),
          `partition ${partition}, cursor of ${group}`,
        )
        return [group, position]
      }),
    )
  }

  async saveSnapshot(write: SnapshotWrite): Promise<WriteOutcome | Forgotten> {
    const { epochs, snapshots } = this.#open()
    const horizon = this.horizon(write.partition, write.persistenceId)
    if (horizon.tombstoned || write.sequenceNr < horizon.deletedTo) return { status: 'forgotten', horizon }
    const others = snapshotNrsOf(snapshots, write.persistenceId).filter(nr => nr !== write.sequenceNr)
    const tooOld = [write.sequenceNr, ...others].sort((a, b) => b - a).slice(write.keep)
    return this.#inRoom({ ...NO_GROWTH, values: [write.packed.length] }, () =>
      this.#settled(
        write.partition,
        epochs.ifVersion(write.partition, write.epoch, () => {
          snapshots.put(snapshotKey(write.persistenceId, write.sequenceNr), write.packed)
          for (const sequenceNr of tooOld) snapshots.remove(snapshotKey(write.persistenceId, sequenceNr))
        }),
      ),
    )
  }

  async snapshots(_partition: number, persistenceId: string): Promise<readonly StoredSnapshot[]> {
    const { snapshots } = this.#open()
    return this.#reading(`snapshots of ${persistenceId}`, () => {
      const found: StoredSnapshot[] = []
      for (const sequenceNr of snapshotNrsOf(snapshots, persistenceId)) {
        const packed = snapshots.getBinary(snapshotKey(persistenceId, sequenceNr))
        if (packed !== undefined) found.push({ sequenceNr, packed })
      }
      return found.reverse()
    })
  }

  mayHaveHorizons(partition: number): boolean {
    return this.#horizons!.mayHave(partition)
  }

  horizon(_partition: number, persistenceId: string): Horizon {
    return this.#reading(`horizon of ${persistenceId}`, () => this.#horizons!.get(persistenceId))
  }

  delete(deletion: Deletion): Promise<WriteOutcome | Changed> {
    return this.#horizons!.delete(deletion)
  }

  /** The heads that are not in the index yet go there, in slices; then the checkpoint is the log's end. */
  async beginRollOut(begin: RollOutBegin): Promise<WriteOutcome | RollOutReady> {
    const { epochs } = this.#open()
    const { partition, epoch, lastPosition } = begin
    const state = this.#logs[partition]!
    const incarnation = this.#segments!.incarnation(partition) ?? begin.drawn
    const dirty = [...begin.dirty]
    for (let from = 0; from === 0 || from < dirty.length; from += HEADS_PER_SLICE) {
      const entries = dirty.slice(from, from + HEADS_PER_SLICE)
      const isLast = from + HEADS_PER_SLICE >= dirty.length
      const outcome = await this.#inRoom(growthOf([incarnation.length], entries), () =>
        this.#settled(
          partition,
          epochs.ifVersion(partition, epoch, () => {
            this.#putHeads(entries)
            if (!isLast) return
            this.#putCheckpoint(partition, lastPosition, state.blocks)
            this.#segments!.putIncarnation(partition, incarnation)
          }),
        ),
      )
      if (outcome.status !== 'written') return outcome
      for (const entry of entries) entry.dirty = false
    }
    state.behind.settle()
    return { status: 'ready', incarnation }
  }

  async rollOut(write: RollOutWrite): Promise<WriteOutcome> {
    const tables = this.#open()
    const { partition, segment } = write
    const state = this.#logs[partition]!
    const [position, blocks] = this.#checkpoint(tables, partition)!
    const left = sealNumbers(hashOf(checkpointName(partition)), position, blocks - segment.blocks)
    const outcome = await this.#segments!.giveUp(write, () => tables.checkpoints.put(partition, left))
    if (outcome.status === 'written') {
      state.blocks -= segment.blocks
      state.blocksAtCheckpoint -= segment.blocks
    }
    return outcome
  }

  async segments(partition: number): Promise<readonly Segment[]> {
    return this.#segments!.of(partition)
  }

  async close(partitions: readonly PartitionAtClose[]): Promise<void> {
    const tables = this.#tables
    if (tables === null) return
    try {
      // A fenced one writes nothing here: the index belongs to who took over.
      for (const [nr, { epoch, lastPosition, dirty }] of partitions.entries()) {
        const entries = [...dirty]
        await this.#inRoom(growthOf([], entries), () =>
          this.#settled(
            nr,
            tables.epochs.ifVersion(nr, epoch, () => {
              this.#putHeads(entries)
              this.#putCheckpoint(nr, lastPosition, this.#logs[nr]!.blocks)
            }),
          ),
        )
      }
      // How many heads these made is known now.
      const epoch = partitions[0]?.epoch
      if (epoch !== undefined)
        await this.#inRoom(NO_GROWTH, () =>
          this.#settled(
            0,
            tables.epochs.ifVersion(0, epoch, () => this.#putNumbers()),
          ),
        )
    } finally {
      await this.#release()
    }
  }

  // Opening

  /** The number of partitions; a store that has none yet gets its description. */
  #checkDescription(tables: Tables, made: boolean): number {
    const text = tables.meta.get('store')
    if (text !== undefined) {
      const { partitions, incarnation } = parseDescription(text, this.name)
      checkPartitionsAsked(this.name, partitions, this.#partitions)
      this.#lineage = incarnation
      return partitions
    }
    if (made || entriesOf(tables.log) > 0) throw corrupt(`${this.name}: the store's description is missing`)
    const partitions = this.#partitions ?? 1
    tables.meta.putSync('store', describeStore({ partitions, state: 'made', incarnation: this.#lineage }))
    return partitions
  }

  #openPartition(tables: Tables, nr: number): OpenedPartition {
    const checkpoint = this.#checkpoint(tables, nr)
    const epoch = takeEpoch(this.name, tables, nr, checkpoint !== null)
    const [indexedTo, indexedBlocks] = checkpoint ?? [0, 0]
    const { lastPosition, heads, blocks } = scanTail(this.name, tables, nr, indexedTo)
    this.#logs.push({ behind: new WriteBehind(), blocks: indexedBlocks + blocks, blocksAtCheckpoint: 0 })
    const segments = this.#segments!.of(nr)
    checkStart(this.name, tables, nr, lastPosition, beginAfter(segments))
    this.#keepDead(nr, heads)
    return { epoch, lastPosition, indexedTo, heads, segments }
  }

  #checkpoint({ checkpoints }: Tables, nr: number): readonly [position: number, blocks: number] | null {
    const stored = checkpoints.getBinary(nr)
    return stored === undefined ? null : this.#unseal(stored, checkpointName(nr), `partition ${nr}, checkpoint`)
  }

  /** The log's end has the heads of before as well of those that were ended since. */
  #keepDead(nr: number, heads: Map<string, Head>): void {
    if (!this.mayHaveHorizons(nr)) return
    for (const persistenceId of heads.keys())
      if (this.horizon(nr, persistenceId).tombstoned) heads.set(persistenceId, DEAD_HEAD)
  }

  // Writing, within a transaction

  #putHeads(entries: Iterable<HeadEntry>): void {
    const { heads } = this.#open()
    for (const { persistenceId, hash, sequenceNr, block } of entries)
      heads.put(persistenceId, sealNumbers(hash, sequenceNr, block))
  }

  #putCheckpoint(nr: number, position: number, blocks: number): void {
    this.#open().checkpoints.put(nr, sealNumbers(hashOf(checkpointName(nr)), position, blocks))
    this.#putNumbers()
  }

  /** As they are before this transaction: what it adds counts the next time. */
  #putNumbers(): void {
    const { meta, heads, cursors } = this.#open()
    meta.put('numbers', sealAsText(hashOf('numbers'), entriesOf(heads), entriesOf(cursors)))
  }

  #putCursors(table: Tables['cursors'], nr: number, cursors: Cursors): void {
    for (const [group, position] of cursors)
      table.put(cursorKey(nr, group), sealNumbers(hashOf(cursorName(nr, group)), position, 0))
  }

  async #settled(nr: number, writing: Promise<boolean>): Promise<WriteOutcome> {
    let held: boolean
    try {
      held = await writing
    } catch (error) {
      throw await writeFailed(this.name, toError(error))
    }
    if (held) return { status: 'written' }
    return { status: 'fenced', epoch: this.#open().epochs.getEntry(nr)?.version ?? 0 }
  }

  /** Writes once there is room for it. **Errors**: JOURNAL_FULL. */
  async #inRoom<T>(growth: Growth, writing: () => Promise<T>): Promise<T> {
    const room = this.#room!
    const taken = room.take(growth)
    const pages = taken instanceof Promise ? await taken : taken
    try {
      return await writing()
    } finally {
      room.landed(pages)
    }
  }

  // Reading

  #unseal(bytes: Buffer, name: string, where: string): readonly [first: number, second: number] {
    const numbers = unsealNumbers(hashOf(name), bytes)
    if (numbers === null) throw this.#unsealed(where)
    return numbers
  }

  #unsealed(where: string): RuntimeError {
    return corrupt(`${this.name}, ${where}: what is stored does not match its checksum`)
  }

  /** What LMDB meets in a damaged page is a typed error. */
  #reading<T>(where: string, doing: () => T): T {
    try {
      return doing()
    } catch (error) {
      throw isRuntimeError(error) ? error : unreadable(`${this.name}, ${where}`, error)
    }
  }

  #open(): Tables {
    if (this.#tables === null) throw new RuntimeError('JOURNAL_CLOSED', `${this.name} is closed`)
    return this.#tables
  }

  async #release(): Promise<void> {
    await this.#room?.close()
    this.#room = null
    await this.#tables?.root.close()
    this.#tables = null
    await this.#lock?.release()
    this.#lock = null
  }
}

/** A partition's log as its writer keeps it. */
interface Log {
  readonly behind: WriteBehind
  blocks: number
  /** As many as there were when the generation that is written behind began. */
  blocksAtCheckpoint: number
}

/** Heads in one transaction, where nothing hurries: so that timers and sockets have their turn. */
const HEADS_PER_SLICE = 4_096

const NO_GROWTH: Growth = { values: [], heads: 0, headBytes: 0 }

/** A head's node and value, and at most three bytes a character of its id. */
const HEAD_BYTES = 40
const growthOf = (values: readonly number[], heads: readonly HeadEntry[]): Growth => {
  let headBytes = 0
  for (const { persistenceId } of heads) headBytes += HEAD_BYTES + 3 * persistenceId.length
  return { values, heads: heads.length, headBytes }
}

/** What a checkpoint's checksum covers besides the numbers: so that no other value passes for it. */
const checkpointName = (nr: number): string => `checkpoint ${nr}`
