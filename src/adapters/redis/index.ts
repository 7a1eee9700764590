/** `troupe/redis`: the journal in Redis, and topics in Redis that other programs write. */

import type { RedisOptions } from 'ioredis'
import { shown } from '../../base/errors.ts'
import { type Logger, stderrLogger } from '../../base/logger.ts'
import { type Clock, systemClock } from '../../base/ports.ts'
import type { Journal, Writer } from '../../persistence/journal.ts'
import { checkJournalOptions, checkText, checkWord, misconfigured } from '../../persistence/journal-options.ts'
import { type ArchiveOptions, checkArchiveOptions } from '../packed/archive-options.ts'
import { PackedJournal } from '../packed/packed-journal.ts'
import { Connection } from './connection.ts'
import { RedisEngine } from './redis-engine.ts'
import { checkPartitions, checkPrefix, databaseOf, nameOf, parseRedisUrl } from './url.ts'

export type { ArchiveOptions } from '../packed/archive-options.ts'
export { type DestroyRedisOptions, destroyRedisStore } from './destroy.ts'
export { destroyRedisViews } from './destroy-views.ts'
export type { RedisStreamSourceOptions } from './streams-settings.ts'
export { redisStreamSource } from './streams-source.ts'
export { parseRedisUrl, type RedisPlace } from './url.ts'
export { type RedisViewsOptions, redisViews } from './views.ts'

export interface RedisJournalOptions {
  /**
   * `redis://host:port/db`, `rediss://…`, or `redis-cluster://host:port,host:port` with some nodes of a cluster; may carry
   * `?partitions=16&prefix=troupe`.
   */
  readonly url: string
  /** What all keys begin with. Default: as in the URL, else `troupe`. */
  readonly prefix?: string
  /** Fixed when the store is made; asked for and different is an error. **Bounds**: 1 to 1,024. Default: as stored, else 16. */
  readonly partitions?: number
  /** Default: `owner`. A guest writes beside the owner and fences nobody: for functions. */
  readonly writer?: Writer
  /** How long a server may be away before a call fails; a commit, which looks again first, takes up to twice. Default: 10,000. */
  readonly unavailableAfterMs?: number
  /** More for the client, such as credentials and TLS. When something is sent again is decided by the journal alone. */
  readonly client?: RedisOptions
  /** Where closed segments of the log go when `rollOut` is called. Must be given again as long as it holds any. */
  readonly archive?: ArchiveOptions
  readonly logger?: Logger
  readonly clock?: Clock
}

const OPTIONS = [
  'url',
  'prefix',
  'partitions',
  'writer',
  'unavailableAfterMs',
  'client',
  'archive',
  'logger',
  'clock',
] satisfies (keyof RedisJournalOptions)[]

/**
 * A journal in a Redis server (7.0 or later), or in a cluster: a partition lies on one of its masters.
 *
 * **Durability**: a write resolves when the server has carried it out; what that survives is what the server's
 * append-only file is set to, checked by `open` and said in `durability`. A failover to a replica may lose writes that
 * had resolved.
 * **Order**: per partition, in the order of the commits. **Delivery**: a commit whose answer was lost is looked for and
 * sent again if it is not there; it is never there twice.
 * **Errors** of `open`: JOURNAL_MISCONFIGURED for a server that may evict keys, one that is too old, another number of
 * partitions; JOURNAL_FORMAT, JOURNAL_CORRUPT, JOURNAL_UNAVAILABLE; JOURNAL_FENCED for all but one of those that open it, or
 * make a removed one anew, at the same moment. It fences every writer that opened the store before.
 * **Bounds**: all data is in the server's memory; here memory for some 65,000 ids a partition and 8 MiB of blocks.
 */
export const redisJournal = (options: RedisJournalOptions): Journal => {
  // It may hold a password, and is not repeated.
  if (typeof options === 'string')
    throw misconfigured('redisJournal: the options must be an object, not a text: give { url }')
  checkJournalOptions('redisJournal', options, OPTIONS)
  checkText('redisJournal: url', options.url)
  checkWord('redisJournal: writer', options.writer, ['owner', 'guest'])
  const place = parseRedisUrl(options.url)
  const prefix = options.prefix === undefined ? place.prefix : checkPrefix(options.prefix)
  const partitions = options.partitions === undefined ? place.partitions : checkPartitions(options.partitions)
  const unavailableAfterMs = options.unavailableAfterMs ?? 10_000
  if (!(typeof unavailableAfterMs === 'number' && unavailableAfterMs > 0))
    throw misconfigured(
      `redisJournal: unavailableAfterMs must be a number of ms above 0, not ${shown(unavailableAfterMs)}`,
    )
  const clock = options.clock ?? systemClock
  const name = nameOf({ ...place, prefix })
  const connection = new Connection(place.url, name, options.client ?? {}, clock, unavailableAfterMs)
  const logger = options.logger ?? stderrLogger
  return new PackedJournal(
    new RedisEngine({
      name,
      connection,
      prefix,
      database: options.client?.db ?? databaseOf(place.url),
      partitions,
      unavailableAfterMs,
      writer: options.writer ?? 'owner',
      logger,
      clock,
    }),
    checkArchiveOptions(options.archive),
  )
}
