import { optionsProblem } from '../base/bounds.ts'
import { RuntimeError, shown } from '../base/errors.ts'
import type { Asker } from './ask-cycle.ts'
import { type AskDeadlines, askTimeError, type Deadline, type Expiring } from './ask-deadlines.ts'
import type { DeadLetters } from './dead-letters.ts'
import { echo } from './echo.ts'
import type { AskOptions, ReplyTo } from './types.ts'

/** Why an ask is refused, before its message is made; null: it is not. */
export const askRefusal = (make: unknown, options: AskOptions | undefined): RangeError | null => {
  if (typeof make !== 'function')
    return new RangeError(`ask takes a function from where to answer to the message, not ${shown(make)}`)
  if (options === undefined) return null
  const problem = optionsProblem(options, ['timeoutMs'])
  return problem === null ? askTimeError(options.timeoutMs) : new RangeError(`the options of an ask ${problem}`)
}

/** Whoever holds an ask that is not answered yet, to fail it when nobody will. */
export interface AskHolder {
  release(reply: PendingReply): void
}

/** Where the answer to one ask goes. Settles once; what comes later is a dead letter. */
export class PendingReply implements ReplyTo<unknown>, Expiring {
  readonly promise: Promise<unknown>
  settled = false
  /** The actor that has taken the message and not answered. */
  holder: AskHolder | null = null
  /** Failed before its message was taken, which then nobody is to handle. */
  withdrawn = false
  readonly target: Asker
  private resolve!: (reply: unknown) => void
  private reject!: (error: RuntimeError) => void
  private readonly deadLetters: DeadLetters
  private deadline: Deadline | null = null

  constructor(target: Asker, deadLetters: DeadLetters) {
    this.target = target
    this.deadLetters = deadLetters
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  tell(reply: unknown): void {
    if (this.settled) {
      this.deadLetters.add(reply, `${this.target.path} (ask)`, 'late-reply')
      return
    }
    this.settle()
    this.resolve(reply)
  }

  fail(error: RuntimeError): void {
    if (this.settled) return
    this.settle()
    this.reject(error)
  }

  /** Nobody was asked: nobody waits for it, and its promise stays as it is. */
  giveUp(): void {
    if (!this.settled) this.settle()
  }

  /** Fails it, and has its message, which waits in a mailbox, skipped. */
  withdraw(error: RuntimeError): void {
    this.withdrawn = true
    this.fail(error)
  }

  /** **Errors**: RangeError for a time that is none. */
  failAfter(timeoutMs: number, deadlines: AskDeadlines): void {
    if (!this.settled) this.deadline = deadlines.add(this, timeoutMs)
  }

  expire(timeoutMs: number): void {
    const text = `${this.target.path}: no answer within ${timeoutMs} ms`
    this.fail(new RuntimeError('ASK_TIMEOUT', text, { retryable: true }))
  }

  private settle(): void {
    this.settled = true
    if (this.deadline !== null) this.deadline.end()
    if (this.holder !== null) this.holder.release(this)
  }
}

/** An asked message in a mailbox, with its ask: only asks are wrapped, a told message is queued as it is. */
export class AskEnvelope {
  readonly message: unknown
  readonly reply: PendingReply
  /** How many dead letters led to it. */
  readonly echoDepth = echo.depth
  /** Set aside by its handler: the actor does not hold the ask until the message is handled again. */
  isStashed = false
  /** Of its receiver, while it was in the handler: how many, and the last one; kept where it is redelivered. */
  crashed: { readonly times: number; readonly last: Error } | null = null
  constructor(message: unknown, reply: PendingReply) {
    this.message = message
    this.reply = reply
  }
}
