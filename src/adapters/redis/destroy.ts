import { systemClock } from '../../base/ports.ts'
import { Connection } from './connection.ts'
import { removeStore } from './remove-store.ts'
import { databaseOf, nameOf, parseRedisUrl } from './url.ts'

export interface DestroyRedisOptions {
  /** As for `redisJournal`; only keys under its prefix are touched. */
  readonly url: string
  /** Default: 10,000. */
  readonly unavailableAfterMs?: number
}

/**
 * Removes what a journal holds in Redis; nothing where there is none. A few bytes a partition stay: its epoch moves on, so
 * that whoever has the store open is fenced, now and after it was made anew. A removal that was cut short (a kill, a lost
 * server) is finished by whoever removes or opens the store next; until then nobody can read it.
 * **Errors**: JOURNAL_UNAVAILABLE; JOURNAL_FENCED where somebody else makes or removes it at the same time.
 */
export const destroyRedisStore = async ({ url, unavailableAfterMs = 10_000 }: DestroyRedisOptions): Promise<void> => {
  const place = parseRedisUrl(url)
  const name = nameOf(place)
  const connection = new Connection(place.url, name, {}, systemClock, unavailableAfterMs)
  try {
    await connection.checkDatabase(databaseOf(place.url))
    await removeStore({ name, connection, prefix: place.prefix })
  } finally {
    connection.close()
  }
}
