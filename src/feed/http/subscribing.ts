import type { Subscriptions } from '../sse/subscriptions.ts'
import type { FeedAnswer } from './message.ts'
import { EVENT_STREAM } from './negotiation.ts'
import { alignedRange, type PageSource, pageAddress } from './page.ts'
import { FeedProblem } from './problem.ts'

/** What a `resync` event says: the reader's place is not here, or not any more. */
export interface Resync {
  readonly reason: 'archived' | 'incarnation' | 'ahead'
  readonly incarnation: string
  /** Up to this number the reader has what this history has. */
  readonly agreesTo: number
  readonly first: number
  /** The subscription goes on after this number, which is the event's own id. */
  readonly last: number
  /** The page to read from, forward by `next` up to `last`. */
  readonly read: string
}

/**
 * Begins a subscription after `lastEventId`, or with what comes from now on. **Errors**: a problem 400 for an id that is
 * no position.
 */
export const subscribe = (
  source: PageSource,
  subscriptions: Subscriptions,
  owner: string,
  wantedId: string | null,
  lastEventId: string | null,
  retryMs: number,
): FeedAnswer => {
  if (wantedId !== null && subscriptions.isEnded(owner, wantedId))
    return { status: 204, headers: { 'cache-control': 'no-store' }, body: null }
  const { number, resync } = place(source, lastEventId)
  const id = wantedId ?? subscriptions.nextId()
  const opening = `retry: ${retryMs}\n: subscription ${id}\n\n${resync === null ? '' : resyncFrame(resync)}`
  return {
    status: 200,
    headers: {
      'content-type': EVENT_STREAM,
      'cache-control': 'no-store',
      'subscription-id': id,
      vary: 'Accept, Last-Event-ID',
      // Proxies that gather an answer before they pass it on would hold back every event.
      'x-accel-buffering': 'no',
    },
    subscription: subscriptions.begin(owner, id, number, Buffer.from(opening)),
  }
}

const POSITION = /^(?:([\w-]{1,64}):)?(\d{1,15})$/

const place = (source: PageSource, lastEventId: string | null): { number: number; resync: Resync | null } => {
  const { log } = source.stream
  if (lastEventId === null || lastEventId === '') return { number: log.last, resync: null }
  const [, incarnation, digits] = POSITION.exec(lastEventId) ?? []
  if (digits === undefined)
    throw new FeedProblem(
      400,
      'position-invalid',
      'Last-Event-ID is no position: send an id of this stream, or a number',
    )
  const number = Number(digits)
  if (incarnation !== undefined && incarnation !== log.incarnation)
    return resyncFrom(source, 'incarnation', Math.min(number, log.agreesTo(incarnation)))
  if (number > log.last) return resyncFrom(source, 'ahead', 0)
  if (number + 1 < log.first) return resyncFrom(source, 'archived', number)
  return { number, resync: null }
}

const resyncFrom = (
  source: PageSource,
  reason: Resync['reason'],
  agreesTo: number,
): { number: number; resync: Resync } => {
  const { stream } = source
  const { incarnation, first, last } = stream.log
  const from = Math.min(Math.max(agreesTo + 1, first), Math.max(last, first))
  const read = pageAddress(source, alignedRange(stream, from))
  return { number: last, resync: { reason, incarnation, agreesTo, first, last, read } }
}

const resyncFrame = (resync: Resync): string =>
  `event: resync\nid: ${resync.incarnation}:${resync.last}\ndata: ${JSON.stringify(resync)}\n\n`
