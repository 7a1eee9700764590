import { optionsProblem } from '../../base/bounds.ts'
import { RuntimeError, shown } from '../../base/errors.ts'
import { type Logger, patientLogger, stderrLogger } from '../../base/logger.ts'
import { type Clock, type Random, systemClock, systemRandom } from '../../base/ports.ts'
import type { Backoff } from '../../supervision/backoff.ts'

export interface FeedClientOptions {
  /** The cursor of the last delivery whose effect is stored; null: from the oldest event on. Default: null. */
  readonly after?: string | null
  /** Ends the iteration, in order. */
  readonly signal?: AbortSignal
  /** Sent with every request, such as `authorization`. */
  readonly headers?: Readonly<Record<string, string>>
  /** Between tries while the server does not answer or fails. Default: 250 to 30,000, with jitter. */
  readonly backoff?: Backoff
  /** Full pages kept in memory, and how many are walked back; one that is further behind asks by numbers. Default: 64. */
  readonly pagesKept?: number
  /** An answer that has not begun, or a subscription that has been silent, for so long is given up. Default: 60,000. */
  readonly silentMs?: number
  /**
   * Is told, at most once a minute, that the server does not answer or fails (`warn`, with the `error`), and when it answers
   * again (`info`). Default: standard error, which leaves out what is no warning.
   */
  readonly logger?: Logger
  readonly fetch?: typeof fetch
  readonly clock?: Clock
  readonly random?: Random
}

export type ClientSettings = Required<Omit<FeedClientOptions, 'signal' | 'after'>> & {
  readonly signal: AbortSignal | null
}

export const settingsOf = (options: FeedClientOptions): ClientSettings => ({
  signal: options.signal ?? null,
  headers: options.headers ?? {},
  backoff: options.backoff ?? { minMs: 250, maxMs: 30_000 },
  pagesKept: options.pagesKept ?? 64,
  silentMs: options.silentMs ?? 60_000,
  logger: patientLogger(options.logger ?? stderrLogger),
  fetch: options.fetch ?? fetch,
  clock: options.clock ?? systemClock,
  random: options.random ?? systemRandom,
})

export const CLIENT_KEYS: readonly string[] = [
  'after',
  'signal',
  'headers',
  'backoff',
  'pagesKept',
  'silentMs',
  'logger',
  'fetch',
  'clock',
  'random',
]

/** Of options that may have `keys`. **Errors**: FEED_MISCONFIGURED, naming the field. */
export const checkClient = (what: string, url: unknown, options: unknown, keys: readonly string[]): void => {
  const refuse = (field: string, mustBe: string, value: unknown): RuntimeError =>
    feedMisconfigured(`${what}: ${field} must be ${mustBe}, not ${shown(value)}`)
  if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw feedMisconfigured(`${what}: ${shown(url)} is no URL of a feed: give one such as http://host/streams/NAME`)
  const problem = optionsProblem(options, keys)
  if (problem !== null) throw feedMisconfigured(`${what}: its options ${problem}`)
  const { after = null, pagesKept = 1, silentMs = 1, minIntervalMs = 0, waitSeconds = 0, ...rest } = options as Fields
  if (after !== null && typeof after !== 'string') throw refuse('after', 'a cursor or null', after)
  if (!Number.isSafeInteger(pagesKept) || (pagesKept as number) < 1)
    throw refuse('pagesKept', 'a whole number of at least 1', pagesKept)
  if (!isTime(silentMs) || silentMs === 0) throw refuse('silentMs', 'a number of ms above 0', silentMs)
  if (!isTime(minIntervalMs)) throw refuse('minIntervalMs', 'a number of ms from 0', minIntervalMs)
  if (!isTime(waitSeconds)) throw refuse('waitSeconds', 'a number of seconds from 0', waitSeconds)
  const { logger, fetch, headers, signal } = rest
  if (logger !== undefined && typeof (logger as Fields | null)?.log !== 'function')
    throw refuse('logger', 'a logger', logger)
  if (fetch !== undefined && typeof fetch !== 'function') throw refuse('fetch', 'a function', fetch)
  if (headers !== undefined && (typeof headers !== 'object' || headers === null || headers instanceof Headers))
    throw refuse('headers', 'an object of texts', headers)
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw refuse('signal', 'an AbortSignal', signal)
}

export const feedMisconfigured = (text: string): RuntimeError => new RuntimeError('FEED_MISCONFIGURED', text)

const isTime = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value >= 0

type Fields = Readonly<Record<string, unknown>>

/** One event of a feed. Store `cursor` in the same write as what the event leads to, and go on `after` it. */
export interface FeedDelivery {
  readonly number: number
  readonly cursor: string
  /** A CloudEvent in its JSON format, as the feed has it. */
  readonly event: FeedCloudEvent
}

export interface FeedCloudEvent {
  readonly specversion: string
  readonly id: string
  readonly source: string
  readonly type: string
  readonly data?: unknown
  readonly [attribute: string]: unknown
}
