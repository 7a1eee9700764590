import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { isRuntimeError, RuntimeError, toError } from '../../base/errors.ts'
import { backoffMs } from '../../supervision/backoff.ts'
import type { Resync } from '../http/subscribing.ts'
import { cursorOf, type FeedPosition, positionOf } from './cursor.ts'
import {
  CLIENT_KEYS,
  checkClient,
  type FeedClientOptions,
  type FeedCloudEvent,
  type FeedDelivery,
  settingsOf,
} from './options.ts'
import { deliveriesAfter, Ended, type FeedPage, FeedPages, refusalOf } from './pages.ts'

export interface SubscribeOptions extends FeedClientOptions {
  /** A name for the subscription, by which it can be ended (`DELETE …/subscriptions/ID`). Default: the server gives one. */
  readonly subscriptionId?: string
}

/**
 * Reads a feed by server-sent events: what comes after `after`, then what comes live; connects again where it was cut.
 * The next events are read when the ones before were taken. It ends when its subscription was ended (204).
 *
 * **Order**, **Delivery**, **Errors**: as `pollFeed`. **Bounds**: one chunk of the connection; where the server sends a
 * `resync`, one page at a time.
 */
export const subscribeFeed = (
  url: string,
  options: SubscribeOptions = {},
): AsyncGenerator<FeedDelivery, void, undefined> => {
  checkClient('subscribeFeed', url, options, [...CLIENT_KEYS, 'subscriptionId'])
  return subscribing(url, options, positionOf(options.after ?? null))
}

async function* subscribing(
  url: string,
  options: SubscribeOptions,
  { incarnation, number }: FeedPosition,
): AsyncGenerator<FeedDelivery, void> {
  const pages = new FeedPages(url, settingsOf(options))
  const reader = new Reader(pages, incarnation, number, options.subscriptionId ?? null)
  try {
    for (;;) {
      yield* reader.connection()
      if (reader.isEnded) return
      await pages.rest(reader.restMs)
    }
  } catch (thrown) {
    if (!(thrown instanceof Ended)) throw thrown
  }
}

class Reader {
  isEnded = false
  private readonly pages: FeedPages
  private readonly subscriptionId: string | null
  private incarnation: string | null
  private number: number
  private retryMs = 0
  private failures = 0

  constructor(pages: FeedPages, incarnation: string | null, number: number, subscriptionId: string | null) {
    this.pages = pages
    this.incarnation = incarnation
    this.number = number
    this.subscriptionId = subscriptionId
  }

  get restMs(): number {
    const { random, backoff } = this.pages.settings
    return this.failures === 0 ? this.retryMs : backoffMs(this.failures, random, backoff)
  }

  /** One connection, from its request to its end. **Errors**: FEED_REFUSED, Ended. */
  async *connection(): AsyncGenerator<FeedDelivery> {
    const { pages } = this
    pages.check()
    const { signal } = pages.settings
    const connection = new AbortController()
    const cut = (): void => connection.abort()
    signal?.addEventListener('abort', cut, { once: true })
    const silence = new Silence(pages, cut)
    try {
      const body = await this.request(connection.signal)
      if (body === null) return
      const messages: EventSourceMessage[] = []
      const parser = createParser({
        onEvent: message => messages.push(message),
        onRetry: retryMs => {
          this.retryMs = retryMs
        },
      })
      const decoder = new TextDecoder()
      for await (const chunk of body) {
        this.failures = 0
        pages.trouble.answered()
        parser.feed(decoder.decode(chunk, { stream: true }))
        // While the reader is busy nothing is asked of the connection, and its silence means nothing.
        silence.stop()
        for (const message of messages.splice(0)) yield* this.taken(message)
        silence.begin()
      }
    } catch (thrown) {
      pages.check()
      if (thrown instanceof Ended || (thrown instanceof RuntimeError && !thrown.retryable)) throw thrown
      this.failures++
      pages.trouble.failed(toError(thrown))
    } finally {
      silence.stop()
      signal?.removeEventListener('abort', cut)
      cut()
    }
  }

  /** Null: the subscription was ended. */
  private async request(signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | null> {
    const { url, settings } = this.pages
    const { incarnation, number } = this
    const response = await settings.fetch(url, {
      headers: {
        ...settings.headers,
        accept: 'text/event-stream',
        'last-event-id': incarnation === null ? String(number) : cursorOf(incarnation, number),
        ...(this.subscriptionId !== null && { 'subscription-id': this.subscriptionId }),
      },
      signal,
    })
    if (response.status === 204) {
      this.isEnded = true
      return null
    }
    if (!response.ok || response.body === null) throw await refusalOf(url, response)
    return response.body as unknown as AsyncIterable<Uint8Array>
  }

  private async *taken({ event, id, data }: EventSourceMessage): AsyncGenerator<FeedDelivery> {
    if (event === 'resync') {
      yield* this.resynced(JSON.parse(data) as Resync)
      return
    }
    const { incarnation, number } = positionOf(id ?? '')
    if (incarnation === null || number <= this.number) return
    this.pages.check()
    yield { number, cursor: id!, event: JSON.parse(data) as FeedCloudEvent }
    this.incarnation = incarnation
    this.number = number
  }

  /** Reads by pages what lies between the place where the histories agree and the one where the subscription goes on. */
  private async *resynced({ last }: Resync): AsyncGenerator<FeedDelivery> {
    const { pages } = this
    const placed = await pages.placed({ incarnation: this.incarnation, number: this.number })
    this.incarnation = placed.incarnation
    this.number = placed.number
    const { pageSize } = await pages.description()
    while (this.number < last) {
      const page = await this.pageAfter(placed.incarnation, pageSize)
      for (const delivery of deliveriesAfter(page, this.number)) {
        if (delivery.number > last) return
        pages.check()
        yield delivery
        this.number = delivery.number
      }
    }
  }

  /**
   * By now it may be of another history, or archived: the next connection tells where this reader stands, and fails for good
   * where it must. **Errors**: FEED_REFUSED, which may be tried again; Ended.
   */
  private async pageAfter(incarnation: string, pageSize: number): Promise<FeedPage> {
    try {
      return await this.pages.pageOf(this.number + 1, { incarnation, pageSize })
    } catch (thrown) {
      if (!isRuntimeError(thrown, 'FEED_REFUSED')) throw thrown
      throw new RuntimeError('FEED_REFUSED', thrown.message, { cause: thrown, retryable: true })
    }
  }
}

/** Cuts a connection that says nothing, not even a comment: its other end may be gone without a word. */
class Silence {
  private readonly pages: FeedPages
  private readonly cut: () => void
  private cancel: () => void = () => undefined

  constructor(pages: FeedPages, cut: () => void) {
    this.pages = pages
    this.cut = cut
    this.begin()
  }

  begin(): void {
    this.stop()
    this.cancel = this.pages.settings.clock.after(this.pages.settings.silentMs, this.cut)
  }

  stop(): void {
    this.cancel()
  }
}
