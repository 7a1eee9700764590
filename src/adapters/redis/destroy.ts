import { systemClock } from '../../base/ports.ts'
import { Connection } from './connection.ts'
import { metaKeyOf, slotOf } from './keys.ts'
import { nameOf, PARTITIONS_MAX, parseRedisUrl } from './url.ts'

export interface DestroyRedisOptions {
  /** As for `redisJournal`; only keys under its prefix are touched. */
  readonly url: string
  /** Default: 10,000. */
  readonly unavailableAfterMs?: number
}

/**
 * Removes what a journal holds in Redis; nothing where there is none. Whoever has it open is fenced: the epochs stay and
 * move on. **Errors**: JOURNAL_UNAVAILABLE.
 */
export const destroyRedisStore = async ({ url, unavailableAfterMs = 10_000 }: DestroyRedisOptions): Promise<void> => {
  const place = parseRedisUrl(url)
  const connection = new Connection(place.url, nameOf(place), {}, systemClock, unavailableAfterMs)
  const ask = <Reply>(command: string, ...args: string[]): Promise<Reply> =>
    connection.untilAnswered(() => connection.once<Reply>(command, ...args))
  try {
    // Whatever the description says: one that cannot be read is a reason to begin anew, too.
    for (let nr = 0; nr < PARTITIONS_MAX; nr++) {
      const slot = slotOf(place.prefix, nr)
      if ((await ask<number>('EXISTS', `${slot}:state`)) === 0) break
      await ask('HINCRBY', `${slot}:state`, 'epoch', '1')
      await ask('HDEL', `${slot}:state`, 'position')
      let cursor = '0'
      do {
        const [next, keys] = await ask<[Buffer, readonly Buffer[]]>(
          'SCAN',
          cursor,
          'MATCH',
          `${globbed(slot)}:*`,
          'COUNT',
          '1000',
        )
        cursor = next.toString()
        for (const key of keys) if (key.toString() !== `${slot}:state`) await ask('UNLINK', key.toString())
      } while (cursor !== '0')
    }
    await ask('DEL', metaKeyOf(place.prefix))
  } finally {
    connection.close()
  }
}

/** A prefix may hold what a pattern gives a meaning of its own. */
const globbed = (text: string): string => text.replace(/[*?[\]\\^]/g, '\\$&')
