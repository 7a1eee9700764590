import { RuntimeError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Clock, Random } from '../base/ports.ts'
import { PendingReply } from './ask.ts'
import type { Behavior } from './behavior.ts'
import type { Cell } from './cell.ts'
import { echo, echoing } from './echo.ts'
import { nameIn } from './names.ts'
import { promiseIn } from './thenable.ts'
import { type ActorTimers, Timers } from './timers.ts'
import type { ActorContext, ActorRef, AskOptions, PipedResult, ReplyTo, SpawnOptions } from './types.ts'

/** What one incarnation of an actor sees of the runtime. */
export class Context implements ActorContext<unknown> {
  /** The runtime's own way in, for supervisors and event-sourced actors. */
  readonly cell: Cell
  /** Set when the incarnation is over: nothing that it does counts any more. */
  revoked = false
  private abort: AbortController | null = null
  private ownTimers: Timers | null = null

  constructor(cell: Cell) {
    this.cell = cell
  }

  get self(): ActorRef<unknown> {
    return this.cell
  }
  get name(): string {
    return this.cell.name
  }
  get path(): string {
    return this.cell.path
  }
  get clock(): Clock {
    return this.cell.system.clock
  }
  get random(): Random {
    return this.cell.system.random
  }
  get log(): Logger {
    return this.cell.system.logger
  }

  get signal(): AbortSignal {
    if (this.abort === null) {
      this.abort = new AbortController()
      if (this.revoked) this.abort.abort()
    }
    return this.abort.signal
  }

  get timers(): ActorTimers<unknown> {
    if (this.ownTimers === null) {
      this.ownTimers = new Timers(this.cell)
      if (this.revoked) this.ownTimers.end()
    }
    return this.ownTimers
  }

  spawn<M>(behavior: Behavior<M>, options?: SpawnOptions): ActorRef<M> {
    if (this.revoked || this.cell.isEnding)
      throw new RuntimeError('ACTOR_STOPPED', `${this.path}: this incarnation ends or has ended, and can spawn nothing`)
    const name = options === undefined ? null : (nameIn(options) ?? null)
    return this.cell.caused(() => this.cell.spawnChild(behavior, name))
  }

  tell<M>(ref: ReplyTo<M>, message: M): void {
    if (this.revoked) this.cell.system.deadLetters.add(message, (ref as { path?: string }).path ?? 'ask', 'killed')
    else if (this.cell.echoDepth === 0) ref.tell(message)
    else this.cell.caused(() => ref.tell(message))
  }

  watch(ref: ActorRef<never>): void {
    if (!this.revoked) this.cell.caused(() => this.cell.watch(ref as unknown as Cell))
  }

  unwatch(ref: ActorRef<never>): void {
    this.cell.unwatch(ref as unknown as Cell)
  }

  link(ref: ActorRef<never>): void {
    if (!this.revoked) this.cell.caused(() => this.cell.link(ref as unknown as Cell))
  }

  unlink(ref: ActorRef<never>): void {
    if (!this.revoked) this.cell.unlink(ref as unknown as Cell)
  }

  stash(): void {
    if (!this.revoked) this.cell.stashCurrent()
  }

  unstashAll(): void {
    if (!this.revoked) this.cell.unstashAll()
  }

  setReceiveTimeout(afterMs: number, message: unknown): void {
    if (!this.revoked) this.cell.setReceiveTimeout(afterMs, message)
  }

  cancelReceiveTimeout(): void {
    if (!this.revoked) this.cell.cancelReceiveTimeout()
  }

  pipeToSelf<Value>(promise: PromiseLike<Value>, toMessage: (result: PipedResult<Value>) => unknown): void {
    const depth = Math.max(echo.depth, this.cell.echoDepth)
    const pipe = (result: PipedResult<Value>): void => {
      let message: unknown
      try {
        message = toMessage(result)
      } catch (error) {
        this.failIfRunning(error)
        return
      }
      echoing(depth, () => this.tell(this.self, message))
    }
    const piped = (promiseIn(promise) as Promise<Value> | null) ?? promise
    piped.then(
      value => pipe({ ok: true, value }),
      thrown => pipe({ ok: false, error: toError(thrown) }),
    )
  }

  ask<M, Reply>(ref: ActorRef<M>, message: (replyTo: ReplyTo<Reply>) => M, options?: AskOptions): Promise<Reply> {
    if (this.revoked) return this.askTooLate(ref, message)
    return this.cell.caused(() => this.cell.askFrom(ref, message, options))
  }

  fail(error: unknown): void {
    if (!this.revoked) this.cell.caused(() => this.cell.failFromOutside(error))
  }

  /** Ends the timers and what was begun with `signal`; the rest of the context works on for the stop hook. */
  endWork(): void {
    if (this.ownTimers !== null) this.ownTimers.end()
    if (this.abort !== null) this.abort.abort()
  }

  revoke(): void {
    this.revoked = true
    this.endWork()
  }

  private failIfRunning(error: unknown): void {
    if (this.revoked) this.log.log('debug', `${this.path}: a pipe failed after its incarnation had ended`, { error })
    else this.fail(error)
  }

  private async askTooLate<M, Reply>(ref: ActorRef<M>, make: (replyTo: ReplyTo<Reply>) => M): Promise<Reply> {
    const { deadLetters } = this.cell.system
    const reply = new PendingReply(this.cell, deadLetters)
    reply.giveUp()
    deadLetters.add(make(reply as ReplyTo<unknown> as ReplyTo<Reply>), ref.path, 'killed')
    throw new RuntimeError('ACTOR_STOPPED', `${this.path}: this incarnation has ended, and can ask nobody`)
  }
}
