import type { FeedStream } from '../stream.ts'
import type { FeedHeaders } from './message.ts'
import type { Range } from './target.ts'

export const PAGE_TYPES = ['application/json', 'application/cloudevents-batch+json'] as const
export type PageType = (typeof PAGE_TYPES)[number]

/** One answer's worth of a feed: its events, and where else they can be read. */
export interface PageView {
  readonly range: Range
  /** The events there are of it; fewer than the range at the end of the feed. */
  readonly texts: readonly string[]
  readonly etag: string
  /** A full aligned page at the address that names its incarnation: the same bytes for ever. */
  readonly isCanonical: boolean
  readonly links: readonly (readonly [rel: string, address: string])[]
}

export interface PageSource {
  readonly stream: FeedStream
  /** Address of the stream: `/streams/NAME`. */
  readonly address: string
}

/** The aligned page that holds `number`, or would. */
export const alignedRange = ({ log: { pageSize } }: FeedStream, number: number): Range => {
  const from = Math.floor((Math.max(1, number) - 1) / pageSize) * pageSize + 1
  return { from, to: from + pageSize - 1 }
}

export const isAligned = ({ log: { pageSize } }: FeedStream, { from, to }: Range): boolean =>
  to - from + 1 === pageSize && to % pageSize === 0

export const pageAddress = ({ stream, address }: PageSource, { from, to }: Range): string =>
  `${address}/previous/${from}-${to}?i=${stream.log.incarnation}`

/**
 * The links of a page. What a canonical page says must hold for ever, so `first` and `last` name resources that follow
 * the feed, and `next` is there before the next page is.
 */
export const linksOf = (source: PageSource, self: string, range: Range, isFull: boolean): PageView['links'] => {
  const { stream, address } = source
  const links: [string, string][] = [
    ['self', self],
    ['current', `${address}/current`],
    ['first', `${address}/first`],
    ['last', `${address}/current`],
  ]
  if (range.from > 1) {
    const previous = pageAddress(source, alignedRange(stream, range.from - 1))
    links.push(['previous', previous], ['prev-archive', previous])
  }
  if (isFull) {
    const next = pageAddress(source, alignedRange(stream, range.to + 1))
    links.push(['next', next], ['next-archive', next])
  }
  return links
}

export const linkHeader = (links: PageView['links']): string =>
  links.map(([rel, address]) => `<${address}>; rel="${rel}"`).join(', ')

/** The body that is sent: the stored texts of the events as they are, within what is said about the page. */
export const bodyOf = (source: PageSource, view: PageView, type: PageType): Buffer => {
  const events = `[${view.texts.join(',')}]`
  if (type === 'application/cloudevents-batch+json') return Buffer.from(events)
  const { name, log } = source.stream
  const { from } = view.range
  const about = JSON.stringify({
    stream: name,
    incarnation: log.incarnation,
    from,
    to: from + view.texts.length - 1,
    pageSize: log.pageSize,
    links: Object.fromEntries(view.links),
  })
  return Buffer.from(`${about.slice(0, -1)},"events":${events}}`)
}

export const pageHeaders = (view: Omit<PageView, 'texts'>, type: PageType, isPrivate: boolean): FeedHeaders => ({
  'content-type': type,
  etag: view.etag,
  'cache-control': view.isCanonical
    ? `${isPrivate ? 'private' : 'public'}, max-age=31536000, immutable`
    : isPrivate
      ? 'private, no-cache'
      : 'no-cache',
  vary: 'Accept',
  link: linkHeader(view.links),
})
