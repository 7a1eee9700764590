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

import { assert } from '../../base/assert.ts'
import { RuntimeError, toError } from '../../base/errors.ts'
import { OneByOne } from '../../base/one-by-one.ts'
import { checkCursors, checkReached, furthestOf } from '../../persistence/cursor.ts'
import {
  type Append,
  type AppendResult,
  type Cursors,
  type FoundId,
  type Journal,
  lastSequenceNr,
  NOTHING_WRITTEN,
  type RolledOut,
  type Snapshot,
  type StoredAppend,
} from '../../persistence/journal.ts'
import { checkPersistenceId, partitionOf } from '../../persistence/partition.ts'
import { checkDeletable, snapshotDeleted, TOMBSTONED, tombstoned } from '../../persistence/tombstone.ts'
import { corrupt } from '../codec/frame.ts'
import { packSnapshot, unpackSnapshot } from '../codec/snapshot.ts'
import { Archive } from './archive.ts'
import type { ArchiveOptions } from './archive-options.ts'
import { AskedTogether } from './asked-together.ts'
import { type Engine, type Head, type HeadEntry, NO_HEAD } from './engine.ts'
import { Forgetting } from './forgetting.ts'
import { HeadTable } from './head-table.ts'
import { isDead } from './horizon.ts'
import { LogReader } from './log-reader.ts'
import { checkNotFenced, fenced, headIn, horizonIn, type OpenPartition, settle } from './open-partition.ts'
import { packBlocks } from './pack-blocks.ts'
import { WriteGate } from './write-gate.ts'

const HEADS_IN_MEMORY = 32_768
/** What a guest writes with. */
const NO_EPOCH = 0
/** A store that died reads at most about this much of its log when it is opened. Units: records. */
const RECORDS_BETWEEN_ROTATIONS = 262_144

/** Where an id stands that is read. */
interface Standing {
  readonly head: Head
  /** What is deleted of it; 0: nothing. */
  readonly deletedTo: number
}

export class PackedJournal implements Journal {
  readonly #engine: Engine
  readonly #archive: Archive
  readonly #reader: LogReader
  readonly #forgetting: Forgetting
  readonly #rollingOut = new OneByOne()
  #partitions: readonly OpenPartition[] = []
  #closing: Promise<void> | null = null

  readonly checkOwner?: () => Promise<void>

  constructor(engine: Engine, archive: ArchiveOptions | null = null) {
    this.#engine = engine
    this.#archive = new Archive(engine.name, archive)
    this.#reader = new LogReader(engine, this.#archive)
    this.#forgetting = new Forgetting(engine, this.#archive, nr => this.#writable(nr))
    const epochNow = engine.epochNow?.bind(engine)
    if (epochNow !== undefined) this.checkOwner = () => this.#checkOwner(epochNow)
  }

  get name(): string {
    return this.#engine.name
  }

  get durability(): string {
    return this.#engine.durability
  }

  get lineage(): string | null {
    return this.#engine.lineage ?? null
  }

  get partitions(): number {
    return this.#partitions.length
  }

  async open(): Promise<void> {
    assert(this.#partitions.length === 0, `${this.name} is opened twice`)
    const opened = await this.#engine.open()
    try {
      for (const [nr, { segments }] of opened.entries()) this.#archive.know(nr, segments)
    } catch (error) {
      await this.#engine.close([])
      throw error
    }
    this.#partitions = opened.map(({ epoch, lastPosition, indexedTo, heads }, nr) => {
      const table = new HeadTable(HEADS_IN_MEMORY)
      for (const [persistenceId, head] of heads) table.add(persistenceId, head, true)
      return {
        nr,
        epoch,
        lastPosition,
        rotatedAt: indexedTo,
        heads: table,
        questions: new AskedTogether(async ids => this.#engine.heads(nr, ids)),
        commits: 0,
        gate: new WriteGate(),
        committing: false,
        fencedBy: null,
        wentBackTo: null,
      }
    })
  }

  async commit(nr: number, appends: readonly Append[], cursors?: Cursors): Promise<readonly AppendResult[]> {
    const partition = this.#writable(nr)
    if (cursors !== undefined) checkCursors(cursors)
    return partition.gate.beside(() => this.#commit(partition, appends, cursors ?? null))
  }

  lastSequenceNr(persistenceId: string): number | Promise<number> {
    const head = this.#head(persistenceId)
    return head instanceof Promise
      ? head.then(known => this.#living(persistenceId, known).sequenceNr)
      : this.#living(persistenceId, head).sequenceNr
  }

  find(persistenceId: string): FoundId | Promise<FoundId> {
    const nr = partitionOf(persistenceId, this.partitions)
    // The numbers of now: the head that is in memory moves on with the next commit.
    const found = ({ head: { sequenceNr, block }, deletedTo }: Standing): FoundId => ({
      sequenceNr,
      pages: fromSequenceNr => {
        const from = Math.max(fromSequenceNr, deletedTo + 1)
        return this.#reader.pages(nr, persistenceId, sequenceNr < from ? 0 : block, from)
      },
    })
    const standing = this.#standing(nr, persistenceId)
    return standing instanceof Promise ? standing.then(found) : found(standing)
  }

  async *read(persistenceId: string, fromSequenceNr: number): AsyncIterable<StoredAppend> {
    const pages = (await this.find(persistenceId)).pages(fromSequenceNr)
    for (let page = await pages.next(); page !== null; page = await pages.next()) yield* page
  }

  async readLog(nr: number, fromPosition: number, limit: number): Promise<readonly StoredAppend[]> {
    const { lastPosition } = this.#partition(nr)
    return this.#reader.readLog(nr, Math.max(1, fromPosition), limit, lastPosition)
  }

  async lastPosition(nr: number): Promise<number> {
    const { lastPosition } = this.#partition(nr)
    return this.#engine.shared ? this.#engine.lastPosition(nr) : lastPosition
  }

  async saveSnapshot(snapshot: Snapshot, keep: number): Promise<void> {
    const partition = this.#writable(partitionOf(snapshot.persistenceId, this.partitions))
    await partition.gate.beside(() => this.#saveSnapshot(partition, snapshot, keep))
  }

  async *loadSnapshots(persistenceId: string, onUnreadable: (error: Error) => void): AsyncIterable<Snapshot> {
    const { nr } = this.#partition(partitionOf(persistenceId, this.partitions))
    const { deletedTo, tombstoned: isEnded } = await horizonIn(this.#engine, nr, persistenceId)
    if (isEnded) throw tombstoned(this.name, persistenceId)
    for (const { sequenceNr, packed } of await this.#engine.snapshots(nr, persistenceId)) {
      if (sequenceNr < deletedTo) continue
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
    const cursors = await this.#engine.cursors(this.#partition(nr).nr)
    const last = await this.lastPosition(nr)
    for (const [group, position] of cursors)
      if (position > last)
        throw corrupt(
          `${this.name}, partition ${nr}: ${group} has read up to position ${position}, and the log ends at ${last}`,
        )
    return cursors
  }

  async saveCursors(nr: number, cursors: Cursors): Promise<void> {
    const partition = this.#writable(nr)
    checkCursors(cursors)
    await partition.gate.beside(() => this.#saveCursors(partition, cursors))
  }

  async deleteTo(persistenceId: string, sequenceNr: number): Promise<void> {
    const partition = this.#writable(partitionOf(persistenceId, this.partitions))
    checkDeletable(persistenceId, sequenceNr)
    await partition.gate.beside(() => this.#forgetting.deleteTo(partition, persistenceId, sequenceNr))
  }

  async tombstone(persistenceId: string): Promise<void> {
    const partition = this.#writable(partitionOf(persistenceId, this.partitions))
    await partition.gate.alone(() => this.#forgetting.tombstone(partition, persistenceId))
  }

  rollOut(): Promise<RolledOut> {
    return this.#rollingOut.run(async () => {
      const total = { archived: 0, dropped: 0, bytes: 0 }
      for (let nr = 0; nr < this.partitions; nr++) {
        const { archived, dropped, bytes } = await this.#forgetting.rollOut(this.#writable(nr))
        total.archived += archived
        total.dropped += dropped
        total.bytes += bytes
      }
      return total
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#rollingOut.settled()
    for (const { gate } of this.#partitions) await gate.settled()
    await this.#engine.close(
      this.#partitions.map(({ epoch, lastPosition, heads }) => ({ epoch, lastPosition, dirty: heads.dirty() })),
    )
    for (const { heads } of this.#partitions) heads.clear()
    this.#reader.clear()
    await this.#archive.close()
  }

  // Writing

  async #commit(
    partition: OpenPartition,
    appends: readonly Append[],
    cursors: Cursors | null,
  ): Promise<readonly AppendResult[]> {
    assert(!partition.committing, `${this.name}: two commits to partition ${partition.nr} at once`)
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
    partition: OpenPartition,
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
      if (entry.touchedBy !== partition.commits) {
        entry.touchedBy = partition.commits
        entry.nextSequenceNr = entry.sequenceNr
        entry.nextBlock = entry.block
        if (isDead(entry)) entry.refusedBy = partition.commits
      }
      // What builds on a refused append must not slip in by a number that fits.
      if (entry.refusedBy === partition.commits) results.push(isDead(entry) ? TOMBSTONED : conflict(entry))
      else if (append.expectedSequenceNr === entry.nextSequenceNr && append.records.length === 0)
        results.push(NOTHING_WRITTEN)
      else if (append.expectedSequenceNr === entry.nextSequenceNr) {
        results.push({ status: 'written', position: next, repeated: false })
        accepted.push(append)
        acceptedEntries.push(entry)
        if (entry.nextSequenceNr === entry.sequenceNr) touched.push(entry)
        entry.nextSequenceNr += append.records.length
        next += append.records.length
      } else {
        const result = await this.#sentAgain(partition, append, entry)
        if (result.status !== 'written') entry.refusedBy = partition.commits
        results.push(result)
      }
    }
    if (cursors !== null && furthestOf(cursors) >= next) await this.#checkReached(partition, cursors, next - 1)
    const outcome = await this.#engine.write({
      partition: partition.nr,
      epoch: partition.epoch,
      lastPosition: partition.lastPosition,
      nextLastPosition: next - 1,
      blocks: packBlocks(partition.nr, accepted, acceptedEntries, partition.lastPosition + 1),
      touched,
      cursors,
    })
    if (!settle(this.name, partition, outcome)) return null
    partition.lastPosition = next - 1
    for (const entry of touched) {
      entry.sequenceNr = entry.nextSequenceNr
      entry.block = entry.nextBlock
      entry.dirty = true
    }
    return results
  }

  /** The heads' entries of `appends`, in their order; the store is asked once for those that are not in memory. */
  async #entries(partition: OpenPartition, appends: readonly Append[]): Promise<readonly HeadEntry[]> {
    const entries: HeadEntry[] = new Array(appends.length)
    const unknown: string[] = []
    const seen = this.#engine.shared ? new Set<string>() : null
    for (let i = 0; i < appends.length; i++) {
      const { persistenceId, expectedSequenceNr } = appends[i]!
      const entry = partition.heads.get(persistenceId)
      if (entry === undefined) {
        // What is in memory was checked when it came there.
        checkPersistenceId(persistenceId)
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

  /** Whether `append` stands in the log already, at the place that it names: as far as that is not deleted. */
  async #sentAgain({ nr }: OpenPartition, append: Append, entry: HeadEntry): Promise<AppendResult> {
    const { persistenceId, expectedSequenceNr, records } = append
    if (expectedSequenceNr >= entry.sequenceNr || records.length === 0) return conflict(entry)
    const { deletedTo } = await horizonIn(this.#engine, nr, persistenceId)
    // Its own first record may be deleted while its last is not: it is looked for where the horizon ends.
    const place = Math.max(expectedSequenceNr, deletedTo) + 1
    if (place <= entry.sequenceNr) {
      const block = await this.#reader.blockOf(nr, persistenceId, entry.block, place)
      const written = block.appends.find(
        each => each.persistenceId === persistenceId && each.expectedSequenceNr === expectedSequenceNr,
      )
      if (
        written?.appendId === append.appendId &&
        written.records.length === records.length &&
        lastSequenceNr(append) > deletedTo
      )
        return { status: 'written', position: written.position, repeated: true }
    }
    return expectedSequenceNr < deletedTo ? { status: 'deleted', deletedTo } : conflict(entry)
  }

  #rotateHeads(partition: OpenPartition): void {
    const due = partition.heads.full || partition.lastPosition - partition.rotatedAt >= RECORDS_BETWEEN_ROTATIONS
    if (!due || !this.#engine.mayRotate(partition.nr)) return
    partition.rotatedAt = partition.lastPosition
    this.#engine.rotated(partition.nr, partition.heads.rotate(), partition.lastPosition)
  }

  async #saveSnapshot(partition: OpenPartition, snapshot: Snapshot, keep: number): Promise<void> {
    const outcome = await this.#engine.saveSnapshot({
      partition: partition.nr,
      epoch: partition.epoch,
      lastPosition: partition.lastPosition,
      persistenceId: snapshot.persistenceId,
      sequenceNr: snapshot.sequenceNr,
      packed: packSnapshot(snapshot),
      keep,
    })
    if (outcome.status !== 'forgotten') settle(this.name, partition, outcome)
    else if (outcome.horizon.tombstoned) throw tombstoned(this.name, snapshot.persistenceId)
    else throw snapshotDeleted(this.name, snapshot, outcome.horizon.deletedTo)
  }

  async #saveCursors(partition: OpenPartition, cursors: Cursors): Promise<void> {
    const { nr, epoch, lastPosition } = partition
    if (furthestOf(cursors) > lastPosition) await this.#checkReached(partition, cursors, lastPosition)
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
    settle(this.name, partition, outcome)
  }

  /** What others have written counts. **Errors**: JOURNAL_MISCONFIGURED. */
  async #checkReached({ nr }: OpenPartition, cursors: Cursors, lastPosition: number): Promise<void> {
    const end = this.#engine.shared ? Math.max(lastPosition, await this.#engine.lastPosition(nr)) : lastPosition
    checkReached(`${this.name}, partition ${nr}`, cursors, end)
  }

  async #checkOwner(epochNow: () => Promise<number>): Promise<void> {
    const partition = this.#writable(0)
    if (partition.epoch === NO_EPOCH) return
    const epoch = await epochNow()
    if (epoch === partition.epoch) return
    partition.fencedBy = epoch
    throw fenced(this.name, partition)
  }

  // Reading

  /** Where an id that is read stands. **Errors**: JOURNAL_TOMBSTONED. */
  #standing(nr: number, persistenceId: string): Standing | Promise<Standing> {
    const head = this.#head(persistenceId)
    const horizon = horizonIn(this.#engine, nr, persistenceId)
    if (!(head instanceof Promise) && !(horizon instanceof Promise)) {
      this.#living(persistenceId, head)
      return { head, deletedTo: horizon.deletedTo }
    }
    return Promise.all([head, horizon]).then(([known, { deletedTo }]) => ({
      head: this.#living(persistenceId, known),
      deletedTo,
    }))
  }

  #living(persistenceId: string, head: Head): Head {
    if (isDead(head)) throw tombstoned(this.name, persistenceId)
    return head
  }

  #head(persistenceId: string): Head | Promise<Head> {
    return headIn(this.#engine, this.#partition(partitionOf(persistenceId, this.partitions)), persistenceId)
  }

  // Being open

  #partition(nr: number): OpenPartition {
    if (this.#closing !== null) throw new RuntimeError('JOURNAL_CLOSED', `${this.name} is closed`)
    const partition = this.#partitions[nr]
    assert(partition !== undefined, `${this.name} has no partition ${nr}, or was not opened`)
    return partition
  }

  #writable(nr: number): OpenPartition {
    const partition = this.#partition(nr)
    checkNotFenced(this.name, partition)
    return partition
  }
}

const conflict = (entry: HeadEntry): AppendResult => ({ status: 'conflict', actualSequenceNr: entry.nextSequenceNr })
