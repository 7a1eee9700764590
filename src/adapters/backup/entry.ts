/**
 * What a backup is made of, in this order: snapshots; what is deleted of each id; then per partition the segments that were
 * dropped, its log, block by block as it is stored, and the cursors. Nothing in it belongs to one engine: a backup of a store
 * in LMDB can be restored to Redis, and the other way. Blocks that were rolled out stand in it like all others.
 *
 * Not in it, since it is made of the rest: heads, checkpoints and epochs.
 */

import type { Cursors } from '../../persistence/journal.ts'
import type { Horizon } from '../packed/horizon.ts'

export interface SnapshotEntry {
  readonly kind: 'snapshot'
  readonly persistenceId: string
  readonly sequenceNr: number
  readonly packed: Buffer
}

export interface BlockEntry {
  readonly kind: 'block'
  readonly partition: number
  readonly firstPosition: number
  readonly packed: Buffer
}

export interface CursorsEntry {
  readonly kind: 'cursors'
  readonly partition: number
  readonly cursors: Cursors
}

/** An id that has forgotten something, or that was ended. */
export interface HorizonEntry {
  readonly kind: 'horizon'
  readonly persistenceId: string
  readonly horizon: Horizon
}

/** A part of the log that is gone for good, since all its records were deleted. */
export interface DroppedEntry {
  readonly kind: 'dropped'
  readonly partition: number
  readonly firstPosition: number
  readonly lastPosition: number
}

export type BackupEntry = SnapshotEntry | HorizonEntry | DroppedEntry | BlockEntry | CursorsEntry

/** A store that is read while its own process goes on with it. */
export interface StoreReader {
  /** As a journal's: `lmdb:./.troupe`. */
  readonly name: string
  readonly partitions: number
  /**
   * The store as it was at one moment, all partitions together: a record that another one led to is never there without
   * that one, and a cursor never stands for what is not there. **Errors**: JOURNAL_CORRUPT, JOURNAL_UNAVAILABLE.
   */
  entries(): AsyncIterable<BackupEntry>
  close(): Promise<void>
}
