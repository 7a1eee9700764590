/**
 * What makes entries a whole store: logs without a gap from position 1 but for what was dropped, ids without a gap from
 * sequence number 1 but for what is deleted, no snapshot and no cursor beyond the end. Asked of everything that is backed
 * up, verified or restored.
 */

import { type Append, firstSequenceNr, lastSequenceNr } from '../../persistence/journal.ts'
import { checkPersistenceId, partitionOf } from '../../persistence/partition.ts'
import { Block, type BlockIndex } from '../codec/block.ts'
import { corrupt } from '../codec/frame.ts'
import { unpackSnapshot } from '../codec/snapshot.ts'
import { type Horizon, NO_HORIZON } from '../packed/horizon.ts'
import type { BackupEntry, BlockEntry, CursorsEntry, DroppedEntry, HorizonEntry, SnapshotEntry } from './entry.ts'

/** How much there is of what. */
export interface Totals {
  readonly partitions: number
  readonly records: number
  readonly blocks: number
  readonly ids: number
  readonly snapshots: number
  readonly cursors: number
  /** Ids of which something is deleted, or that were ended. */
  readonly horizons: number
  /** Segments. */
  readonly dropped: number
}

/** A block in its place, and where its appends are. */
export interface CheckedBlock extends BlockEntry {
  readonly index: BlockIndex
}

/** An entry as its reader may use it: decoded once, and in its place. */
export type CheckedEntry = SnapshotEntry | HorizonEntry | DroppedEntry | CheckedBlock | CursorsEntry

interface PartitionContents {
  lastPosition: number
  /** In order, up to the one that the log has yet to come to. */
  readonly dropped: DroppedEntry[]
  /** How many of them the log has passed. */
  passed: number
  /** Its cursors, which are its last entry, were there. */
  isOver: boolean
}

/** **Bounds**: memory for some numbers per id. */
export class Contents {
  readonly #name: string
  readonly #partitions: readonly PartitionContents[]
  readonly #lastSequenceNrs = new Map<string, number>()
  readonly #horizons = new Map<string, Horizon>()
  readonly #snapshots: { readonly persistenceId: string; readonly sequenceNr: number }[] = []
  #records = 0
  #blocks = 0
  #cursors = 0

  /** `name` says where the entries are from, in errors. */
  constructor(name: string, partitions: number) {
    this.#name = name
    this.#partitions = Array.from({ length: partitions }, () => ({
      lastPosition: 0,
      dropped: [],
      passed: 0,
      isOver: false,
    }))
  }

  get totals(): Totals {
    return {
      partitions: this.#partitions.length,
      records: this.#records,
      blocks: this.#blocks,
      ids: this.#lastSequenceNrs.size,
      snapshots: this.#snapshots.length,
      cursors: this.#cursors,
      horizons: this.#horizons.size,
      dropped: this.#partitions.reduce((sum, { dropped }) => sum + dropped.length, 0),
    }
  }

  /** The next entry. **Errors**: JOURNAL_CORRUPT, JOURNAL_FORMAT, with the place. */
  add(entry: BackupEntry): CheckedEntry {
    if (entry.kind === 'snapshot') return this.#addSnapshot(entry)
    if (entry.kind === 'horizon') return this.#addHorizon(entry)
    const partition = this.#partitions[entry.partition]
    if (partition === undefined)
      throw corrupt(
        `${this.#name} has ${this.#partitions.length} partitions, and something of partition ${entry.partition}`,
      )
    if (partition.isOver)
      throw corrupt(`${this.#name}: something of partition ${entry.partition} stands after its cursors`)
    if (entry.kind === 'dropped') return this.#addDropped(partition, entry)
    return entry.kind === 'block' ? this.#addBlock(partition, entry) : this.#addCursors(partition, entry)
  }

  /** Call it after the last entry. **Errors**: JOURNAL_CORRUPT. */
  end(): Totals {
    for (const [nr, { dropped, passed, isOver }] of this.#partitions.entries()) {
      if (!isOver) throw corrupt(`${this.#name}: the cursors of partition ${nr} are missing`)
      if (passed < dropped.length)
        throw corrupt(
          `${this.#name}, partition ${nr}: the log does not reach what was dropped of it at position ${dropped[passed]!.firstPosition}`,
        )
    }
    for (const [persistenceId, { deletedTo }] of this.#horizons) {
      const last = this.#lastSequenceNrs.get(persistenceId) ?? 0
      if (deletedTo > last && !this.#hasDropped(persistenceId))
        throw corrupt(
          `${this.#name}: ${persistenceId} is deleted up to sequence number ${deletedTo}, and its log ends at ${last}`,
        )
    }
    for (const { persistenceId, sequenceNr } of this.#snapshots) {
      const last = Math.max(
        this.#lastSequenceNrs.get(persistenceId) ?? 0,
        this.#horizons.get(persistenceId)?.deletedTo ?? 0,
      )
      if (sequenceNr > last)
        throw corrupt(
          `${this.#name}: the snapshot ${persistenceId}@${sequenceNr} is newer than its log, which ends at sequence number ${last}`,
        )
    }
    return this.totals
  }

  #addSnapshot(entry: SnapshotEntry): CheckedEntry {
    const { persistenceId, sequenceNr, packed } = entry
    unpackSnapshot(packed, persistenceId, sequenceNr, this.#name)
    this.#snapshots.push({ persistenceId, sequenceNr })
    return entry
  }

  #addHorizon(entry: HorizonEntry): CheckedEntry {
    const { persistenceId, horizon } = entry
    checkPersistenceId(persistenceId)
    if (this.#horizons.has(persistenceId)) throw corrupt(`${this.#name}: there are two horizons of ${persistenceId}`)
    if (this.#blocks > 0) throw corrupt(`${this.#name}: the horizon of ${persistenceId} comes after the log`)
    this.#horizons.set(persistenceId, horizon)
    return entry
  }

  #addDropped({ lastPosition, dropped }: PartitionContents, entry: DroppedEntry): CheckedEntry {
    const after = dropped.at(-1)?.lastPosition ?? 0
    if (lastPosition > 0 || entry.firstPosition <= after || entry.lastPosition < entry.firstPosition)
      throw corrupt(
        `${this.#name}, partition ${entry.partition}: positions ${entry.firstPosition} to ${entry.lastPosition} were dropped, and stand after ${Math.max(after, lastPosition)}`,
      )
    dropped.push(entry)
    return entry
  }

  #addBlock(partition: PartitionContents, entry: BlockEntry): CheckedEntry {
    const { firstPosition, packed } = entry
    const where = `${this.#name}, partition ${entry.partition}, position ${firstPosition}`
    const { dropped } = partition
    for (; dropped[partition.passed]?.firstPosition === partition.lastPosition + 1; partition.passed++)
      partition.lastPosition = dropped[partition.passed]!.lastPosition
    const expected = partition.lastPosition + 1
    if (firstPosition !== expected) throw corrupt(`${where}: the log goes on here, position ${expected} is missing`)
    const { appends, index } = new Block(packed, entry.partition, firstPosition, where)
    for (const append of appends) this.#follow(append, partition.passed > 0, where)
    partition.lastPosition = index.lastPosition
    this.#records += index.lastPosition - firstPosition + 1
    this.#blocks++
    return { ...entry, index }
  }

  /** Only what is deleted may be missing, and only where segments were dropped. */
  #follow(append: Append, afterDropped: boolean, where: string): void {
    const { persistenceId, expectedSequenceNr } = append
    const last = this.#lastSequenceNrs.get(persistenceId) ?? 0
    const { deletedTo, tombstoned } = this.#horizons.get(persistenceId) ?? NO_HORIZON
    const isDeleted = expectedSequenceNr > last && (tombstoned || expectedSequenceNr <= deletedTo)
    if (expectedSequenceNr !== last && !(afterDropped && isDeleted))
      throw corrupt(
        `${where}: ${persistenceId} goes on at sequence number ${firstSequenceNr(append)}, ${last + 1} is missing`,
      )
    this.#lastSequenceNrs.set(persistenceId, lastSequenceNr(append))
  }

  #addCursors(partition: PartitionContents, entry: CursorsEntry): CheckedEntry {
    const { lastPosition } = partition
    partition.isOver = true
    for (const [group, position] of entry.cursors)
      if (position > lastPosition)
        throw corrupt(
          `${this.#name}, partition ${entry.partition}: ${group} has read up to position ${position}, and the log ends at ${lastPosition}`,
        )
    this.#cursors += entry.cursors.size
    return entry
  }

  #hasDropped(persistenceId: string): boolean {
    return this.#partitions[partitionOf(persistenceId, this.#partitions.length)]!.dropped.length > 0
  }
}
