/** What is answered about an id that was ended for good, and about what was deleted of one: the same by every journal. */

import { RuntimeError } from '../base/errors.ts'
import type { AppendResult, Snapshot } from './journal.ts'

export const TOMBSTONED: AppendResult = { status: 'tombstoned' }

export const tombstoned = (journal: string, persistenceId: string): RuntimeError =>
  new RuntimeError(
    'JOURNAL_TOMBSTONED',
    `${journal}: ${persistenceId} was ended for good, and nothing of it can be read or written any more. Use another id.`,
  )

/** For a snapshot that only deleted events could go on from. */
export const snapshotDeleted = (journal: string, snapshot: Snapshot, deletedTo: number): RuntimeError =>
  new RuntimeError(
    'JOURNAL_DELETED',
    `${journal}: the snapshot ${snapshot.persistenceId}@${snapshot.sequenceNr} is not stored, since its events up to ` +
      `${deletedTo} were deleted. Take it of the newest state.`,
  )

/** Of what is deleted nobody can take anything back, so half a number is no number. **Errors**: JOURNAL_MISCONFIGURED. */
export const checkDeletable = (persistenceId: string, sequenceNr: number): void => {
  if (!Number.isSafeInteger(sequenceNr))
    throw new RuntimeError(
      'JOURNAL_MISCONFIGURED',
      `${persistenceId} can be deleted up to a whole sequence number, not ${String(sequenceNr)}. Nothing is deleted.`,
    )
}
