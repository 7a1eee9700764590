import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Outlet } from '../sse/outlet.ts'
import type { FeedSubscription } from '../sse/subscription.ts'
import { FeedHandler, type FeedOptions } from './handler.ts'
import type { FeedAnswer } from './message.ts'
import { whenGone } from './when-gone.ts'

export interface FeedPluginOptions extends FeedOptions {
  /** Who sent a request, where an earlier hook has found that out; null: nobody in particular. */
  readonly principalOf?: (request: FastifyRequest) => string | null
  /**
   * Whether not everybody may send that request: shared caches must not keep what it is answered with. Default: where it
   * has a principal or an `Authorization` header. Give it where callers show who they are by anything else.
   */
  readonly isGuarded?: (request: FastifyRequest) => boolean
}

/**
 * The feed as a plugin of Fastify 5: `await app.register(feedPlugin, { streams: [stream] })`. It serves `basePath` and
 * ends its subscriptions when the server closes. **Bounds**: a reader that does not read costs its socket's buffer, some
 * 128 KiB, and is cut after `stallMs`.
 */
export const feedPlugin = async (app: FastifyInstance, options: FeedPluginOptions): Promise<void> => {
  const handler = new FeedHandler(options)
  const { principalOf = () => null, isGuarded = () => false } = options
  // No request to a feed has a body that means anything.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })
  // Held requests would keep the server from closing; `onClose` comes after they have ended.
  app.addHook('preClose', done => {
    handler.close()
    done()
  })
  app.route({
    method: ['GET', 'HEAD', 'DELETE', 'POST', 'PUT', 'PATCH', 'OPTIONS'],
    url: `${handler.basePath}/*`,
    exposeHeadRoute: false,
    handler: (request, reply) => {
      const { method, headers, ip, raw } = request
      const answer = handler.respond({
        method,
        target: raw.url ?? '/',
        header: name => textOf(headers[name]),
        address: ip,
        principal: principalOf(request),
        isGuarded: isGuarded(request),
        signal: headers.prefer === undefined ? null : goneSignal(raw.socket, reply.raw),
      })
      if (!(answer instanceof Promise)) return send(raw.socket, reply, answer)
      answer.then(
        known => send(raw.socket, reply, known),
        error => reply.send(error),
      )
      return reply
    },
  })
}

const textOf = (header: string | string[] | undefined): string | null =>
  header === undefined ? null : typeof header === 'string' ? header : header.join(', ')

/** Aborts when the connection closes before the answer is sent. */
const goneSignal = (socket: Socket, response: ServerResponse): AbortSignal => {
  const gone = new AbortController()
  whenGone(socket, response, () => gone.abort())
  return gone.signal
}

const send = (socket: Socket, reply: FastifyReply, answer: FeedAnswer): FastifyReply => {
  if (answer.subscription === undefined) {
    reply.code(answer.status).headers(answer.headers)
    return answer.body === null ? reply.send() : reply.send(answer.body)
  }
  reply.hijack()
  // What earlier hooks have set goes along.
  stream(socket, reply.raw, { ...reply.getHeaders(), ...answer.headers } as OutgoingHttpHeaders, answer.subscription)
  return reply
}

const stream = (
  socket: Socket,
  response: ServerResponse,
  headers: OutgoingHttpHeaders,
  subscription: FeedSubscription,
): void => {
  response.socket?.setTimeout(0)
  response.socket?.setNoDelay(true)
  whenGone(socket, response, () => subscription.gone())
  response.on('drain', () => subscription.roomAgain())
  // The close that follows says all there is to know.
  response.on('error', () => subscription.gone())
  response.writeHead(200, headers)
  response.flushHeaders()
  subscription.attach(new ResponseOutlet(response))
}

const END_MS = 5_000

class ResponseOutlet implements Outlet {
  private readonly response: ServerResponse

  constructor(response: ServerResponse) {
    this.response = response
  }

  get hasRoom(): boolean {
    return !this.response.writableNeedDrain && !this.response.destroyed
  }

  write(bytes: Buffer): void {
    this.response.write(bytes)
  }

  end(): void {
    this.response.end()
    // What a reader that does not read has not taken by then is dropped.
    this.response.socket?.setTimeout(END_MS, () => this.response.destroy())
  }

  cut(): void {
    this.response.destroy()
  }
}
