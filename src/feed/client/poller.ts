import { isRuntimeError } from '../../base/errors.ts'
import { type FeedPosition, positionOf } from './cursor.ts'
import { CLIENT_KEYS, checkClient, type FeedClientOptions, type FeedDelivery, settingsOf } from './options.ts'
import { deliveriesAfter, Ended, type FeedPage, FeedPages } from './pages.ts'

export interface PollOptions extends FeedClientOptions {
  /** From one request for the newest page to the next, at least. Default: 1,000. */
  readonly minIntervalMs?: number
  /** How long the server may hold such a request until there is news (`Prefer: wait`). **Units**: seconds. Default: 0. */
  readonly waitSeconds?: number
}

/**
 * Reads a feed by polling: walks back from its newest page by `previous` until it meets the event after `after`, then
 * gives all that follow, forward; and again.
 *
 * **Order**: the feed's. **Delivery**: each event once after `after`; what is given and not stored with its cursor comes
 * again. **Bounds**: `pagesKept` pages; one that is further behind asks for 1,000 events at a time.
 * **Errors**: FEED_REFUSED where the server refuses for good, and where events that were not read are archived;
 * FEED_MISCONFIGURED, thrown at once, for a URL or options that do not fit. A server that is away is tried again for ever,
 * and `logger` is told.
 */
export const pollFeed = (url: string, options: PollOptions = {}): AsyncGenerator<FeedDelivery, void, undefined> => {
  checkClient('pollFeed', url, options, KEYS)
  return polling(url, options, positionOf(options.after ?? null))
}

const KEYS = [...CLIENT_KEYS, 'minIntervalMs', 'waitSeconds']

async function* polling(url: string, options: PollOptions, position: FeedPosition): AsyncGenerator<FeedDelivery, void> {
  const pages = new FeedPages(url, settingsOf(options))
  const { minIntervalMs = 1_000, waitSeconds = 0 } = options
  const { clock } = pages.settings
  try {
    let { incarnation, number } = await pages.placed(position)
    for (;;) {
      const askedMs = clock.monotonicMs()
      const newest = await pages.newest(waitSeconds)
      if (newest !== null) {
        try {
          if (newest.incarnation !== incarnation)
            ({ incarnation, number } = await pages.placed({ incarnation, number }))
          for await (const page of pagesAfter(pages, newest, number))
            for (const delivery of deliveriesAfter(page, number)) {
              pages.check()
              yield delivery
              number = delivery.number
            }
        } catch (thrown) {
          if (!isRuntimeError(thrown, 'FEED_REFUSED'))
            throw thrown
            // What was linked is of another history by now, or archived: where it stands is asked for, and may fail.
          ;({ incarnation, number } = await pages.placed({ incarnation, number }))
          pages.forgetNewest()
        }
      }
      await pages.rest(Math.max(0, askedMs + minIntervalMs - clock.monotonicMs()))
    }
  } catch (thrown) {
    if (!(thrown instanceof Ended)) throw thrown
  }
}

/** The pages with what comes after `number`, in order, up to `newest`. */
async function* pagesAfter(pages: FeedPages, newest: FeedPage, number: number): AsyncGenerator<FeedPage> {
  const behind = (newest.from - 1 - number) / newest.pageSize
  if (behind > pages.settings.pagesKept) {
    yield* forward(pages, number + 1, newest)
    yield newest
    return
  }
  const walked = [newest]
  for (let { from, links } = newest; from > number + 1 && links.previous !== undefined; ) {
    const page = await pages.page(links.previous)
    walked.push(page)
    from = page.from
    links = page.links
  }
  while (walked.length > 0) yield walked.pop()!
}

/** Most events of one request. A page of 100 costs a client about as much for the request as for the events. */
const RANGE_MAX = 1_000

/** From `from` to before `newest`; the next events are asked for while those before are dealt with. */
async function* forward(pages: FeedPages, from: number, newest: FeedPage): AsyncGenerator<FeedPage> {
  const ask = (first: number): Promise<FeedPage> =>
    pages.range(first, Math.min(first + RANGE_MAX, newest.from) - 1, newest.incarnation)
  for (let next: Promise<FeedPage> | null = ask(from); next !== null; ) {
    const page: FeedPage = await next
    next = page.to + 1 < newest.from ? ask(page.to + 1) : null
    // Who stops in between does not wait for it.
    next?.catch(() => undefined)
    yield page
  }
}
