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
  fetch: options.fetch ?? fetch,
  clock: options.clock ?? systemClock,
  random: options.random ?? systemRandom,
})

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
