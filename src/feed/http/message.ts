import type { FeedSubscription } from '../sse/subscription.ts'

/** A request as the feed sees it, whatever server it came through. */
export interface FeedRequest {
  readonly method: string
  /** Path and query, as they stand on the request line. */
  readonly target: string
  /** The value of a header by its lower-case name; null: there is none. */
  header(name: string): string | null
  /** The requester's address; null: not known. */
  readonly address: string | null
  /** Who the requester is, where that was found out; null: by the `Authorization` header, if there is one. */
  readonly principal: string | null
  /** Who asks was found out, so that shared caches must not keep the answer; that a `principal` is named says so too. */
  readonly isGuarded: boolean
  /** Aborts when the requester has gone. */
  readonly signal: AbortSignal | null
}

export type FeedHeaders = Readonly<Record<string, string>>

export interface PlainAnswer {
  readonly status: number
  readonly headers: FeedHeaders
  /** Null: no content, also where the method is HEAD. */
  readonly body: Buffer | null
  readonly subscription?: undefined
}

/** What goes on until either side ends it: `subscription` is to be given an outlet. */
export interface StreamingAnswer {
  readonly status: number
  readonly headers: FeedHeaders
  readonly subscription: FeedSubscription
}

export type FeedAnswer = PlainAnswer | StreamingAnswer
