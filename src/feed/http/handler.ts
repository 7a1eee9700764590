import { createHash } from 'node:crypto'
import { isRuntimeError, RuntimeError, shown, toError } from '../../base/errors.ts'
import { type Logger, stderrLogger } from '../../base/logger.ts'
import { type Clock, type Random, systemClock, systemRandom } from '../../base/ports.ts'
import { FeedLog } from '../log/feed-log.ts'
import { Subscriptions } from '../sse/subscriptions.ts'
import type { FeedStream } from '../stream.ts'
import { answerPage, currentView, type PageRequest, pageView, unchangedOf } from './answers.ts'
import { BodyCache } from './body-cache.ts'
import { CanonicalAnswers } from './canonical-answers.ts'
import type { FeedAnswer, FeedRequest, PlainAnswer } from './message.ts'
import { EVENT_STREAM, matches, names, preferred, waitOf } from './negotiation.ts'
import { alignedRange, linkHeader, linksOf, PAGE_TYPES, type PageSource, type PageType, pageAddress } from './page.ts'
import { answerOfProblem, FeedProblem } from './problem.ts'
import { subscribe } from './subscribing.ts'
import { subscriptionIdOf, type Target, targetOf } from './target.ts'
import { Waits } from './waits.ts'

export interface FeedOptions {
  readonly streams: readonly FeedStream[]
  /** What addresses begin with. Default: `/streams`. */
  readonly basePath?: string
  /** A comment goes to a subscription that has had nothing for so long. Default: 15,000. */
  readonly heartbeatMs?: number
  /** A subscription whose reader has taken nothing for so long is cut. Default: 30,000. */
  readonly stallMs?: number
  /** How long a reader is told to wait before it connects again. Default: 2,000. */
  readonly retryMs?: number
  /** Longest that `Prefer: wait` holds a request. **Units**: seconds. Default: 60. */
  readonly waitMax?: number
  /** Most subscriptions at once; one more gets 503. Default: 10,000. */
  readonly maxSubscriptions?: number
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
}

/** Of bodies ready to be sent, over all streams: by their pages, and with the answers of canonical ones. */
const BODY_BYTES = 16 * 1_048_576

interface Served extends PageSource {
  readonly subscriptions: Subscriptions
}

/**
 * Answers requests to feeds, whatever server they come through. **Errors**: none; what goes wrong is an answer, as
 * problem+json without a stack. **Bounds**: 32 MiB of bodies in memory; `maxSubscriptions`; as many held requests.
 */
export class FeedHandler {
  readonly basePath: string
  private readonly options: Required<Omit<FeedOptions, 'basePath'>>
  private readonly served = new Map<string, Served>()
  private readonly bodies = new BodyCache(BODY_BYTES)
  private readonly canonical = new CanonicalAnswers(BODY_BYTES)
  private readonly waits: Waits
  private closed = false

  constructor(options: FeedOptions) {
    checkStreams(options)
    const {
      streams,
      basePath = '/streams',
      heartbeatMs = 15_000,
      stallMs = 30_000,
      retryMs = 2_000,
      waitMax = 60,
      maxSubscriptions = 10_000,
      clock = systemClock,
      random = systemRandom,
      logger = stderrLogger,
    } = options
    if (!/^(\/[\w.~-]+)*$/.test(basePath))
      throw new RuntimeError(
        'DEFINITION_INVALID',
        `basePath ${basePath}: give a path such as /streams, without a / at its end`,
      )
    for (const [field, value] of Object.entries({ heartbeatMs, stallMs, retryMs, waitMax, maxSubscriptions }))
      if (!Number.isSafeInteger(value) || value < 0)
        throw new RuntimeError('DEFINITION_INVALID', `${field} must be a whole number from 0, not ${String(value)}`)
    this.basePath = basePath
    this.options = { streams, heartbeatMs, stallMs, retryMs, waitMax, maxSubscriptions, clock, random, logger }
    this.waits = new Waits(clock, maxSubscriptions)
    for (const stream of streams)
      this.served.set(stream.name, {
        stream,
        address: `${basePath}/${stream.name}`,
        subscriptions: new Subscriptions(stream.log, { heartbeatMs, stallMs, clock, random, logger }),
      })
  }

  /** Connections that are subscribed now. */
  get subscriptions(): number {
    let count = 0
    for (const { subscriptions } of this.served.values()) count += subscriptions.count
    return count
  }

  /** At once where everything is in memory. */
  respond(request: FeedRequest): FeedAnswer | Promise<FeedAnswer> {
    try {
      const answer = this.answer(request)
      return answer instanceof Promise
        ? answer.then(
            known => withoutBody(request, known),
            error => withoutBody(request, this.failed(error)),
          )
        : withoutBody(request, answer)
    } catch (error) {
      return withoutBody(request, this.failed(error))
    }
  }

  /** Ends every subscription and every request that is held. */
  close(): void {
    this.closed = true
    this.waits.close()
    for (const { subscriptions } of this.served.values()) subscriptions.close()
  }

  private answer(request: FeedRequest): FeedAnswer | Promise<FeedAnswer> {
    const { method } = request
    if (method !== 'GET' && method !== 'HEAD' && method !== 'DELETE')
      throw new FeedProblem(405, 'method-not-allowed', `${method.slice(0, 20)} is not for feeds`, {
        allow: 'GET, HEAD, DELETE',
      })
    const owner = ownerOf(request)
    const kept = method === 'DELETE' || this.closed ? null : this.keptAnswer(request, owner)
    if (kept !== null) return kept
    const target = targetOf(request.target, this.basePath)
    const served = this.served.get(target.stream)
    if (served === undefined) throw new FeedProblem(404, 'stream-unknown', 'there is no stream of this name')
    if (this.closed) throw new FeedProblem(503, 'closing', 'the server is closing', { 'retry-after': '5' })
    if (method === 'DELETE') return this.unsubscribe(request, target, served, owner)
    // Its numbers are known once its publisher has started.
    void served.stream.log.incarnation
    switch (target.resource) {
      case 'current':
        return this.current(request, served, owner)
      case 'page':
        return this.page(request, target, served, owner)
      case 'first':
        return this.first(served)
      default:
        return this.stream(request, target, served, owner)
    }
  }

  private keptAnswer(request: FeedRequest, owner: string | null): PlainAnswer | null {
    const end = request.target.indexOf('/', this.basePath.length + 1)
    const served = end === -1 ? undefined : this.served.get(request.target.slice(this.basePath.length + 1, end))
    if (served === undefined || !served.stream.log.isOpen) return null
    const { incarnation, first } = served.stream.log
    return this.canonical.get(keyOf(request, owner), incarnation, first, request.header('if-none-match'))
  }

  private page(request: FeedRequest, target: Target, served: Served, owner: string | null) {
    const type = typeOf(request)
    const incarnation = target.query.get('i')
    const view = pageView(served, target.range, incarnation, type)
    const asked = this.pageRequest(request, type, owner)
    const answer = answerPage(served, view, asked, this.bodies)
    if (!view.isCanonical || asked.ifNoneMatch !== null || answer instanceof Promise) return answer
    const { etag } = view
    const unchanged = unchangedOf(answer)
    const { from } = target.range
    this.canonical.keep(keyOf(request, owner), { etag, incarnation: incarnation!, from, full: answer, unchanged })
    return answer
  }

  private current(request: FeedRequest, served: Served, owner: string | null): FeedAnswer | Promise<FeedAnswer> {
    const type = typeOf(request)
    const asked = this.pageRequest(request, type, owner)
    const seconds = Math.min(waitOf(request.header('prefer')), this.options.waitMax)
    const { log } = served.stream
    const isNews = (): boolean =>
      asked.ifNoneMatch === null ? log.last > 0 : !matches(asked.ifNoneMatch, currentView(served, type).etag)
    if (seconds === 0) return answerPage(served, currentView(served, type), asked, this.bodies)
    const applied = { ...asked, more: { 'preference-applied': `wait=${seconds}` } }
    const answer = (): FeedAnswer | Promise<FeedAnswer> =>
      answerPage(served, currentView(served, type), applied, this.bodies)
    if (isNews() || request.signal?.aborted === true) return answer()
    return this.waits.until(log, isNews, seconds * 1_000, request.signal).then(answer)
  }

  private first({ stream, address }: Served): PlainAnswer {
    const source = { stream, address }
    const oldest = alignedRange(stream, stream.log.first)
    return {
      status: 307,
      headers: { location: pageAddress(source, oldest), 'cache-control': 'no-cache', 'content-length': '0' },
      body: EMPTY,
    }
  }

  private stream(request: FeedRequest, target: Target, served: Served, owner: string | null): FeedAnswer {
    const lastEventId = request.header('last-event-id') ?? target.query.get('lastEventId')
    const accept = request.header('accept')
    if (request.method === 'GET' && (lastEventId !== null || names(accept, EVENT_STREAM))) {
      if (this.subscriptions >= this.options.maxSubscriptions)
        throw new FeedProblem(503, 'subscriptions-full', 'there are as many subscriptions as this server takes', {
          'retry-after': '30',
        })
      const id = subscriptionOf(request, target)
      return subscribe(served, served.subscriptions, owner ?? 'unknown', id, lastEventId, this.options.retryMs)
    }
    if (preferred(accept, ['application/json']) === null)
      throw new FeedProblem(406, 'not-acceptable', `a stream is application/json or ${EVENT_STREAM}`)
    return this.description(request, served, owner)
  }

  private description(request: FeedRequest, served: Served, owner: string | null): PlainAnswer {
    const { stream, address } = served
    const { log } = stream
    const links = linksOf(served, address, { from: 1, to: 0 }, false)
    const etag = `"${log.incarnation}.${log.first}-${log.last}"`
    const caching = isPrivate(request, owner) ? 'private, no-cache' : 'no-cache'
    const headers = { etag, 'cache-control': caching, vary: 'Accept, Last-Event-ID', link: linkHeader(links) }
    if (matches(request.header('if-none-match'), etag)) return { status: 304, headers, body: null }
    const body = Buffer.from(
      JSON.stringify({
        stream: stream.name,
        source: stream.source,
        incarnation: log.incarnation,
        first: log.first,
        last: log.last,
        pageSize: log.pageSize,
        before: log.before,
        links: Object.fromEntries(links),
      }),
    )
    return ok(body, 'application/json', headers)
  }

  private unsubscribe(request: FeedRequest, target: Target, served: Served, owner: string | null): PlainAnswer {
    if (target.resource !== 'stream' && target.resource !== 'subscription')
      throw new FeedProblem(
        405,
        'method-not-allowed',
        'the log is never deleted: DELETE the stream to end subscriptions',
        {
          allow: 'GET, HEAD',
        },
      )
    const id = subscriptionOf(request, target)
    if (id === null && owner === null)
      throw new FeedProblem(400, 'subscription-missing', 'say which subscription: your address is not known here')
    const { subscriptions } = served
    const ended = id === null ? subscriptions.endAllOf(owner!) : subscriptions.endOne(owner ?? 'unknown', id)
    return ok(Buffer.from(JSON.stringify({ ended })), 'application/json', { 'cache-control': 'no-store' })
  }

  private pageRequest(request: FeedRequest, type: PageType, owner: string | null): PageRequest {
    return {
      type,
      ifNoneMatch: request.header('if-none-match'),
      isPrivate: isPrivate(request, owner),
      more: null,
    }
  }

  private failed(error: unknown): PlainAnswer {
    if (error instanceof FeedProblem) return answerOfProblem(error)
    if (isRuntimeError(error, 'FEED_NOT_OPEN'))
      return answerOfProblem(
        new FeedProblem(503, 'not-open', 'the stream is not open yet: try again', { 'retry-after': '1' }),
      )
    this.options.logger.log('error', 'a request to a feed failed', { error: toError(error) })
    if (error instanceof RuntimeError && (error.retryable || error.code === 'JOURNAL_CLOSED'))
      return answerOfProblem(
        new FeedProblem(503, 'unavailable', 'the store does not answer: try again', { 'retry-after': '5' }),
      )
    return answerOfProblem(new FeedProblem(500, 'failed', 'the server could not read its store; its log says why'))
  }
}

/** **Errors**: DEFINITION_INVALID, naming the field. */
const checkStreams = (options: FeedOptions): void => {
  const { streams } = (options ?? {}) as Partial<FeedOptions>
  if (!Array.isArray(streams)) throw definitionInvalid(`streams must be feeds of feedStream(…), not ${shown(streams)}`)
  const names = new Set<string>()
  for (const [i, stream] of (streams as readonly (FeedStream | null | undefined)[]).entries()) {
    if (!(stream?.log instanceof FeedLog))
      throw definitionInvalid(`streams[${i}] must be a feed of feedStream(…), not ${shown(stream)}`)
    if (names.has(stream.name)) throw definitionInvalid(`streams[${i}]: there is a feed ${stream.name} before it`)
    names.add(stream.name)
  }
}

const definitionInvalid = (text: string): RuntimeError => new RuntimeError('DEFINITION_INVALID', `feeds: ${text}`)

const EMPTY = Buffer.alloc(0)

const isPrivate = ({ isGuarded }: FeedRequest, owner: string | null): boolean =>
  isGuarded || owner?.startsWith('credentials:') === true

/** All that an answer of a canonical page depends on. */
const keyOf = (request: FeedRequest, owner: string | null): string =>
  `${isPrivate(request, owner) ? 'private' : 'public'} ${request.header('accept') ?? ''} ${request.target}`

const ok = (body: Buffer, type: string, headers: Readonly<Record<string, string>>): PlainAnswer => ({
  status: 200,
  headers: { 'content-type': type, 'content-length': String(body.length), ...headers },
  body,
})

const typeOf = (request: FeedRequest): PageType => {
  const type = preferred(request.header('accept'), PAGE_TYPES)
  if (type === null)
    throw new FeedProblem(406, 'not-acceptable', `pages are ${PAGE_TYPES.join(' or ')}`, { vary: 'Accept' })
  return type as PageType
}

const subscriptionOf = (request: FeedRequest, { subscription, query }: Target): string | null => {
  const id = subscription ?? request.header('subscription-id') ?? query.get('subscription')
  return id === null ? null : subscriptionIdOf(id)
}

/** Whose subscriptions are the requester's: by credentials, else by address; null: neither is known. */
const ownerOf = ({ principal, address, header }: FeedRequest): string | null => {
  if (principal !== null) return `credentials:${principal}`
  const authorization = header('authorization')
  if (authorization !== null) return `credentials:${createHash('sha256').update(authorization).digest('base64url')}`
  return address === null ? null : `address:${address}`
}

const withoutBody = (request: FeedRequest, answer: FeedAnswer): FeedAnswer =>
  request.method === 'HEAD' && answer.subscription === undefined ? { ...answer, body: null } : answer
