/**
 * What is forgotten of an id, kept beside its head: the horizon, up to which its records are deleted, and whether the id was
 * ended for good. An id that was ended has a head of its own kind as well: its number fits no append, so whoever writes
 * finds out by the look at the head that every append costs anyway, and what no horizon is asked for costs nothing.
 *
 *     records   1 2 3 4 5 6 7 8 9        head: #9
 *               deleted |                horizon: 4
 */

import type { Head } from './engine.ts'

export interface Horizon {
  /** The last sequence number that is deleted; 0: none is. */
  readonly deletedTo: number
  readonly tombstoned: boolean
}

export const NO_HORIZON: Horizon = { deletedTo: 0, tombstoned: false }

/** The head of an id that was ended for good. */
export const DEAD_HEAD: Head = { sequenceNr: Number.MAX_SAFE_INTEGER, block: 0 }

export const isDead = (head: Head): boolean => head.sequenceNr === Number.MAX_SAFE_INTEGER

/** A horizon as the two numbers that are stored of it. */
export const horizonNumbers = ({ deletedTo, tombstoned }: Horizon): readonly [number, number] => [
  deletedTo,
  tombstoned ? 1 : 0,
]

export const horizonOf = ([deletedTo, tombstoned]: readonly [number, number]): Horizon => ({
  deletedTo,
  tombstoned: tombstoned === 1,
})

/** What its checksum covers besides the numbers: so that no head passes for a horizon. */
export const horizonName = (persistenceId: string): string => `horizon ${persistenceId}`

export const isSameHorizon = (a: Horizon, b: Horizon): boolean =>
  a.deletedTo === b.deletedTo && a.tombstoned === b.tombstoned

/** One id's horizon moves on, epoch-checked; with a tombstone its head and snapshots go as well. */
export interface Deletion {
  readonly partition: number
  readonly epoch: number
  /** Where the log ends at least. */
  readonly lastPosition: number
  readonly persistenceId: string
  /** What it is made from: written only while horizon and head are these. */
  readonly from: Horizon
  readonly head: Head
  readonly to: Horizon
}
