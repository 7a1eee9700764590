import { RuntimeError } from '../base/errors.ts'
import { type Behavior, KILLED, SHUTDOWN } from './behavior.ts'
import type { Cell } from './cell.ts'
import { ENDING, NOTHING, type Rare, STOPPED, type StartResult, SUSPENDED } from './cell-state.ts'
import type { Context } from './context.ts'
import { toldIn } from './echo-message.ts'
import { Running } from './running.ts'
import type { ActorContext, ExitReason, ShutdownTime } from './types.ts'

const DEFAULT_SHUTDOWN_MS = 5_000

/**
 * How an incarnation ends, and the actor with the last one. An orderly end goes through ENDING: children, then the stop
 * hook, within a time; a kill goes straight to where nothing is left. Either way those who wait for it are answered, and
 * the supervisor of a held child, or whoever watches another actor, is told.
 */
export abstract class Ending extends Running {
  get incarnation(): number {
    return this.rare === null ? 0 : this.rare.incarnation
  }

  kill(): void {
    if (this.status === STOPPED || this.isDormant) return
    // Nothing is spawned under a revoked context, so the walk down finds all that there will be. Loops, since a tree may
    // be deeper than the stack.
    const tree: Cell[] = [this as Ending as Cell]
    for (let i = 0; i < tree.length; i++) {
      const cell = tree[i] as Cell
      if (cell.context !== null) cell.context.revoke()
      for (let child = cell.lastChild; child !== null; child = child.previousSibling) tree.push(child)
    }
    for (let i = tree.length - 1; i > 0; i--) (tree[i] as Cell).concludeKilled(true)
    this.concludeKilled(false)
  }

  /** Ends this incarnation and, if `final`, the actor: a held child otherwise leaves that to its supervisor. */
  protected end(reason: ExitReason, time: ShutdownTime, final: boolean): Promise<void> {
    if (this.status === STOPPED) return Promise.resolve()
    if (this.isDormant) {
      if (final) this.finalize(reason)
      return Promise.resolve()
    }
    const ended = this.whenEnded()
    if (final) {
      const rare = this.rarely()
      rare.final = true
      this.open = false
      this.refuseOffers(rare)
    }
    if (time === 'brutal-kill') this.kill()
    else {
      this.limitShutdown(time)
      this.signal({ type: 'stop', reason })
    }
    return ended
  }

  protected whenEnded(): Promise<void> {
    const rare = this.rarely()
    return new Promise(resolve => {
      rare.endWaiters ??= []
      rare.endWaiters.push(resolve)
    })
  }

  protected get defaultShutdownMs(): ShutdownTime {
    return this.behavior.stopChildren === null ? DEFAULT_SHUTDOWN_MS : 'infinity'
  }

  /** The earliest limit counts: nobody gets more time by asking again. */
  protected limitShutdown(time: ShutdownTime): void {
    if (typeof time !== 'number') return
    const rare = this.rarely()
    const dueMs = this.system.clock.monotonicMs() + time
    if (rare.shutdownLimit !== null) {
      if (rare.shutdownLimit.dueMs <= dueMs) return
      rare.shutdownLimit.cancel()
    }
    rare.shutdownLimit = { dueMs, cancel: this.system.clock.after(time, () => this.kill()) }
  }

  private concludeKilled(final: boolean): void {
    if (this.status === STOPPED) return
    if (final) this.rarely().final = true
    if (this.isDormant) {
      if (final) this.finalize(KILLED)
      return
    }
    const { onKill } = this.behavior
    if (onKill !== null && this.state !== undefined) onKill(this.state)
    this.conclude(this.rare?.overdue ?? KILLED)
  }

  protected endWith(reason: ExitReason): void {
    if (this.lastChild !== null || this.behavior.onStop !== null) this.limitUnaskedEnd(reason)
    this.endIncarnation(reason, true, () => this.conclude(reason))
  }

  /** Whoever asks an actor to end sets its time; one that ends by itself, in a crash say, must not hang in its hook either. */
  private limitUnaskedEnd(reason: ExitReason): void {
    const time = this.defaultShutdownMs
    const rare = this.rarely()
    if (typeof time !== 'number' || rare.shutdownWaiter !== null || rare.endWaiters !== null) return
    const { clock } = this.system
    const cancel = clock.after(time, () => {
      this.system.logger.log('error', `${this.path}: children or stop hook have not ended within ${time} ms; killed`)
      rare.overdue = reason
      this.kill()
    })
    rare.shutdownLimit = { dueMs: clock.monotonicMs() + time, cancel }
  }

  /** Ends children, then runs the stop hook; `then` follows at once where there is neither. */
  protected endIncarnation(reason: ExitReason, runHook: boolean, then: () => void): void {
    this.status = ENDING
    this.idle = false
    this.cancelHandlerTimer()
    this.keepEcho()
    if (this.rare !== null) this.rare.current = NOTHING
    const context = this.context as Context
    context.endWork()
    // A listener of the signal may have killed the actor.
    if (this.context !== context) return
    const hook = runHook ? this.behavior.onStop : null
    if (this.lastChild === null && hook === null && this.behavior.stopChildren === null) {
      then()
      return
    }
    const proceed = (): void => {
      if (this.context === context && !context.revoked) this.caused(then)
    }
    this.windUp(reason, hook, context).then(proceed, error => {
      this.system.logger.log('error', `${this.path}: stop hook failed`, { error })
      proceed()
    })
  }

  private async windUp(reason: ExitReason, hook: Behavior<never>['onStop'], context: Context): Promise<void> {
    const { stopChildren } = this.behavior
    if (stopChildren !== null && this.state !== undefined)
      try {
        await this.caused(() => stopChildren(this.state))
      } catch (error) {
        this.system.logger.log('error', `${this.path}: stopping its children in their order failed`, { error })
      }
    while (this.lastChild !== null && !context.revoked) {
      const child = this.lastChild
      await this.caused(() => child.end(SHUTDOWN, child.defaultShutdownMs, true))
    }
    if (hook !== null && !context.revoked)
      await this.caused(() => hook(this.state, reason, context as ActorContext<unknown> as ActorContext<never>))
  }

  /** The incarnation is over: for a held child until its supervisor starts another one, else for good. */
  protected conclude(reason: ExitReason): void {
    this.leaveIncarnation(reason)
    if (this.supervised && this.rare?.final !== true) {
      this.suspend()
      if (this.rare !== null && this.rare.startWaiter !== null)
        this.answerStart({
          type: 'failed',
          error: new RuntimeError('ACTOR_STOPPED', `${this.path}: ended while it started`),
        })
      else if (this.rare?.shutdownWaiter == null)
        this.parent?.signal({
          type: 'child-exited',
          child: this as Ending as Cell,
          incarnation: this.incarnation,
          reason,
        })
      this.answerShutdown(reason)
      return
    }
    if (reason.type === 'error' && !this.supervised) this.reportUnsupervised('crashed', reason.error)
    this.finalize(reason)
  }

  protected leaveIncarnation(reason: ExitReason): void {
    this.cancelHandlerTimer()
    this.cancelReceiveTimeout()
    this.unstashAll()
    if (reason.type === 'error') this.rarely().lastError = reason.error
    this.context?.revoke()
    this.context = null
    this.state = undefined
    this.idle = false
    this.signals = null
    const rare = this.rare
    if (rare !== null) {
      rare.shutdownLimit?.cancel()
      rare.shutdownLimit = null
      rare.overdue = null
      if (rare.openAsks !== null) {
        const open = rare.openAsks
        rare.openAsks = null
        for (const reply of open) reply.fail(this.unansweredError(reason))
      }
      rare.current = NOTHING
      rare.hasUndefined = false
    }
    // Until the next incarnation has started.
    this.keepEcho()
    this.leaveKin(reason)
    const { takeBack } = this.behavior
    const failed = reason.type === 'error' || reason.type === 'killed'
    if (!failed || takeBack === null) return
    if (this.first !== NOTHING && takeBack(toldIn(this.first), reason)) this.first = NOTHING
    if (this.mailbox !== null) this.mailbox.filter(item => !takeBack(toldIn(item), reason))
  }

  protected suspend(): void {
    this.status = SUSPENDED
    const rare = this.rare
    if (rare === null) return
    rare.draining = false
    this.open = this.bounds === null
    // What was taken back from the mailbox made room.
    this.admitOffers(rare)
    this.answerEndWaiters(rare)
  }

  private answerEndWaiters(rare: Rare): void {
    const waiters = rare.endWaiters
    if (waiters === null) return
    rare.endWaiters = null
    for (const ended of waiters) ended()
  }

  protected answerShutdown(reason: ExitReason): void {
    const rare = this.rare
    if (rare === null || rare.shutdownWaiter === null) return
    const answer = rare.shutdownWaiter
    rare.shutdownWaiter = null
    answer(reason)
  }

  protected finalize(reason: ExitReason): void {
    this.status = STOPPED
    this.open = false
    this.sweepMailbox(reason)
    this.leaveKin(reason)
    this.detach()
    const rare = this.rare
    this.rare = null
    const { parent } = this
    const self = this as Ending as Cell
    if (parent === null) this.system.topLevelEnded(self, reason, rare?.final === true)
    else if (!this.supervised && parent.behavior.onSignal !== null && parent.listens)
      parent.signal({ type: 'child-terminated', ref: self, reason })
    if (rare === null) return
    rare.startWaiter?.({ type: 'failed', error: this.stoppedError() })
    rare.shutdownWaiter?.(reason)
    if (rare.watchers !== null)
      for (const watcher of rare.watchers) watcher.signal({ type: 'terminated', ref: self, reason })
    this.answerEndWaiters(rare)
  }

  protected answerStart(result: StartResult): void {
    const rare = this.rare
    if (rare === null || rare.startWaiter === null) return
    const answer = rare.startWaiter
    rare.startWaiter = null
    answer(result)
  }

  protected reportUnsupervised(what: string, error: Error): void {
    this.system.logger.log('error', `${this.path} ${what}, and no supervisor restarts it`, { error })
  }
}
