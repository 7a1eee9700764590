import type { Clock } from '../base/ports.ts'
import type { AnyInterceptor } from './faults/faulty-actor.ts'

/**
 * Ends work that never ends by itself: actors that always have a message would keep a test waiting for ever, and with it
 * everything else in its process. After `messagesMax` at one moment of the clock each further handler is held up.
 */
export class EndlessWork {
  readonly interceptor: AnyInterceptor
  private readonly clock: Clock
  private readonly messagesMax: number
  private atMs = 0
  private messages = 0
  private readonly held = new Set<string>()

  constructor(clock: Clock, messagesMax: number) {
    this.clock = clock
    this.messagesMax = messagesMax
    this.interceptor = (state, message, context, next) => {
      if (!this.isTooMuch()) return next(state, message, context)
      this.held.add(context.path)
      return new Promise<never>(() => undefined)
    }
  }

  /** **Errors**: RangeError, with the actors that were held up. */
  check(): void {
    if (this.held.size === 0) return
    const [some, others] = [[...this.held].slice(0, 5), this.held.size - 5]
    throw new RangeError(
      `${this.messagesMax} messages were handled at ${this.atMs} ms, and there are more: ${some.join(', ')}` +
        `${others > 0 ? ` and ${others} others` : ''} had work still and are held up. Let time pass between their messages.`,
    )
  }

  private isTooMuch(): boolean {
    if (this.held.size > 0) return true
    const nowMs = this.clock.monotonicMs()
    if (nowMs !== this.atMs) {
      this.atMs = nowMs
      this.messages = 0
    }
    return ++this.messages > this.messagesMax
  }
}
