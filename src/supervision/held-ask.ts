import { RuntimeError } from '../base/errors.ts'
import type { Cancel, Clock } from '../base/ports.ts'
import type { PendingReply } from '../kernel/ask.ts'
import type { Cell } from '../kernel/cell.ts'
import type { AskOptions, ReplyTo } from '../kernel/types.ts'
import type { Queued } from './entity-host.ts'

/**
 * An ask whose entity has no mailbox yet: its supervisor has not started, or there is no room. Its time counts from the
 * ask; when that is over before the message is delivered, the message is not handled.
 */
export class HeldAsk<Message, Reply> implements Queued {
  readonly answer: Promise<Reply>
  private readonly id: string
  private readonly make: (replyTo: ReplyTo<Reply>) => Message
  private resolve!: (reply: Reply) => void
  private reject!: (error: unknown) => void
  private cancelTimeout: Cancel | null = null
  /** The ask of the actor, once there is one. */
  private asked: PendingReply | null = null
  private timedOut = false

  constructor(id: string, make: (replyTo: ReplyTo<Reply>) => Message, options: AskOptions | undefined, clock: Clock) {
    this.id = id
    this.make = make
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    const timeoutMs = options?.timeoutMs
    if (timeoutMs !== undefined) this.cancelTimeout = clock.after(timeoutMs, () => this.timeOut(timeoutMs))
  }

  get isWanted(): boolean {
    return !this.timedOut
  }

  deliver(cell: Cell): void {
    const ended = (): void => this.cancelTimeout?.()
    const answer = cell.ask<Reply>(replyTo => {
      this.asked = replyTo as ReplyTo<never> as PendingReply
      return this.make(replyTo)
    })
    answer.then(this.resolve, this.reject).finally(ended)
  }

  refuse(): void {
    this.cancelTimeout?.()
    this.reject(new RuntimeError('ACTOR_STOPPED', `entity ${this.id}: its supervisor is down`))
  }

  private timeOut(timeoutMs: number): void {
    this.timedOut = true
    const where = this.asked === null ? `entity ${this.id}` : this.asked.target.path
    const text = `${where}: no answer within ${timeoutMs} ms`
    const error = new RuntimeError('ASK_TIMEOUT', text, { retryable: true })
    if (this.asked === null) this.reject(error)
    else this.asked.fail(error)
  }
}
