import { RuntimeError } from '../base/errors.ts'
import { Become, Behavior } from '../kernel/behavior.ts'
import type { Cell } from '../kernel/cell.ts'
import type { Context } from '../kernel/context.ts'
import { type ActorContext, type ExitReason, ignore, type Signal } from '../kernel/types.ts'
import { PoolQueue } from './pool-queue.ts'

/** A worker of a pool, whichever incarnation of it runs, and what waits for this one alone. */
export class PoolLane {
  readonly queue = new PoolQueue()
  /** It has started once; its ref stays over restarts. */
  worker: Cell | null = null
  /** Has a message, or is not up. */
  busy = true
  /** Is in the pool's list of free lanes, maybe busy again since. */
  listed = false
  private context: Context | null = null
  private readonly freed: (lane: PoolLane) => void

  /** `freed` is called whenever the worker can take the next message. */
  constructor(freed: (lane: PoolLane) => void) {
    this.freed = freed
  }

  /** The worker's behavior, as the pool starts it: it says when it has started, and when it has handled a message. */
  behaviorFrom(worker: Behavior<never>): Behavior<never> {
    return this.observed(worker, context => {
      const state = worker.initial(context)
      if (!(state instanceof Promise)) return this.started(state, context)
      return state.then(ready => this.started(ready, context))
    })
  }

  private started(state: unknown, context: ActorContext<never>): unknown {
    if (state === ignore)
      throw new RuntimeError('ACTOR_START_FAILED', `${context.path}: a worker of a pool cannot ignore its start`)
    this.context = context as unknown as Context
    this.worker = this.context.cell
    this.handled(this.context)
    return state
  }

  /** A handler of an incarnation that has ended since frees nobody. */
  private handled(context: Context): void {
    if (context !== this.context || context.revoked) return
    // What it told itself comes first, and so does what it had when it crashed.
    this.busy = context.cell.waiting > 0
    if (!this.busy) this.freed(this)
  }

  /** Any behavior that the worker becomes is observed too. */
  private observed(inner: Behavior<never>, initial: Behavior<never>['initial']): Behavior<never> {
    const rewrap = (outcome: unknown): unknown =>
      outcome instanceof Become
        ? new Become(this.observed(outcome.behavior, outcome.behavior.initial), outcome.isReady, outcome.state)
        : outcome
    const { onSignal } = inner
    const receive = (state: unknown, message: unknown, context: ActorContext<never>): unknown => {
      const outcome = inner.receive(state, message, context)
      if (outcome instanceof Promise)
        return outcome.then(settled => {
          this.handled(context as unknown as Context)
          return rewrap(settled)
        })
      this.handled(context as unknown as Context)
      return rewrap(outcome)
    }
    const signalled = (state: unknown, signal: Signal, context: ActorContext<never>): unknown => {
      const outcome = onSignal!(state, signal, context)
      return outcome instanceof Promise ? outcome.then(rewrap) : rewrap(outcome)
    }
    return new Behavior(
      {
        initial,
        receive,
        ...(onSignal !== null && { onSignal: signalled }),
        ...(inner.onStop !== null && { onStop: inner.onStop }),
        handlerTimeoutMs: inner.handlerTimeoutMs,
        startTimeoutMs: inner.startTimeoutMs,
      } as unknown as ConstructorParameters<typeof Behavior>[0],
      {
        ...(inner.stopChildren !== null && { stopChildren: inner.stopChildren as (state: never) => Promise<void> }),
        ...(inner.takeBack !== null && {
          takeBack: inner.takeBack as (message: unknown, reason: ExitReason) => boolean,
        }),
        ...(inner.onKill !== null && { onKill: inner.onKill as (state: never) => void }),
        escalates: inner.escalates,
      },
    )
  }
}
