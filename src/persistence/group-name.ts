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

/** Before anything is written: a store that refuses one name has perhaps taken the others. */
export const checkGroupNames = (cursors: Cursors): void => {
  for (const group of cursors.keys()) checkGroupName(group)
}
