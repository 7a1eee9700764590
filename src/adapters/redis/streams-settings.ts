/** What a Redis Streams source is told, checked. */

import type { RedisOptions } from 'ioredis'
import { RuntimeError } from '../../base/errors.ts'
import { type Logger, stderrLogger } from '../../base/logger.ts'
import { type Clock, systemClock } from '../../base/ports.ts'
import { INBOX_WINDOW } from '../../persistence/inbox-window.ts'

export interface RedisStreamSourceOptions {
  /** `redis://host:port/db` or `rediss://…`. */
  readonly url: string
  /** The streams to read. **Bounds**: at least one, each once. Several need one server, not a cluster. */
  readonly topics: readonly string[]
  /** The consumer group. It is made if it is not there, and begins with the first entry of each stream. */
  readonly group: string
  /**
   * This reader's name in the group: the same after a restart, when it goes on with what it had; another one than
   * those of other processes that read at the same time.
   */
  readonly consumer: string
  /**
   * An entry that lay with another consumer for so long without a sign of life is taken over. A consumer gives one three
   * times as often, however long its messages take. Units: ms. **Bounds**: at least 100. Default: 60,000.
   */
  readonly claimIdleMs?: number
  /** Most entries read and not acknowledged. **Bounds**: two per topic to INBOX_WINDOW. Default: INBOX_WINDOW (1,000). */
  readonly maxUnacknowledged?: number
  /** How long one read waits for new entries before it asks again. Units: ms. Default: 5,000. */
  readonly blockMs?: number
  /** How long a server may say nothing before it counts as away. Units: ms. Default: 5,000. */
  readonly unavailableAfterMs?: number
  /** More for the client: credentials, TLS, Sentinel. */
  readonly client?: RedisOptions
  readonly logger?: Logger
  readonly clock?: Clock
}

export interface StreamSettings extends Required<RedisStreamSourceOptions> {
  /** For people and logs: without user and password. */
  readonly name: string
}

/** **Errors**: SOURCE_MISCONFIGURED, with what to write instead; a password is not repeated in it. */
export const checkSettings = (options: RedisStreamSourceOptions): StreamSettings => {
  const { url, topics, group, consumer } = options
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed === null || !['redis:', 'rediss:'].includes(parsed.protocol) || parsed.search !== '')
    throw misconfigured('the URL of a Redis Streams source reads redis://host:port/db')
  if (topics.length === 0 || new Set(topics).size !== topics.length || topics.includes(''))
    throw misconfigured(`topics are one or more streams, each named once, not ${JSON.stringify(topics)}`)
  for (const [what, name] of Object.entries({ group, consumer }))
    if (name === '') throw misconfigured(`${what}: give it a name that stays the same over restarts`)
  const { protocol, host, pathname } = parsed
  const settings = {
    claimIdleMs: 60_000,
    maxUnacknowledged: INBOX_WINDOW,
    blockMs: 5_000,
    unavailableAfterMs: 5_000,
    client: {},
    logger: stderrLogger,
    clock: systemClock,
    ...options,
    name: `${protocol}//${host}${pathname === '/' ? '' : pathname} ${topics.join(', ')}`,
  }
  inRange('claimIdleMs', settings.claimIdleMs, 100, Number.MAX_SAFE_INTEGER)
  inRange('maxUnacknowledged', settings.maxUnacknowledged, 2 * topics.length, INBOX_WINDOW)
  // 0 would be for ever to Redis.
  inRange('blockMs', settings.blockMs, 1, 3_600_000)
  inRange('unavailableAfterMs', settings.unavailableAfterMs, 1, 3_600_000)
  return settings
}

const inRange = (what: string, value: number, min: number, max: number): void => {
  if (!Number.isInteger(value) || value < min || value > max)
    throw misconfigured(`${what}: give a whole number from ${min} to ${max}, not ${value}`)
}

const misconfigured = (text: string): RuntimeError => new RuntimeError('SOURCE_MISCONFIGURED', text)
