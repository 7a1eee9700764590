import { RuntimeError } from '../base/errors.ts'
import type { Cursors } from './journal.ts'
import { PERSISTENCE_ID_BYTES_MAX } from './partition.ts'

/** Longest name of a group of readers, as of a persistence id. Units: bytes of UTF-8. */
export const GROUP_NAME_BYTES_MAX = PERSISTENCE_ID_BYTES_MAX

/** **Errors**: JOURNAL_MISCONFIGURED for an empty name, one over the limit, and one that is no well-formed text. */
export const checkGroupName = (group: string): string => {
  if (typeof group !== 'string' || group.length === 0)
    throw new RuntimeError('JOURNAL_MISCONFIGURED', 'the name of a group must be a string of at least one character')
  // Three bytes a character at most, so that short names are not counted.
  const bytes = group.length * 3 > GROUP_NAME_BYTES_MAX ? Buffer.byteLength(group) : 0
  if (bytes > GROUP_NAME_BYTES_MAX)
    throw new RuntimeError(
      'JOURNAL_MISCONFIGURED',
      `the name of a group has ${bytes} bytes: at most ${GROUP_NAME_BYTES_MAX} are allowed`,
    )
  if (!group.isWellFormed())
    throw new RuntimeError('JOURNAL_MISCONFIGURED', `the group ${JSON.stringify(group)} is no well-formed text`)
  return group
}

/** **Errors**: JOURNAL_MISCONFIGURED for a name as above, and for what is no position. */
export const checkCursor = (group: string, position: number): void => {
  checkGroupName(group)
  if (!Number.isSafeInteger(position) || position < 0)
    throw new RuntimeError(
      'JOURNAL_MISCONFIGURED',
      `the cursor of ${group} must be a position from 0 on, not ${String(position)}`,
    )
}

/** Before anything is written: a store that refuses one has perhaps taken the others. */
export const checkCursors = (cursors: Cursors): void => {
  for (const [group, position] of cursors) checkCursor(group, position)
}

/** 0 where there are none. */
export const furthestOf = (cursors: Cursors): number => {
  let furthest = 0
  for (const position of cursors.values()) if (position > furthest) furthest = position
  return furthest
}

/**
 * Nobody has done what is not in the log, and a store that holds such a cursor counts as corrupt when it is opened.
 * **Errors**: JOURNAL_MISCONFIGURED.
 */
export const checkReached = (place: string, cursors: Cursors, lastPosition: number): void => {
  const furthest = furthestOf(cursors)
  if (furthest > lastPosition)
    throw new RuntimeError(
      'JOURNAL_MISCONFIGURED',
      `${place}: a cursor cannot stand at position ${furthest}, the log ends at ${lastPosition}. Nothing is written.`,
    )
}
