import { systemClock } from '../../base/ports.ts'
import { Connection } from './connection.ts'
import { keysOf, metaKeyOf } from './keys.ts'
import { EMPTY } from './scripts.ts'
import { databaseOf, nameOf, parseRedisUrl } from './url.ts'

export interface DestroyRedisOptions {
  /** As for `redisJournal`; only keys under its prefix are touched. */
  readonly url: string
  /** Default: 10,000. */
  readonly unavailableAfterMs?: number
}

const KEYS_PER_CALL = 500

/**
 * Removes what a journal holds in Redis; nothing where there is none. A few bytes a partition stay: its epoch moves on, so
 * that whoever has the store open is fenced, now and after it was made anew. **Errors**: JOURNAL_UNAVAILABLE.
 */
export const destroyRedisStore = async ({ url, unavailableAfterMs = 10_000 }: DestroyRedisOptions): Promise<void> => {
  const place = parseRedisUrl(url)
  const connection = new Connection(place.url, nameOf(place), {}, systemClock, unavailableAfterMs)
  try {
    await connection.checkDatabase(databaseOf(place.url))
    // Whatever the description says: one that cannot be read is a reason to begin anew, too.
    const partitions = await findPartitions(connection, place.prefix)
    for (const [nr, snapshots] of partitions) await emptyPartition(connection, place.prefix, nr, snapshots)
    await connection.untilAnswered(() => connection.once('DEL', metaKeyOf(place.prefix)))
  } finally {
    connection.close()
  }
}

const emptyPartition = async (
  connection: Connection,
  prefix: string,
  nr: number,
  snapshots: readonly string[],
): Promise<void> => {
  const { state, heads, log, cursors } = keysOf(prefix, nr)
  const removed = [heads, log, cursors, ...snapshots]
  for (let from = 0; from < removed.length; from += KEYS_PER_CALL) {
    const keys = [state, ...removed.slice(from, from + KEYS_PER_CALL)]
    await connection.untilAnswered(() => connection.script(EMPTY, keys, []))
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
