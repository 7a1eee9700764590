import { FeedProblem } from './problem.ts'

/** Most events that one request may ask for. */
export const RANGE_MAX = 1_000

export interface Range {
  readonly from: number
  readonly to: number
}

/** What a request line names. */
export interface Target {
  readonly stream: string
  readonly resource: 'stream' | 'current' | 'first' | 'page' | 'subscription'
  /** Of a page. */
  readonly range: Range
  /** Of a subscription. */
  readonly subscription: string | null
  readonly query: URLSearchParams
}

const NO_RANGE: Range = { from: 0, to: 0 }

/**
 * Reads `BASE/NAME`, `BASE/NAME/current`, `…/first`, `…/previous/FROM-TO`, `…/subscriptions/ID`. **Errors**: a problem:
 * 404 for another path, 400 for a range or an id that is none.
 */
export const targetOf = (text: string, basePath: string): Target => {
  const mark = text.indexOf('?')
  const path = mark === -1 ? text : text.slice(0, mark)
  const query = new URLSearchParams(mark === -1 ? '' : text.slice(mark + 1))
  if (!path.startsWith(`${basePath}/`)) throw notFound()
  const parts = path
    .slice(basePath.length + 1)
    .split('/')
    .map(decoded)
  const [stream, resource, which] = parts
  if (stream === undefined || stream === '' || parts.length > 3) throw notFound()
  const target = { stream, range: NO_RANGE, subscription: null, query }
  if (resource === undefined) return { ...target, resource: 'stream' }
  if (which === undefined && (resource === 'current' || resource === 'first')) return { ...target, resource }
  if (which !== undefined && resource === 'previous') return { ...target, resource: 'page', range: rangeOf(which) }
  if (which !== undefined && resource === 'subscriptions')
    return { ...target, resource: 'subscription', subscription: subscriptionIdOf(which) }
  throw notFound()
}

/** **Errors**: a problem 400. */
export const subscriptionIdOf = (text: string): string => {
  if (/^[\w.~-]{1,128}$/.test(text)) return text
  throw new FeedProblem(
    400,
    'subscription-invalid',
    'a subscription id is 1 to 128 of the characters A-Z a-z 0-9 _ . ~ -',
  )
}

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new FeedProblem(400, 'path-invalid', 'the path has a % that is followed by no UTF-8 text in hex digits')
  }
}

/** One spelling for a number, so that a page has one address. */
const RANGE = /^([1-9]\d{0,15})-([1-9]\d{0,15})$/

const rangeOf = (text: string): Range => {
  const [, first, second] = RANGE.exec(text) ?? []
  const from = Number(first)
  const to = Number(second)
  if (first === undefined || !Number.isSafeInteger(from) || !Number.isSafeInteger(to))
    throw rangeInvalid(`${text.slice(0, 40)} is no range: write FROM-TO, two numbers from 1, such as 100-120`)
  if (to < from) throw rangeInvalid(`${text}: the range ends before it begins`)
  if (to - from >= RANGE_MAX) throw rangeInvalid(`${text}: at most ${RANGE_MAX} events may be asked for at once`)
  return { from, to }
}

const rangeInvalid = (detail: string): FeedProblem => new FeedProblem(400, 'range-invalid', detail)

const notFound = (): FeedProblem => new FeedProblem(404, 'not-found', 'there is nothing at this path')
