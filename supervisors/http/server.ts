import type { AddressInfo, Socket } from 'node:net'
import rateLimit from '@fastify/rate-limit'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { Logger } from 'troupe'
import type { Marketplace } from '../marketplace.ts'
import {
  type Authorize,
  admit,
  type BearerToken,
  bearerTokens,
  type Caller,
  causeBy,
  everybodyHere,
  isLoopback,
  isLoopbackHost,
  type Scope,
} from './access.ts'
import { commandRoutes } from './commands.ts'
import { healthRoutes } from './health.ts'
import { openApiOf } from './openapi.ts'
import { PROBLEM_TYPE, Problem, problemBody, problemOf, unavailable } from './problem.ts'
import { queryRoutes } from './queries.ts'
import type { Route } from './route.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of a route; null: open to everybody. Default: `read`. */
    readonly scope?: Scope | null
  }
  interface FastifyRequest {
    /** Null where the route is open to everybody. */
    caller: Caller | null
  }
}

/** More routes on the same server, behind the same access and limits. */
export type ServerPlugin = (app: FastifyInstance) => Promise<void>

export interface ServerOptions {
  /** Default: 127.0.0.1. Any address that is not of this machine alone needs `tokens` or `authorize`. */
  readonly host?: string
  /** 0: a free one. Default: 8080. */
  readonly port?: number
  readonly tokens?: readonly BearerToken[]
  /** In place of `tokens`. */
  readonly authorize?: Authorize
  /** Default: 6,000. */
  readonly requestsPerMinute?: number
  /** Default: 4,096. */
  readonly maxConnections?: number
  /** How long the head of a request may take to come. Default: 10,000. */
  readonly headTimeoutMs?: number
  /** How long all of a request may take to come. Default: 15,000. */
  readonly requestTimeoutMs?: number
  /** A connection on which nothing moves for so long, as when its answers are not read, is cut. Default: 75,000. */
  readonly stillMs?: number
  readonly plugins?: readonly ServerPlugin[]
  readonly logger?: Logger
}

export interface MarketplaceServer {
  /** `http://127.0.0.1:8080`. */
  readonly url: string
  /** Stops taking requests, and resolves when those under way are answered or cut. */
  close(): Promise<void>
}

export const CONNECTIONS_MAX = 4_096
const BODY_BYTES_MAX = 65_536
const HEAD_BYTES_MAX = 16_384
const ANSWER_MS = 15_000
const KEEP_ALIVE_MS = 5_000
const CONNECTIONS_CHECKED_MS = 1_000
/** An id of 128 characters, each of them nine in a path. */
const PARAM_LENGTH_MAX = 1_200

/**
 * Serves a marketplace that was opened with views. docs/http.md has the promises. **Errors**: RangeError where it would be
 * open to others without anybody being asked who they are, and for a marketplace without views; those of `listen`.
 */
export const marketplaceServer = async (
  marketplace: Marketplace,
  options: ServerOptions = {},
): Promise<MarketplaceServer> => {
  const { host = '127.0.0.1', port = 8_080 } = options
  const { views } = marketplace
  if (views === null) throw new RangeError('a server needs a marketplace that was opened with `views`')
  const isGuarded = options.authorize !== undefined || options.tokens !== undefined
  if (!isGuarded && !isLoopback(host))
    throw new RangeError(
      `${host} can be reached from other machines: give tokens or authorize, or serve 127.0.0.1, where only this machine is`,
    )
  const authorize = options.authorize ?? (options.tokens === undefined ? everybodyHere : bearerTokens(options.tokens))
  const logger = options.logger ?? marketplace.store.ports.logger
  const app = newApp(options, logger)
  await app.register(rateLimit, {
    global: false,
    max: options.requestsPerMinute ?? 6_000,
    timeWindow: 60_000,
    errorResponseBuilder: (_request, { ttl }) =>
      new Problem(429, 'Too many requests from this address.', null, { 'retry-after': `${Math.ceil(ttl / 1_000)}` }),
  })
  // All are counted, and before anything else: also who has no token, or tries many, and who asks for what is not there.
  app.addHook('onRequest', app.rateLimit())
  app.decorateRequest('caller', null)
  app.addHook('onRequest', async request => {
    if (!isGuarded && !isLoopbackHost(request.headers.host))
      throw new Problem(421, 'Only requests for this machine by its own name are served.')
    const { scope = 'read' } = request.routeOptions.config
    if (scope === null || request.is404) return
    const { method, url, headers, ip } = request
    request.caller = await admit(authorize, { method, url, headers, address: ip }, scope)
  })
  const routes = [
    ...commandRoutes(marketplace),
    ...queryRoutes(marketplace, views),
    ...healthRoutes(marketplace, views),
  ]
  for (const route of routes) add(app, route, marketplace)
  const document = JSON.stringify(openApiOf(routes))
  app.get('/openapi.json', { config: { scope: null } }, (_request, reply) =>
    reply.type('application/json').send(document),
  )
  for (const plugin of options.plugins ?? []) await app.register(plugin)
  await app.listen({ host, port })
  app.server.maxConnections = options.maxConnections ?? CONNECTIONS_MAX
  const { port: bound } = app.server.address() as AddressInfo
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`, close: () => app.close() }
}

const newApp = (options: ServerOptions, logger: Logger): FastifyInstance => {
  const { headTimeoutMs = 10_000, requestTimeoutMs = 15_000, stillMs = 75_000 } = options
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: stillMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    http: {
      maxHeaderSize: HEAD_BYTES_MAX,
      headersTimeout: headTimeoutMs,
      connectionsCheckingInterval: CONNECTIONS_CHECKED_MS,
    },
    clientErrorHandler: (error, socket) => refuseRaw(error, socket),
    frameworkErrors: (error, _request, reply) => answerProblem(reply, problemOf(error) ?? new Problem(400, MALFORMED)),
  })
  // Bodies are JSON, whatever else Fastify could read.
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error)
    if (problem !== null) return answerProblem(reply, problem)
    logger.log('error', `${request.method} ${request.routeOptions.url ?? 'unknown path'} failed`, { error })
    return answerProblem(reply, new Problem(500, 'The request failed by a fault of the server, which is logged there.'))
  })
  app.setNotFoundHandler((_request, reply) =>
    answerProblem(reply, new Problem(404, 'There is no such path, or not with this method.')),
  )
  return app
}

const MALFORMED = 'The request is malformed.'

const add = (app: FastifyInstance, route: Route, marketplace: Marketplace): void => {
  app.route({
    method: route.method,
    url: route.path.replace(/\{(\w+)\}/g, ':$1'),
    config: { scope: route.scope },
    handler: async (request, reply) => {
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const { params, query, body } = request
      const header = (name: string): string | null => headerOf(request, name)
      const cause = causeBy(request.caller, header('traceparent'))
      const incoming = { params, query: { ...(query as object) }, body, header, cause, signal: gone.signal }
      const answer = await inTime(Promise.resolve(route.handle(incoming)), marketplace)
      return reply
        .code(answer.status ?? 200)
        .headers({ 'cache-control': 'no-store', ...answer.headers })
        .type('application/json')
        .send(JSON.stringify(answer.body))
    },
  })
}

/** An actor whose store is away waits for it; whoever asked by HTTP does not wait as long. */
const inTime = <Result>(work: Promise<Result>, { store }: Marketplace): Promise<Result> =>
  new Promise((resolve, reject) => {
    const late = (): void => reject(unavailable('It took too long. What was stored meanwhile stays so; ask again.'))
    const cancel = store.ports.clock.after(ANSWER_MS, late)
    work.then(resolve, reject).finally(cancel)
  })

const headerOf = (request: FastifyRequest, name: string): string | null => {
  const header = request.headers[name]
  return header === undefined ? null : header.toString()
}

const answerProblem = (reply: FastifyReply, problem: Problem): FastifyReply =>
  reply.code(problem.status).headers(problem.headers).type(PROBLEM_TYPE).send(problemBody(problem))

const RAW_STATUS: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }

/** A request that is none gets an answer by hand: there is nothing to route. */
const refuseRaw = (error: NodeJS.ErrnoException, socket: Socket): void => {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const status = RAW_STATUS[error.code ?? ''] ?? 400
  const body = problemBody(new Problem(status, MALFORMED))
  socket.end(
    `HTTP/1.1 ${status} Refused\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}
