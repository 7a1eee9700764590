import { RuntimeError } from '../../base/errors.ts'
import { systemClock } from '../../base/ports.ts'
import { describeStore } from '../packed/description.ts'
import { Connection } from './connection.ts'
import { keysOf, metaKeyOf } from './keys.ts'
import { DESCRIBE, EMPTY, TAKE } from './scripts.ts'
import { databaseOf, nameOf, parseRedisUrl } from './url.ts'

export interface DestroyRedisOptions {
  /** As for `redisJournal`; only keys under its prefix are touched. */
  readonly url: string
  /** Default: 10,000. */
  readonly unavailableAfterMs?: number
}

const KEYS_PER_CALL = 500

/** How many partitions it had is not asked: they are found by their keys. */
const DESTROYED = describeStore({ partitions: 1, state: 'destroyed' })

/**
 * Removes what a journal holds in Redis; nothing where there is none. A few bytes a partition stay: its epoch moves on, so
 * that whoever has the store open is fenced, now and after it was made anew. A removal that was cut short (a kill, a lost
 * server) leaves a store that nobody can open (JOURNAL_CORRUPT) until it is removed again.
 * **Errors**: JOURNAL_UNAVAILABLE; JOURNAL_FENCED where somebody else makes or removes it at the same time.
 */
export const destroyRedisStore = async ({ url, unavailableAfterMs = 10_000 }: DestroyRedisOptions): Promise<void> => {
  const place = parseRedisUrl(url)
  const name = nameOf(place)
  const connection = new Connection(place.url, name, {}, systemClock, unavailableAfterMs)
  const describe = (from: string, to: string): Promise<unknown> =>
    connection.untilAnswered(() => connection.script(DESCRIBE, [metaKeyOf(place.prefix)], [from, to]))
  try {
    await connection.checkDatabase(databaseOf(place.url))
    // Whatever the description says: one that cannot be read is a reason to begin anew, too.
    await describe('*', DESTROYED)
    const epochs = await takeEpochs(connection, place.prefix)
    // Only now: before, a writer may have put more there.
    for (const [nr, snapshots] of await findPartitions(connection, place.prefix))
      await emptyPartition(connection, name, place.prefix, nr, epochs.get(nr) ?? 0, snapshots)
    await describe(DESTROYED, '')
  } finally {
    connection.close()
  }
}

const takeEpochs = async (connection: Connection, prefix: string): Promise<ReadonlyMap<number, number>> => {
  const epochs = new Map<number, number>()
  for (const nr of (await findPartitions(connection, prefix)).keys()) {
    const { state } = keysOf(prefix, nr)
    epochs.set(nr, await connection.untilAnswered(() => connection.script<number>(TAKE, [state], [])))
  }
  return epochs
}

const emptyPartition = async (
  connection: Connection,
  name: string,
  prefix: string,
  nr: number,
  epoch: number,
  snapshots: readonly string[],
): Promise<void> => {
  const { state, heads, log, cursors } = keysOf(prefix, nr)
  const removed = [heads, log, cursors, ...snapshots]
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

/** The partitions that have a key at all, each with the keys of its snapshots. */
const findPartitions = async (
  connection: Connection,
  prefix: string,
): Promise<ReadonlyMap<number, readonly string[]>> => {
  const found = new Map<number, string[]>()
  const pattern = `{${prefix.replace(/[*?[\]\\]/g, '\\$&')}:*}:*`
  for (let cursor = '0'; ; ) {
    const at = cursor
    const [next, keys] = await connection.untilAnswered(() =>
      connection.once<[Buffer, readonly Buffer[]]>('SCAN', at, 'MATCH', pattern, 'COUNT', 1_000),
    )
    for (const bytes of keys) {
      const key = bytes.toString()
      const nr = Number.parseInt(key.slice(prefix.length + 2), 10)
      const snapshots = found.get(nr) ?? []
      found.set(nr, snapshots)
      if (key.startsWith(keysOf(prefix, nr).snapshots)) snapshots.push(key)
    }
    cursor = next.toString()
    if (cursor === '0') return found
  }
}
