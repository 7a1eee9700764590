/**
 * Removes a store in Redis. Its keys lie in several slots, so it takes several calls, each of which may be the last:
 *
 *     any ──▶ destroyed ──(every partition's next epoch)──▶ is it still? ──(every partition emptied)──▶ none
 *
 * The mark goes first, so that nobody takes what is left for a store. Epochs are taken before anything goes, so that
 * nobody puts more there. Whoever comes back after others have finished this removal, and made the store anew, finds
 * another description, or that its epochs are no longer the last.
 */

import { RuntimeError } from '../../base/errors.ts'
import { describeStore } from '../packed/description.ts'
import type { Connection } from './connection.ts'
import { findPartitions } from './find-partitions.ts'
import { keysOf, metaKeyOf } from './keys.ts'
import { DESCRIBE, EMPTY, TAKE } from './scripts.ts'

/** A store as the errors name it, how it is reached, and what its keys begin with. */
export interface Place {
  readonly name: string
  readonly connection: Connection
  readonly prefix: string
}

const KEYS_PER_CALL = 500

/** How many partitions it had is not asked: they are found by their keys. */
const DESTROYED = describeStore({ partitions: 1, state: 'destroyed' })

/** Whatever the description says: one that cannot be read is a reason to begin anew, too. **Errors**: as `finishRemoval`. */
export const removeStore = async (place: Place): Promise<void> => {
  await describe(place, '*', DESTROYED)
  await finishRemoval(place)
}

/** Goes on where a removal was cut short. **Errors**: JOURNAL_UNAVAILABLE; JOURNAL_FENCED where others made it anew. */
export const finishRemoval = async (place: Place): Promise<void> => {
  const epochs = await takeEpochs(place)
  if ((await description(place)) !== DESTROYED)
    throw new RuntimeError(
      'JOURNAL_FENCED',
      `${place.name}: somebody else removed it meanwhile, and it may have been made anew. Nothing of that is gone; whoever had it open is fenced.`,
    )
  // Only now: before, a writer may have put more there.
  for (const [nr, snapshots] of await findPartitions(place.connection, place.prefix))
    await emptyPartition(place, nr, epochs.get(nr) ?? 0, snapshots)
  await describe(place, DESTROYED, '')
}

const describe = ({ connection, prefix }: Place, from: string, to: string): Promise<unknown> =>
  connection.untilAnswered(() => connection.script(DESCRIBE, [metaKeyOf(prefix)], [from, to]))

const description = async ({ connection, prefix }: Place): Promise<string | undefined> =>
  (await connection.untilAnswered(() => connection.once<Buffer | null>('GET', metaKeyOf(prefix))))?.toString()

const takeEpochs = async (place: Place): Promise<ReadonlyMap<number, number>> => {
  const { connection, prefix } = place
  const epochs = new Map<number, number>()
  for (const nr of (await findPartitions(connection, prefix)).keys()) {
    const { state } = keysOf(prefix, nr)
    epochs.set(nr, await connection.untilAnswered(() => connection.script<number>(TAKE, [state], [])))
  }
  return epochs
}

const emptyPartition = async (
  { name, connection, prefix }: Place,
  nr: number,
  epoch: number,
  snapshots: readonly string[],
): Promise<void> => {
  const { state, heads, log, cursors, horizons, segments } = keysOf(prefix, nr)
  const removed = [heads, log, cursors, horizons, segments, ...snapshots]
  for (let from = 0; from < removed.length; from += KEYS_PER_CALL) {
    const keys = [state, ...removed.slice(from, from + KEYS_PER_CALL)]
    const [status] = await connection.untilAnswered(() => connection.script<readonly Buffer[]>(EMPTY, keys, [epoch]))
    if (status!.toString() !== 'written')
      throw new RuntimeError(
        'JOURNAL_FENCED',
        `${name}, partition ${nr}: somebody else opened or removed it while it was being removed. Look who does; nothing of theirs is gone.`,
      )
  }
}
