/**
 * What a backup is made of, in this order: snapshots; then per partition its log, block by block as it is stored, and the
 * cursors. Nothing in it belongs to one engine: a backup of a store in LMDB can be restored to Redis, and the other way.
 *
 * Not in it, since it is made of the rest: heads, checkpoints and epochs.
 */

import { RuntimeError } from '../../base/errors.ts'
import type { Cursors } from '../../persistence/journal.ts'

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

/** A store that holds something which no entry stands for: better no backup than one that forgets it. */
export const notBackedUp = (name: string, what: string): RuntimeError =>
  new RuntimeError('BACKUP_FAILED', `${name} holds ${what}, and a backup would leave them out: nothing is written.`)

export type BackupEntry = SnapshotEntry | BlockEntry | CursorsEntry

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
