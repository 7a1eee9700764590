/**
 * What makes entries a whole store: logs without a gap from position 1, ids without a gap from sequence number 1, no
 * snapshot and no cursor beyond the end. Asked of everything that is backed up, verified or restored.
 */

import {
  type Append,
  firstSequenceNr,
  lastSequenceNr,
  type Snapshot,
  type StoredAppend,
} from '../../persistence/journal.ts'
import { Block } from '../codec/block.ts'
import { corrupt } from '../codec/frame.ts'
import { unpackSnapshot } from '../codec/snapshot.ts'
import type { BackupEntry, BlockEntry, CursorsEntry, SnapshotEntry } from './entry.ts'

/** How much there is of what. */
export interface Totals {
  readonly partitions: number
  readonly records: number
  readonly blocks: number
  readonly ids: number
  readonly snapshots: number
  readonly cursors: number
}

/** An entry as its reader may use it: decoded, and in its place. */
export type CheckedEntry =
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | {
      readonly kind: 'block'
      readonly partition: number
      readonly appends: readonly StoredAppend[]
      /** As it is stored. */
      readonly bytes: number
    }
  | CursorsEntry

/** **Bounds**: memory for a number per id. */
export class Contents {
  readonly #name: string
  readonly #lastPositions: number[]
  readonly #lastSequenceNrs = new Map<string, number>()
  readonly #snapshots: { readonly persistenceId: string; readonly sequenceNr: number }[] = []
  #blocks = 0
  #cursors = 0

  /** `name` says where the entries are from, in errors. */
  constructor(name: string, partitions: number) {
    this.#name = name
    this.#lastPositions = new Array<number>(partitions).fill(0)
  }

  get totals(): Totals {
    return {
      partitions: this.#lastPositions.length,
      records: this.#lastPositions.reduce((sum, position) => sum + position, 0),
      blocks: this.#blocks,
      ids: this.#lastSequenceNrs.size,
      snapshots: this.#snapshots.length,
      cursors: this.#cursors,
    }
  }

  /** The next entry. **Errors**: JOURNAL_CORRUPT, JOURNAL_FORMAT, with the place. */
  add(entry: BackupEntry): CheckedEntry {
    if (entry.kind === 'snapshot') return this.#addSnapshot(entry)
    if (this.#lastPositions[entry.partition] === undefined)
      throw corrupt(
        `${this.#name} has ${this.#lastPositions.length} partitions, and something of partition ${entry.partition}`,
      )
    return entry.kind === 'block' ? this.#addBlock(entry) : this.#addCursors(entry)
  }

  /** Call it after the last entry. **Errors**: JOURNAL_CORRUPT. */
  end(): Totals {
    for (const { persistenceId, sequenceNr } of this.#snapshots) {
      const last = this.#lastSequenceNrs.get(persistenceId) ?? 0
      if (sequenceNr > last)
        throw corrupt(
          `${this.#name}: the snapshot ${persistenceId}@${sequenceNr} is newer than its log, which ends at sequence number ${last}`,
        )
    }
    return this.totals
  }

  #addSnapshot({ persistenceId, sequenceNr, packed }: SnapshotEntry): CheckedEntry {
    const snapshot = unpackSnapshot(packed, persistenceId, sequenceNr, this.#name)
    this.#snapshots.push({ persistenceId, sequenceNr })
    return { kind: 'snapshot', snapshot }
  }

  #addBlock({ partition, firstPosition, packed }: BlockEntry): CheckedEntry {
    const where = `${this.#name}, partition ${partition}, position ${firstPosition}`
    const expected = this.#lastPositions[partition]! + 1
    if (firstPosition !== expected) throw corrupt(`${where}: the log goes on here, position ${expected} is missing`)
    const { appends, index } = new Block(packed, partition, firstPosition, where)
    for (const append of appends) this.#follow(append, where)
    this.#lastPositions[partition] = index.lastPosition
    this.#blocks++
    return { kind: 'block', partition, appends, bytes: packed.length }
  }

  #follow(append: Append, where: string): void {
    const { persistenceId } = append
    const last = this.#lastSequenceNrs.get(persistenceId) ?? 0
    if (append.expectedSequenceNr !== last)
      throw corrupt(
        `${where}: ${persistenceId} goes on at sequence number ${firstSequenceNr(append)}, ${last + 1} is missing`,
      )
    this.#lastSequenceNrs.set(persistenceId, lastSequenceNr(append))
  }

  #addCursors(entry: CursorsEntry): CheckedEntry {
    const last = this.#lastPositions[entry.partition]!
    for (const [group, position] of entry.cursors)
      if (position > last)
        throw corrupt(
          `${this.#name}, partition ${entry.partition}: ${group} has read up to position ${position}, and the log ends at ${last}`,
        )
    this.#cursors += entry.cursors.size
    return entry
  }
}
