import type { BodyCache } from './body-cache.ts'
import type { FeedHeaders, PlainAnswer } from './message.ts'
import { matches } from './negotiation.ts'
import {
  alignedRange,
  bodyOf,
  isAligned,
  linksOf,
  type PageSource,
  type PageType,
  type PageView,
  pageAddress,
  pageHeaders,
} from './page.ts'
import { FeedProblem } from './problem.ts'
import type { Range } from './target.ts'

export interface PageRequest {
  readonly type: PageType
  readonly ifNoneMatch: string | null
  /** Credentials were used: shared caches must not keep the answer. */
  readonly isPrivate: boolean
  readonly more: FeedHeaders | null
}

/** A page before its events are read. */
export type PageHead = Omit<PageView, 'texts'> & { readonly end: number }

/** **Errors**: a problem: 410 for what is archived or of another incarnation, 404 for what is not there yet. */
export const pageView = (source: PageSource, range: Range, incarnation: string | null, type: PageType): PageHead => {
  const { stream, address } = source
  const { log } = stream
  const oldest = `<${pageAddress(source, alignedRange(stream, log.first))}>; rel="first"`
  const current = `<${address}/current>; rel="current"`
  if (incarnation !== null && incarnation !== log.incarnation)
    throw new FeedProblem(410, 'other-incarnation', 'the page is of another history of this stream: begin at a link', {
      link: `${oldest}, ${current}`,
    })
  if (range.from < log.first)
    throw new FeedProblem(410, 'archived', `events before ${log.first} are archived`, { link: `${oldest}, ${current}` })
  if (range.from > log.last + 1)
    throw new FeedProblem(404, 'not-yet', `the stream ends at ${log.last}`, { link: current })
  const end = Math.min(range.to, log.last)
  const isFull = isAligned(stream, range) && end === range.to
  return {
    range,
    end,
    etag: `"${log.incarnation}.${range.from}-${end}${range.to === end ? '' : `.${range.to}`}${suffixOf(type)}"`,
    isCanonical: isFull && incarnation !== null,
    links: linksOf(source, pageAddress(source, range), range, isFull),
  }
}

/** The page that the last event is on. */
export const currentView = (source: PageSource, type: PageType): PageHead => {
  const { stream, address } = source
  const { log } = stream
  const range = alignedRange(stream, Math.max(log.last, log.first))
  return {
    range,
    end: log.last,
    etag: `"${log.incarnation}.c.${range.from}-${log.last}${suffixOf(type)}"`,
    isCanonical: false,
    links: linksOf(source, `${address}/current`, range, log.last === range.to),
  }
}

/** A strong entity tag names the bytes, and they differ between the types. */
const suffixOf = (type: PageType): string => (type === 'application/json' ? '' : '.b')

/** **Errors**: those of the journal. */
export const answerPage = (
  source: PageSource,
  head: PageHead,
  { type, ifNoneMatch, isPrivate, more }: PageRequest,
  bodies: BodyCache,
): PlainAnswer | Promise<PlainAnswer> => {
  const headers = { ...pageHeaders(head, type, isPrivate), ...more }
  if (matches(ifNoneMatch, head.etag)) return { status: 304, headers: withoutType(headers), body: null }
  const key = `${source.address} ${head.etag}`
  const kept = bodies.get(key)
  if (kept !== undefined) return answerOf(kept, headers)
  const rendered = (texts: readonly string[]): PlainAnswer => {
    const body = bodyOf(source, { ...head, texts }, type)
    // A longer range is asked for by one who reads on, and seldom again.
    if (texts.length <= source.stream.log.pageSize) bodies.set(key, body)
    return answerOf(body, headers)
  }
  const texts = source.stream.log.read(head.range.from, head.end)
  return texts instanceof Promise ? texts.then(rendered) : rendered(texts)
}

const answerOf = (body: Buffer, headers: FeedHeaders): PlainAnswer => ({
  status: 200,
  headers: { ...headers, 'content-length': String(body.length) },
  body,
})

/** To whoever has what `answer` holds. */
export const unchangedOf = ({ headers }: PlainAnswer): PlainAnswer => {
  const { 'content-length': _, ...kept } = withoutType(headers)
  return { status: 304, headers: kept, body: null }
}

const withoutType = ({ 'content-type': _, ...headers }: FeedHeaders): FeedHeaders => headers
