/**
 * What a store says of itself, in one line of JSON: the format, the number of partitions, how far its making has come, and
 * the backup that it was restored from, if any.
 */

import { RuntimeError } from '../../base/errors.ts'
import { checksumOf, hashOf } from '../codec/checksum.ts'
import { corrupt, FORMAT } from '../codec/frame.ts'

/**
 * `made`: every partition has been opened once. `new`: somebody began to make it, and nothing is in it yet.
 * `destroyed`: somebody began to remove it, and parts may be gone. `restoring`: a backup is being read into it.
 */
export type StoreState = 'new' | 'made' | 'destroyed' | 'restoring'

/** Of a store that began empty. One that began as a backup has the time at which it was restored. Units: ms since 1970. */
export const FIRST_INCARNATION = 0

export interface Description {
  readonly partitions: number
  readonly state: StoreState
  /** Where this changes, what was acknowledged before may be gone. Default: FIRST_INCARNATION. */
  readonly incarnation?: number
}

export const describeStore = ({ partitions, state, incarnation = FIRST_INCARNATION }: Description): string =>
  JSON.stringify({
    format: FORMAT,
    partitions,
    state,
    ...(incarnation !== FIRST_INCARNATION && { incarnation }),
    checksum: checksumIn(partitions, state, incarnation),
  })

const checksumIn = (partitions: number, state: StoreState, incarnation: number): number =>
  checksumOf(hashOf(incarnation === FIRST_INCARNATION ? state : `${state} ${incarnation}`), FORMAT, partitions)

/** As a journal's `lineage` has it; null for a store that began empty. */
export const lineageOf = (incarnation: number): string | null =>
  incarnation === FIRST_INCARNATION ? null : `restored ${incarnation}`

/** **Errors**: JOURNAL_CORRUPT; JOURNAL_FORMAT for one that another version wrote. Both name the store. */
export const parseDescription = (text: string, name: string): Required<Description> => {
  let parsed: Record<'format' | 'partitions' | 'state' | 'incarnation' | 'checksum', unknown> | null
  try {
    parsed = JSON.parse(text) as typeof parsed
  } catch (error) {
    throw corrupt(`${name}: the store's description cannot be read: ${text.slice(0, 100)}`, error)
  }
  const { format, partitions, state, incarnation = FIRST_INCARNATION, checksum } = parsed ?? {}
  // Before the checksum: another version may have another one.
  if (Number.isSafeInteger(format) && format !== FORMAT)
    throw new RuntimeError(
      'JOURNAL_FORMAT',
      `${name} has format ${format}, this version reads ${FORMAT}. Open it with the version that wrote it.`,
    )
  const counted = isCount(partitions) && partitions > 0 && isCount(incarnation)
  if (!isState(state) || !counted || checksum !== checksumIn(partitions, state, incarnation))
    throw corrupt(`${name}: the store's description makes no sense: ${text.slice(0, 150)}`)
  return { partitions, state, incarnation }
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

const STATES: readonly unknown[] = ['new', 'made', 'destroyed', 'restoring'] satisfies StoreState[]
const isState = (state: unknown): state is StoreState => STATES.includes(state)

const isCount = (number: unknown): number is number => Number.isSafeInteger(number) && (number as number) >= 0
