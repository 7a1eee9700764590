import { RuntimeError } from '../base/errors.ts'
import { Behavior, type BehaviorInternals } from '../kernel/behavior.ts'
import type { Cell } from '../kernel/cell.ts'
import type { CellSystem } from '../kernel/cell-state.ts'
import type { Context } from '../kernel/context.ts'
import type { Interceptor } from '../kernel/intercept.ts'
import { promiseIn } from '../kernel/thenable.ts'
import { type ActorContext, ignore } from '../kernel/types.ts'
import { PoolQueue } from './pool-queue.ts'

/** Stands in `given` where no message does: any value may be one. */
const NOTHING = Symbol('nothing')

/** A worker of a pool, whichever incarnation of it runs, and what waits for this one alone. */
export class PoolLane {
  readonly queue = new PoolQueue()
  /** It has started once; its ref stays over restarts. */
  worker: Cell | null = null
  /** Has a message of the pool, or is not up. */
  busy = true
  /** Is in the pool's list of free lanes, maybe busy again since. */
  listed = false
  private context: Context | null = null
  /** What the pool gave it and it has not taken out of its mailbox. */
  private given: unknown = NOTHING
  private readonly freed: (lane: PoolLane) => void

  /** `freed` is called whenever the worker can take the next message. */
  constructor(freed: (lane: PoolLane) => void) {
    this.freed = freed
  }

  /** The pool gives the worker `message`; the caller puts it into the mailbox. */
  give(message: unknown): void {
    this.busy = true
    this.given = message
  }

  /**
   * The worker's behavior, as the pool starts it: it says when it has started, and when it has handled what the pool gave.
   * That is an interceptor, so that whatever the worker becomes says so too; and the outermost one, so that no other can
   * keep a message from it.
   */
  behaviorFor(worker: Behavior<never>, { interception }: CellSystem): Behavior<never> {
    const inner = interception === null ? worker : interception.around(worker)
    // The runtime's, so that the system's interceptors are not put around it once more.
    const internals = { ...inner, isRuntimes: true } as BehaviorInternals
    const observed = new Behavior(inner, internals, [this.observe, ...inner.interceptors])
    const initial = (context: ActorContext<never>): unknown => {
      const state = inner.initial(context)
      const promise = promiseIn(state)
      if (promise === null) return this.started(state, context)
      return promise.then(ready => this.started(ready, context))
    }
    // Without bounds: what the pool gives must not be shed.
    return Object.assign(observed, { initial, mailbox: null })
  }

  private started(state: unknown, context: ActorContext<never>): unknown {
    if (state === ignore)
      throw new RuntimeError('ACTOR_START_FAILED', `${context.path}: a worker of a pool cannot ignore its start`)
    this.context = context as unknown as Context
    const { cell } = this.context
    this.worker = cell
    // It may have crashed on something else, with the pool's message still in its mailbox.
    if (this.given === NOTHING || cell.waiting === 0) this.free(this.context)
    return state
  }

  private readonly observe: Interceptor<never> = (state, message, context, next) => {
    if (!Object.is(message, this.given)) return next(state, message, context)
    this.given = NOTHING
    const own = context as unknown as Context
    const outcome = next(state, message, context)
    const promise = promiseIn(outcome)
    if (promise === null) {
      this.free(own)
      return outcome
    }
    return promise.then(settled => {
      this.free(own)
      return settled
    }) as typeof outcome
  }

  /** A handler of an incarnation that has ended since frees nobody. */
  private free(context: Context): void {
    if (context !== this.context || context.revoked) return
    this.given = NOTHING
    this.busy = false
    this.freed(this)
  }
}
