import { systemClock } from '../../base/ports.ts'
import { Connection } from './connection.ts'
import type { DestroyRedisOptions } from './destroy.ts'
import { databaseOf, nameOf, parseRedisUrl } from './url.ts'

/**
 * Removes all views under a prefix; nothing where there are none. Each view goes whole or not at all. Whoever projects one
 * meanwhile makes it anew. **Errors**: JOURNAL_UNAVAILABLE, JOURNAL_MISCONFIGURED.
 */
export const destroyRedisViews = async ({ url, unavailableAfterMs = 10_000 }: DestroyRedisOptions): Promise<void> => {
  const place = parseRedisUrl(url)
  const connection = new Connection(place.url, `views ${nameOf(place)}`, {}, systemClock, unavailableAfterMs)
  try {
    await connection.checkDatabase(databaseOf(place.url))
    for (const keys of await viewsUnder(connection, place.prefix))
      await connection.untilAnswered(() => connection.once('UNLINK', ...keys))
  } finally {
    connection.close()
  }
}

/** The keys of each view, by view: they lie in one slot. */
const viewsUnder = async (connection: Connection, prefix: string): Promise<Iterable<readonly string[]>> => {
  const found = new Map<string, Set<string>>()
  const begin = `{${prefix}~`
  const pattern = `${begin.replace(/[*?[\]\\]/g, '\\$&')}*}:*`
  for (let cursor = '0'; ; ) {
    const at = cursor
    const [next, keys] = await connection.untilAnswered(() =>
      connection.once<[Buffer, readonly Buffer[]]>('SCAN', at, 'MATCH', pattern, 'COUNT', 1_000),
    )
    for (const bytes of keys) {
      const key = bytes.toString()
      // Another store's prefix may begin with this one and a tilde; no view's name has one.
      const [, view] = VIEW_KEY.exec(key.slice(begin.length)) ?? []
      if (view !== undefined) found.set(view, (found.get(view) ?? new Set()).add(key))
    }
    cursor = next.toString()
    if (cursor === '0') return [...found.values()].map(keysOfView => [...keysOfView])
  }
}

const VIEW_KEY = /^([\w-]{1,64})\}:(?:builds|\d+:(?:offsets|rows|entries|entries-of))$/
