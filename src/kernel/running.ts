import { RuntimeError, toError } from '../base/errors.ts'
import { AskEnvelope, type AskHolder, askRefusal, PendingReply } from './ask.ts'
import { cycleError } from './ask-cycle.ts'
import { Become, KILLED, NORMAL, Stopped } from './behavior.ts'
import type { Cell } from './cell.ts'
import { BUSY, NEW, NOTHING, type Rare, READY, STARTING } from './cell-state.ts'
import { Context } from './context.ts'
import { type CrashGuard, Redelivered } from './crash-guard.ts'
import { echo, echoing } from './echo.ts'
import { EchoMessage } from './echo-message.ts'
import { keepInterceptors } from './intercept.ts'
import { Kin } from './kin.ts'
import { ReceiveTimeout } from './receive-timeout.ts'
import { Ring } from './ring.ts'
import { Scheduled } from './scheduled.ts'
import type { SignalQueue } from './signal-queue.ts'
import { promiseIn } from './thenable.ts'
import { type ActorContext, type ActorRef, type AskOptions, type ExitReason, ignore, type ReplyTo } from './types.ts'

const NONE: readonly PendingReply[] = Object.freeze([])

/** So many asks of one handler are kept before those that are answered are looked for among them. */
const ASKING_MAX = 16

/**
 * How an incarnation handles its messages: one after the other, signals first, an async handler waited for. `run` does
 * nothing unless the cell is READY, and READY is left while a promise is waited for.
 */
export abstract class Running extends Kin implements AskHolder {
  protected state: unknown = undefined
  protected context: Context | null = null
  /** By all incarnations. */
  protected handled = 0

  /** Starts an incarnation. */
  protected abstract begin(): void
  /** Ends the incarnation after its children and its stop hook. */
  protected abstract endWith(reason: ExitReason): void

  run(limit: number): number {
    if (this.status === NEW) this.begin()
    let done = 0
    let signals = 0
    while (done < limit && this.status === READY) {
      done++
      if (this.signals !== null) {
        signals++
        this.handleSignal()
        if (echo.depth !== 0) this.leaveEcho()
        continue
      }
      let item = this.first
      if (item !== NOTHING) this.first = NOTHING
      else {
        const mailbox = this.mailbox
        if (mailbox === null || mailbox.isEmpty) {
          done--
          break
        }
        item = mailbox.shift()
      }
      if (this.rare !== null) this.beforeMessage(this.rare)
      this.handle(item)
      if (echo.depth !== 0) this.leaveEcho()
    }
    this.handled += done - signals
    if (this.status === READY) this.rest()
    return done === 0 ? 1 : done
  }

  /** The next message has its own causes; an async handler goes on with those of its own. */
  private leaveEcho(): void {
    if (this.status === BUSY) this.keepEcho()
    echo.depth = 0
  }

  /** What the actor does later comes of what led to what runs now: after an await, in its end, in its next start. */
  protected keepEcho(): void {
    if (echo.depth !== 0) this.rarely().echoDepth = echo.depth
  }

  /** Does that. */
  caused<Result>(doing: () => Result): Result {
    const depth = this.echoDepth
    return depth <= echo.depth ? doing() : echoing(depth, doing)
  }

  /** What few actors need. */
  private beforeMessage(rare: Rare): void {
    if (rare.offers !== null) this.admitOffers(rare)
    if (rare.receiveTimeout !== null) rare.receiveTimeout.touch()
    rare.asking = null
  }

  /** READY after a turn or an async handler: back into the run queue, or idle. */
  protected rest(): void {
    const mailbox = this.mailbox
    if (this.signals !== null || this.first !== NOTHING || (mailbox !== null && !mailbox.isEmpty)) {
      this.system.scheduler.enqueue(this)
      return
    }
    // A priority queue stays: it is dearer to make than to keep.
    if (mailbox !== null && mailbox instanceof Ring) {
      this.mailbox = null
      this.system.rings.give(mailbox)
    }
    this.idle = true
    if (this.rare !== null) this.afterTurn(this.rare)
  }

  /** What few actors need. */
  private afterTurn(rare: Rare): void {
    if (rare.draining) this.signal({ type: 'stop', reason: NORMAL })
    else if (rare.idleWatcher !== null) rare.idleWatcher.becameIdle()
  }

  private handle(message: unknown): void {
    if (this.opensEnvelopes) {
      this.handleOpened(message)
      return
    }
    const context = this.context as Context
    let outcome: unknown
    try {
      outcome = this.behavior.receive(this.state, message, context as ActorContext<unknown> as ActorContext<never>)
    } catch (error) {
      this.crashOf(context, error)
      return
    }
    // A handler may have killed its own actor; then its outcome counts no more.
    if (outcome !== this.state && this.context === context) this.settle(outcome, context)
  }

  /** The same where a message may be asked, or scheduled, or be stashed, or have come of dead letters. */
  private handleOpened(item: unknown): void {
    let message = item
    let ask: AskEnvelope | null = null
    if (item instanceof AskEnvelope) {
      if (item.reply.withdrawn) return
      ask = item
      ask.isStashed = false
      message = item.message
      if (item.echoDepth !== 0) echo.depth = item.echoDepth
    } else if (item instanceof Scheduled) {
      if (!item.arrive()) return
      message = item.message
      if (item.echoDepth !== 0) echo.depth = item.echoDepth
    }
    const context = this.context as Context
    const isKept = this.behavior.stashCapacity > 0 || (this.rare !== null && this.rare.guard !== null)
    if (isKept) this.rarely().current = ask ?? (isKeptWhole(item) ? item : message)
    let outcome: unknown
    try {
      outcome = this.behavior.receive(this.state, message, context as ActorContext<unknown> as ActorContext<never>)
    } catch (error) {
      if (ask !== null) this.hold(ask, context)
      this.crashOf(context, error)
      return
    }
    if (ask !== null) this.hold(ask, context)
    if (outcome !== this.state && this.context === context) this.settle(outcome, context)
    if (isKept && this.status !== BUSY && this.rare !== null) this.rare.current = NOTHING
  }

  private handleSignal(): void {
    const signals = this.signals as SignalQueue
    echo.depth = signals.echoDepth
    const signal = signals.shift()
    if (signals.isEmpty) this.signals = null
    if (signal.type === 'stop') {
      this.endWith(signal.reason)
      return
    }
    const context = this.context as Context
    if (this.rare !== null) this.rare.asking = null
    if (signal.type === 'fail') {
      this.crash(signal.error)
      return
    }
    if (signal.type === 'terminated') this.rare?.watching?.delete(signal.ref)
    const { onSignal } = this.behavior
    if (onSignal === null) return
    let outcome: unknown
    try {
      outcome = onSignal(this.state, signal as never, context as ActorContext<unknown> as ActorContext<never>)
    } catch (error) {
      this.crashOf(context, error)
      return
    }
    if (outcome !== this.state && this.context === context) this.settle(outcome, context)
  }

  private settle(outcome: unknown, context: Context): void {
    if (typeof outcome !== 'object' || outcome === null) {
      if (outcome === undefined && this.rare?.hasUndefined !== true) this.crash(nothingReturned(this.path))
      else this.goTo(outcome)
      return
    }
    const promise = promiseIn(outcome)
    if (promise !== null) this.waitFor(promise, context)
    else if (outcome instanceof Become) this.becomeOther(outcome, context)
    else if (outcome instanceof Stopped) this.endWith(outcome.reason)
    else this.goTo(outcome)
  }

  private goTo(state: unknown): void {
    if (this.state === undefined) this.rarely().hasUndefined = true
    this.state = state
  }

  /** Handles nothing else until `promise` settles, or the handler's time is over. */
  private waitFor(promise: Promise<unknown>, context: Context): void {
    this.status = BUSY
    if (this.rare !== null) this.refuseCycles(this.rare)
    const timeoutMs = this.behavior.handlerTimeoutMs
    if (timeoutMs > 0)
      this.rarely().handlerTimer = this.system.clock.after(timeoutMs, () => this.handlerTimedOut(context, timeoutMs))
    promise.then(
      outcome => {
        if (!this.isWaitingWith(context)) return
        this.status = READY
        if (outcome !== this.state) this.settleAwaited(outcome, context)
        // Only now is the message done with: its outcome may have failed, or be waited for in its turn.
        if (this.status !== READY) return
        if (this.rare !== null) this.afterWait(this.rare)
        this.rest()
      },
      error => {
        if (this.isWaitingWith(context)) this.caused(() => this.crash(toError(error)))
        else
          this.system.logger.log('debug', `${this.path}: a handler failed after its incarnation had ended`, { error })
      },
    )
  }

  private settleAwaited(outcome: unknown, context: Context): void {
    if (this.echoDepth === 0) this.settle(outcome, context)
    else this.settleEchoed(outcome, context)
  }

  /** On its own, since a closure costs whatever function has it. */
  private settleEchoed(outcome: unknown, context: Context): void {
    this.caused(() => this.settle(outcome, context))
  }

  /** What few actors need. */
  private afterWait(rare: Rare): void {
    rare.current = NOTHING
    rare.echoDepth = 0
    if (rare.receiveTimeout !== null) rare.receiveTimeout.touch()
  }

  /**
   * How many dead letters led to what its async handler, its end or its start does; a synchronous handler's `echo.depth`
   * says it.
   */
  get echoDepth(): number {
    return this.rare === null ? 0 : this.rare.echoDepth
  }

  /** Asks are refused from when the handler is known to go on: one that only asks and returns waits for nobody. */
  protected refuseCycles(rare: Rare): void {
    if (rare.asking !== null) for (const reply of rare.asking) this.refuseCycle(reply)
  }

  private refuseCycle(reply: PendingReply): void {
    if (reply.settled) return
    const error = cycleError(this, reply.target)
    if (error !== null) reply.withdraw(error)
  }

  private waitsFor(reply: PendingReply): void {
    if (reply.settled || !this.listens) return
    const rare = this.rarely()
    if (rare.asking === null) {
      rare.asking = []
      rare.askingMax = ASKING_MAX
    } else if (rare.asking.length >= rare.askingMax) {
      rare.asking = rare.asking.filter(({ settled }) => !settled)
      rare.askingMax = Math.max(ASKING_MAX, rare.asking.length * 2)
    }
    rare.asking.push(reply)
    if (this.status === BUSY) this.refuseCycle(reply)
  }

  private isWaitingWith(context: Context): boolean {
    if (this.context !== context || context.revoked || this.status !== BUSY) return false
    this.cancelHandlerTimer()
    return true
  }

  private handlerTimedOut(context: Context, timeoutMs: number): void {
    if (!this.isWaitingWith(context)) return
    // The handler goes on with a context that does nothing; the stop hook gets one that works.
    context.revoke()
    // A listener of the signal may have ended the actor.
    if (this.context !== context) return
    this.context = new Context(this as Running as Cell)
    const late = new RuntimeError('ACTOR_HANDLER_TIMEOUT', `${this.path}: handler not settled within ${timeoutMs} ms`)
    this.caused(() => this.crash(late, false))
  }

  protected cancelHandlerTimer(): void {
    const rare = this.rare
    if (rare === null || rare.handlerTimer === null) return
    rare.handlerTimer()
    rare.handlerTimer = null
  }

  private becomeOther(change: Become, context: Context): void {
    const next =
      this.behavior.interceptors.length === 0 ? change.behavior : keepInterceptors(this.behavior, change.behavior)
    let state = change.state
    if (!change.isReady) {
      try {
        state = next.initial(context as ActorContext<unknown> as ActorContext<never>)
      } catch (error) {
        this.crashOf(context, error)
        return
      }
      if (this.context !== context) return
      // Until the new state is there, behavior and state stay what they are: a stop hook sees its own state only.
      const promise = promiseIn(state)
      if (promise !== null) {
        this.waitFor(
          promise.then(ready => new Become(next, true, ready)),
          context,
        )
        return
      }
    }
    if (state === ignore) {
      this.endWith(NORMAL)
      return
    }
    const rare = this.rarely()
    rare.original ??= this.behavior
    rare.hasUndefined = false
    this.behavior = next
    this.state = state
    if (next.stashCapacity > 0) this.opensEnvelopes = true
  }

  // ── asks ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** An ask that this actor's handler may wait for: it fails where that would be for ever. */
  askFrom<Message, Reply>(
    ref: ActorRef<Message>,
    make: (replyTo: ReplyTo<Reply>) => Message,
    options: AskOptions | undefined,
  ): Promise<Reply> {
    // Below, what `ref` is given is a function in any case.
    const refusal = askRefusal(make, undefined)
    if (refusal !== null) return Promise.reject(refusal)
    const asked: PendingReply[] = []
    const answer = ref.ask<Reply>(replyTo => {
      // Whoever the message reaches in the end: a router hands the ask on.
      if (isPending(replyTo)) asked.push(replyTo)
      return make(replyTo)
    }, options)
    // Where several are asked, one that cannot answer keeps nobody waiting.
    if (asked.length === 1) this.waitsFor(asked[0] as PendingReply)
    return answer
  }

  /** What its running handler has asked for: nobody can answer one of these whom this actor must answer first. */
  get awaited(): readonly PendingReply[] {
    return this.status === BUSY || this.status === STARTING ? (this.rare?.asking ?? NONE) : NONE
  }

  /** The actor has taken an ask and owes an answer, unless it gave it or set it aside. */
  private hold({ reply, isStashed }: AskEnvelope, context: Context): void {
    if (reply.settled || isStashed) return
    if (this.context !== context || context.revoked) {
      reply.fail(this.unansweredError(KILLED))
      return
    }
    const rare = this.rarely()
    rare.openAsks ??= new Set()
    rare.openAsks.add(reply)
    reply.holder = this
  }

  /** An ask that this actor had taken is settled. */
  release(reply: PendingReply): void {
    this.rare?.openAsks?.delete(reply)
  }

  protected unansweredError(reason: ExitReason): RuntimeError {
    if (reason.type === 'error') return this.crashedError(reason.error)
    if (reason.type === 'killed') return new RuntimeError('ACTOR_CRASHED', `${this.path} was killed before it answered`)
    return new RuntimeError('ACTOR_STOPPED', `${this.path} stopped before it answered`)
  }

  // ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** **Errors**: RangeError. */
  setReceiveTimeout(afterMs: number, message: unknown): void {
    const timeout = new ReceiveTimeout(this, afterMs, message)
    this.cancelReceiveTimeout()
    this.rarely().receiveTimeout = timeout
  }

  cancelReceiveTimeout(): void {
    const rare = this.rare
    if (rare === null || rare.receiveTimeout === null) return
    rare.receiveTimeout.cancel()
    rare.receiveTimeout = null
  }

  protected get listens(): boolean {
    return this.status === STARTING || this.status === READY || this.status === BUSY
  }

  protected crashOf(context: Context, error: unknown): void {
    if (this.context === context && !context.revoked) this.crash(toError(error))
  }

  protected crash(error: Error, canResume = true): void {
    const { rare } = this
    if (rare === null || rare.guard === null) this.endWith({ type: 'error', error })
    else this.crashUnder(rare.guard, rare, error, canResume)
  }

  private crashUnder(guard: CrashGuard, rare: Rare, error: Error, canResume: boolean): void {
    const { context } = this
    const item = rare.current
    rare.current = NOTHING
    const verdict = guard.crashed(error, canResume && !this.behavior.isRuntimes)
    // Whoever decided may have killed the actor.
    if (this.context !== context) return
    if (verdict === 'resume') {
      if (item instanceof AskEnvelope) item.reply.fail(this.crashedError(error))
      this.goOn(rare)
      return
    }
    if (verdict === 'restart' && item !== NOTHING && guard.attempts > 1) this.redeliver(item, guard.attempts, error)
    this.endWith({ type: 'error', error })
  }

  /** The handler that failed was the last thing that happened to the incarnation. */
  private goOn(rare: Rare): void {
    if (this.status !== BUSY) return
    this.status = READY
    this.afterWait(rare)
    this.rest()
  }
}

/** In JavaScript a handler easily forgets its `return`, and the state would be gone without a trace. */
export const nothingReturned = (path: string): RuntimeError =>
  new RuntimeError(
    'BEHAVIOR_INVALID',
    `${path}: a handler returned undefined in place of the next state: return the state, or null where it is missing, unless it begins as undefined`,
  )

/** What it has gone through stays known when it is handled again. */
const isKeptWhole = (item: unknown): boolean => item instanceof Redelivered || item instanceof EchoMessage

const isPending = (replyTo: ReplyTo<never>): replyTo is PendingReply => replyTo instanceof PendingReply
