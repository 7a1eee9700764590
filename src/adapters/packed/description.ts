/** What a store says of itself, in one line of JSON: the format, the number of partitions, and how far its making has come. */

import { RuntimeError } from '../../base/errors.ts'
import { checksumOf, hashOf } from '../codec/checksum.ts'
import { corrupt, FORMAT } from '../codec/frame.ts'

/**
 * `made`: every partition has been opened once. `new`: somebody began to make it, and nothing is in it yet.
 * `destroyed`: somebody began to remove it, and parts may be gone.
 */
export type StoreState = 'new' | 'made' | 'destroyed'

export interface Description {
  readonly partitions: number
  readonly state: StoreState
}

export const describeStore = ({ partitions, state }: Description): string =>
  JSON.stringify({ format: FORMAT, partitions, state, checksum: checksumOf(hashOf(state), FORMAT, partitions) })

/** **Errors**: JOURNAL_CORRUPT; JOURNAL_FORMAT for one that another version wrote. Both name the store. */
export const parseDescription = (text: string, name: string): Description => {
  let parsed: { format?: unknown; partitions?: unknown; state?: unknown; checksum?: unknown } | null
  try {
    parsed = JSON.parse(text) as typeof parsed
  } catch (error) {
    throw corrupt(`${name}: the store's description cannot be read: ${text.slice(0, 100)}`, error)
  }
  const { format, partitions, state, checksum } = parsed ?? {}
  // Before the checksum: another version may have another one.
  if (Number.isSafeInteger(format) && format !== FORMAT)
    throw new RuntimeError(
      'JOURNAL_FORMAT',
      `${name} has format ${format}, this version reads ${FORMAT}. Open it with the version that wrote it.`,
    )
  const sound = isState(state) && checksum === checksumOf(hashOf(state), FORMAT, partitions as number)
  if (!sound || !Number.isSafeInteger(partitions) || (partitions as number) < 1)
    throw corrupt(`${name}: the store's description makes no sense: ${text.slice(0, 100)}`)
  return { partitions: partitions as number, state }
}

/** **Errors**: JOURNAL_MISCONFIGURED where another number of partitions was asked for than the store has. */
export const checkPartitionsAsked = (name: string, made: number, asked: number | null): void => {
  if (asked !== null && asked !== made)
    throw new RuntimeError(
      'JOURNAL_MISCONFIGURED',
      `${name} was made with ${made} partitions, ${asked} were asked for. ` +
        'Their number is fixed when a store is made: leave the option out, or make a new store.',
    )
}

const isState = (state: unknown): state is StoreState => state === 'new' || state === 'made' || state === 'destroyed'
