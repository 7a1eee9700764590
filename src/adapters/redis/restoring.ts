/** A store that a backup is read into: its description says so from the first key on, and nobody else can open it. */

import { type Logger, stderrLogger } from '../../base/logger.ts'
import { systemClock } from '../../base/ports.ts'
import type { MakeStore } from '../backup/restore.ts'
import { type ArchiveOptions, checkArchiveOptions } from '../packed/archive-options.ts'
import { describeStore, parseDescription } from '../packed/description.ts'
import { StoreFilling } from '../packed/store-filling.ts'
import { Connection } from './connection.ts'
import { destroyRedisStore } from './destroy.ts'
import { describe, holdsStore, readDescription } from './open-store.ts'
import { RedisEngine } from './redis-engine.ts'
import { databaseOf, nameOf, parseRedisUrl } from './url.ts'

export interface MakeRedisStoreOptions {
  /** As for `redisJournal`; a number of partitions in it is ignored, the backup has its own. */
  readonly url: string
  /** How long the server may be away before a call fails. Default: 10,000. */
  readonly unavailableAfterMs?: number
  readonly logger?: Logger
  /** Takes what lies before a dropped part of a log. */
  readonly archive?: ArchiveOptions
}

/**
 * Makes a store for `restore`. What a killed one leaves cannot be opened; the next one removes it. **Errors** at once or
 * later: JOURNAL_MISCONFIGURED where there is a store, or the server is not set to hold one; JOURNAL_FENCED where another
 * one restores to it; JOURNAL_UNAVAILABLE, JOURNAL_FULL.
 */
export const makeRedisStore =
  ({ url, unavailableAfterMs = 10_000, logger = stderrLogger, archive }: MakeRedisStoreOptions): MakeStore =>
  async (partitions, incarnation) => {
    const place = parseRedisUrl(url)
    const { prefix } = place
    const name = nameOf(place)
    const connection = new Connection(place.url, name, {}, systemClock, unavailableAfterMs)
    const filling = new StoreFilling(
      new RedisEngine({
        name,
        connection,
        prefix,
        database: databaseOf(place.url),
        partitions,
        unavailableAfterMs,
        writer: 'owner',
        restoring: incarnation,
        logger,
        clock: systemClock,
      }),
      checkArchiveOptions(archive),
    )
    try {
      await connection.checkDatabase(databaseOf(place.url))
      const there = await readDescription(connection, prefix)
      if (there !== '') {
        if (parseDescription(there, name).state !== 'restoring') throw holdsStore(name)
        await destroyRedisStore({ url, unavailableAfterMs })
      }
      await filling.open()
    } catch (error) {
      connection.close()
      throw error
    }
    const restoring = describeStore({ partitions, state: 'restoring', incarnation })
    return {
      filling,
      async finish() {
        const made = describeStore({ partitions, state: 'made', incarnation })
        if (
          !(await describe(connection, prefix, restoring, made)) &&
          (await readDescription(connection, prefix)) !== made
        )
          throw holdsStore(name)
        await filling.close()
      },
      async abandon() {
        const isOurs = (await readDescription(connection, prefix)) === restoring
        await filling.close()
        await filling.removeFiles()
        if (isOurs) await destroyRedisStore({ url, unavailableAfterMs })
      },
    }
  }
