/**
 * What a store must offer to hold packed journals: bytes under positions, a head per id, and one atomic write. All that
 * the contract of a journal promises beyond this is done once, in `packed-journal.ts`.
 */

import type { Cursors } from '../../persistence/journal.ts'
import type { Deletion, Horizon } from './horizon.ts'
import type { Segment } from './segment.ts'

/** Where an id stands: its last record's sequence number, and the first position of the block that holds it. */
export interface Head {
  readonly sequenceNr: number
  readonly block: number
}

export const NO_HEAD: Head = { sequenceNr: 0, block: 0 }

/** A head as the writer keeps it: what is durable, and what the commit under way will make of it. */
export interface HeadEntry extends Head {
  readonly persistenceId: string
  sequenceNr: number
  block: number
  nextSequenceNr: number
  nextBlock: number
  /** The commit that `next…` belong to, and the last one that refused an append of this id; commits are counted from 1. */
  touchedBy: number
  refusedBy: number
  /** Changed since the store last held it in its index. */
  dirty: boolean
  /** The id's part of its heads' checksums. */
  readonly hash: number
}

export interface BlockWrite {
  readonly firstPosition: number
  readonly packed: Buffer
}

/** One atomic write to one partition. */
export interface EngineWrite {
  readonly partition: number
  readonly epoch: number
  /** The log's last position before and after. */
  readonly lastPosition: number
  readonly nextLastPosition: number
  readonly blocks: readonly BlockWrite[]
  /** The heads that change, each once: from what they are (checked, where others may write) to what is `next`. */
  readonly touched: readonly HeadEntry[]
  readonly cursors: Cursors | null
}

export type WriteOutcome =
  | { readonly status: 'written' }
  | { readonly status: 'fenced'; readonly epoch: number }
  /** Nothing was written: somebody else wrote; the caller reads heads and tail again and decides anew. */
  | { readonly status: 'moved'; readonly lastPosition: number; readonly heads: ReadonlyMap<string, Head> }

/** Of a snapshot: not stored, since what it covers was deleted. */
export interface Forgotten {
  readonly status: 'forgotten'
  readonly horizon: Horizon
}

/** Of a deletion: nothing was written, since horizon or head are others than those it was made from. */
export interface Changed {
  readonly status: 'changed'
}

export interface OpenedPartition {
  readonly epoch: number
  readonly lastPosition: number
  /** The position up to which the store's index of heads is complete, and the heads of what comes after it. */
  readonly indexedTo: number
  readonly heads: ReadonlyMap<string, Head>
  /** Those that have left the log. */
  readonly segments: readonly Segment[]
}

/** Before segments may go, everything up to the log's end is in the index of heads. */
export interface RollOutBegin {
  readonly partition: number
  readonly epoch: number
  readonly lastPosition: number
  readonly dirty: Iterable<HeadEntry>
  /** The name of the log's incarnation where it has none yet. */
  readonly drawn: string
}

export interface RollOutReady {
  readonly status: 'ready'
  readonly incarnation: string
}

export interface RollOutWrite {
  readonly partition: number
  readonly epoch: number
  readonly lastPosition: number
  readonly segment: Segment
}

export interface StoredBlock {
  readonly firstPosition: number
  readonly packed: Buffer
}

export interface Engine {
  readonly name: string
  readonly durability: string
  /** As in the journal's contract. Known after `open`. */
  readonly lineage?: string | null
  /** Whether writers without an epoch may write beside this one: then heads in memory are only likely. */
  readonly shared: boolean
  open(): Promise<readonly OpenedPartition[]>
  /** Heads in the order of `persistenceIds`. Synchronous where the store is, since it is asked on every commit. */
  heads(partition: number, persistenceIds: readonly string[]): readonly Head[] | Promise<readonly Head[]>
  /** Whether the older generation of `heads in memory` may go now; if so it is handed over, to be written behind. */
  mayRotate(partition: number): boolean
  rotated(partition: number, entries: Iterable<HeadEntry>, lastPosition: number): void
  /** **Errors**: JOURNAL_UNAVAILABLE. */
  write(write: EngineWrite): Promise<WriteOutcome>
  /** Where the log ends now. Asked only where others may write. */
  lastPosition(partition: number): Promise<number>
  /** The last block that begins at or before `position`, and those after it: up to `count`. */
  blocks(partition: number, position: number, count: number): Promise<readonly StoredBlock[]>
  /** The block that begins at `firstPosition`, or null. Synchronous where the store is: every entity that starts asks. */
  block(partition: number, firstPosition: number): Buffer | null | Promise<Buffer | null>
  cursors(partition: number): Promise<Cursors>
  saveSnapshot(write: SnapshotWrite): Promise<WriteOutcome | Forgotten>
  /** The epoch of partition 0, where every takeover begins; 0: none. Absent where nobody can take over. */
  epochNow?(): Promise<number>
  /** Newest first. */
  snapshots(partition: number, persistenceId: string): Promise<readonly StoredSnapshot[]>
  /** Whether any id of the partition may have a horizon; where none has, nobody asks for one. */
  mayHaveHorizons(partition: number): boolean
  /** At once where the store is synchronous, since every read asks. */
  horizon(partition: number, persistenceId: string): Horizon | Promise<Horizon>
  /** Forgets, with the snapshots below the horizon, or with all of an id that is ended. **Errors**: JOURNAL_UNAVAILABLE. */
  delete(deletion: Deletion): Promise<WriteOutcome | Changed>
  /** Nothing else is written to the partition meanwhile, nor during `rollOut`. */
  beginRollOut(begin: RollOutBegin): Promise<WriteOutcome | RollOutReady>
  /** Writes a segment's entry and removes its blocks, in one write. */
  rollOut(write: RollOutWrite): Promise<WriteOutcome>
  /** The segments as they are now. Asked only where others may write. */
  segments(partition: number): Promise<readonly Segment[]>
  close(partitions: readonly PartitionAtClose[]): Promise<void>
}

export interface SnapshotWrite {
  readonly partition: number
  readonly epoch: number
  /** Where the log ends at least. */
  readonly lastPosition: number
  readonly persistenceId: string
  readonly sequenceNr: number
  readonly packed: Buffer
  readonly keep: number
}

export interface StoredSnapshot {
  readonly sequenceNr: number
  readonly packed: Buffer
}

export interface PartitionAtClose {
  readonly epoch: number
  readonly lastPosition: number
  readonly dirty: Iterable<HeadEntry>
}
