import type { Outlet } from '../sse/outlet.ts'
import type { FeedSubscription } from '../sse/subscription.ts'
import { FeedHandler, type FeedOptions } from './handler.ts'

/** What a `Request` does not say about its sender. */
export interface RequestInfo {
  readonly address?: string
  /** Who it is, where the server has found that out. */
  readonly principal?: string
  /** Not everybody may send it: shared caches must not keep the answer. Default: where it has credentials. */
  readonly isGuarded?: boolean
}

export interface WebFeedHandler {
  handle(request: Request, info?: RequestInfo): Promise<Response>
  /** Connections that are subscribed now. */
  readonly subscriptions: number
  /** Ends every subscription and every request that is held. */
  close(): void
}

/**
 * Feeds on web-standard `Request` and `Response`. **Errors**: none; what goes wrong is a response. DEFINITION_INVALID,
 * thrown, for options that are out of range. **Bounds**: a reader that does not read its response costs some 128 KiB, and
 * its response fails after `stallMs`.
 */
export const feedHandler = (options: FeedOptions): WebFeedHandler => {
  const handler = new FeedHandler(options)
  return {
    handle: async (request, info = {}) => {
      const { pathname, search } = new URL(request.url)
      const answer = await handler.respond({
        method: request.method,
        target: pathname + search,
        header: name => request.headers.get(name),
        address: info.address ?? null,
        principal: info.principal ?? null,
        isGuarded: info.isGuarded ?? false,
        signal: request.signal,
      })
      const { status, headers } = answer
      if (answer.subscription !== undefined) return new Response(streamOf(answer.subscription), { status, headers })
      return new Response(answer.body === null || answer.body.length === 0 ? null : new Uint8Array(answer.body), {
        status,
        headers,
      })
    },
    get subscriptions() {
      return handler.subscriptions
    },
    close: () => handler.close(),
  }
}

const BUFFERED_BYTES = 65_536

const streamOf = (subscription: FeedSubscription): ReadableStream<Uint8Array> => {
  let isAttached = false
  return new ReadableStream<Uint8Array>(
    {
      pull: controller => {
        if (isAttached) subscription.roomAgain()
        else {
          isAttached = true
          subscription.attach(new StreamOutlet(controller))
        }
      },
      cancel: () => subscription.gone(),
    },
    { highWaterMark: BUFFERED_BYTES, size: chunk => chunk.byteLength },
  )
}

class StreamOutlet implements Outlet {
  private readonly controller: ReadableStreamDefaultController<Uint8Array>

  constructor(controller: ReadableStreamDefaultController<Uint8Array>) {
    this.controller = controller
  }

  get hasRoom(): boolean {
    return (this.controller.desiredSize ?? 0) > 0
  }

  write(bytes: Buffer): void {
    // A copy: the reader may transfer what it gets, and these bytes go to others too.
    this.controller.enqueue(new Uint8Array(bytes))
  }

  end(): void {
    this.controller.close()
  }

  cut(): void {
    this.controller.error(new Error('the reader has taken nothing for too long'))
  }
}
