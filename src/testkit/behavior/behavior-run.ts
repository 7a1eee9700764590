import { toError } from '../../base/errors.ts'
import { type Random, seededRandom } from '../../base/ports.ts'
import { Become, type Behavior, Stopped } from '../../kernel/behavior.ts'
import { nothingReturned } from '../../kernel/running.ts'
import { promiseIn } from '../../kernel/thenable.ts'
import { type ActorContext, type ActorRef, type ExitReason, ignore, type Signal } from '../../kernel/types.ts'
import { checkSeed } from '../checks.ts'
import { deepFreeze } from '../deep-freeze.ts'
import { RecordingLogger } from '../recording-logger.ts'
import { VirtualClock } from '../virtual-clock.ts'
import type { Effect } from './effects.ts'
import { RecordingContext } from './recording-context.ts'
import { incarnationOver, RecordingRef } from './recording-ref.ts'

export interface BehaviorRunOptions {
  /** Path of the actor that the behavior believes it is. Default: `/test/actor`. */
  readonly path?: string
  /** Default: 1. */
  readonly seed?: number
  /** Default: one that begins at 1,700,000,000,000. */
  readonly clock?: VirtualClock
  readonly random?: Random
}

/**
 * One behavior without a system: each message is handled in the call that gives it, and what the handler did is a list of
 * effects. Nothing else happens: what it told, spawned, asked or watched is written down; messages to itself are too, and
 * are handled when the test gives them. Its timers run on `clock`, and are handled as `advance` visits them.
 *
 * **Errors**: what a handler throws comes out of the call, and the incarnation is over: later calls throw ACTOR_STOPPED;
 * BEHAVIOR_INVALID is thrown so where a handler gives nothing in place of a state. RangeError for a seed that is none. A
 * handler that gives a promise throws TypeError here: use the call that ends in `Async`. After `context.fail` it is over
 * too, once the handler has returned. What is stashed beyond the stash's capacity is a dead letter.
 */
export class BehaviorRun<Message> {
  readonly clock: VirtualClock
  readonly log = new RecordingLogger()
  /** All effects since the start. */
  readonly effects: Effect[] = []
  private behavior: Behavior<Message>
  private readonly context: RecordingContext
  private current: unknown
  /** The behavior of now has given its first state, and that was undefined: so `undefined` is one. */
  private hasBegun = false
  private hasUndefined = false
  private over: ExitReason | null = null
  private isInHandler = false
  /** What the handler has called `fail` with: it is let return first. */
  private failure: Error | null = null

  constructor(behavior: Behavior<Message>, options: BehaviorRunOptions = {}) {
    const { path = '/test/actor', seed = 1, clock = new VirtualClock(), random = seededRandom(seed) } = options
    checkSeed(seed)
    this.behavior = behavior
    this.clock = clock
    const record = (effect: Effect): number => this.effects.push(effect)
    this.context = new RecordingContext(path, clock, random, this.log, record, {
      deliver: message => this.tell(message as Message),
      failed: error => this.failed(error),
    })
  }

  /** The state as the last handler left it; undefined once the actor has ended. */
  get state(): unknown {
    return this.current
  }

  /** Why it has ended; null: it has not. */
  get ended(): ExitReason | null {
    return this.over
  }

  get self(): ActorRef<Message> {
    return this.context.self
  }

  /** The ref of a child that the behavior has spawned. **Errors**: RangeError where there is none. */
  child(name: string): ActorRef<unknown> {
    const ref = this.context.child(name)
    if (ref === undefined) throw new RangeError(`${this.context.path} has spawned no child ${name}`)
    return ref
  }

  /** A ref for messages to carry: what is told to it is an effect. */
  ref<M = unknown>(path: string): ActorRef<M> {
    return new RecordingRef(path, effect => this.effects.push(effect))
  }

  /** Handles a message and gives its effects. The message is frozen first. */
  tell(message: Message): readonly Effect[] {
    return this.now(() => this.receive(message))
  }

  /** The same for a handler that may be async. */
  tellAsync(message: Message): Promise<readonly Effect[]> {
    return this.eventually(() => this.receive(message))
  }

  /** Gives it a notice of the runtime. */
  signal(signal: Signal): readonly Effect[] {
    const { onSignal } = this.behavior
    return this.now(() => (onSignal === null ? this.current : onSignal(this.current, signal, this.ctx)))
  }

  /** Lets time pass: timers that are due are handled on the way. Gives the effects of all. **Units**: ms. */
  advance(byMs: number): readonly Effect[] {
    const before = this.effects.length
    this.clock.advance(byMs)
    return this.effects.slice(before)
  }

  /** Ends it in an orderly way: its stop hook runs. */
  stop(reason: ExitReason = { type: 'shutdown' }): readonly Effect[] {
    return this.now(() => new Stopped(reason))
  }

  /** Runs `initial`. For `runBehavior` and `runBehaviorAsync`. */
  begin(): unknown {
    return this.behavior.initial(this.ctx)
  }

  /** Takes over what `initial` or a handler gave. **Errors**: BEHAVIOR_INVALID where a handler gave nothing. */
  apply(outcome: unknown): unknown {
    if (this.over !== null) return undefined
    if (outcome instanceof Stopped) return this.end(outcome.reason)
    if (outcome === ignore) return this.end({ type: 'normal' })
    if (!(outcome instanceof Become)) {
      if (!this.hasBegun) this.hasUndefined = outcome === undefined
      else if (outcome === undefined && !this.hasUndefined) throw nothingReturned(this.context.path)
      this.hasBegun = true
      this.current = outcome
      return undefined
    }
    this.effects.push({ type: 'became', behavior: outcome.behavior })
    this.behavior = outcome.behavior as Behavior<Message>
    this.hasBegun = false
    const state = outcome.isReady ? outcome.state : this.behavior.initial(this.ctx)
    return then(state, ready => this.apply(ready))
  }

  /** Does `run`, whose effects it gives; what it throws is a crash. */
  now(run: () => unknown): readonly Effect[] {
    const before = this.begun()
    try {
      const result = then(this.inHandler(run), outcome => this.apply(outcome))
      this.context.handled()
      if (result instanceof Promise) {
        result.catch(() => undefined)
        throw new TypeError(`${this.context.path}: this handler is async: await the call that ends in Async`)
      }
    } catch (error) {
      this.crash(error)
    }
    this.crashIfFailed()
    return this.effects.slice(before)
  }

  async eventually(run: () => unknown): Promise<readonly Effect[]> {
    const before = this.begun()
    try {
      const outcome = this.inHandler(run)
      // A system crashes an actor that has failed while its handler waits.
      if (promiseIn(outcome) !== null) this.crashIfFailed()
      await this.apply(await outcome)
      this.context.handled()
    } catch (error) {
      if (this.over === null) this.crash(error)
      this.log.log('debug', `${this.context.path}: a handler failed after its incarnation had ended`, { error })
    }
    this.crashIfFailed()
    return this.effects.slice(before)
  }

  private get ctx(): ActorContext<never> {
    return this.context as ActorContext<unknown> as ActorContext<never>
  }

  private receive(message: Message): unknown {
    this.context.begins(deepFreeze(message), this.behavior.stashCapacity)
    return this.behavior.receive(this.current, message, this.ctx)
  }

  private begun(): number {
    if (this.over !== null) throw incarnationOver(this.context.path)
    return this.effects.length
  }

  private end(reason: ExitReason): unknown {
    this.over = reason
    this.context.end()
    this.effects.push({ type: 'stopped', reason })
    const state = this.current
    this.current = undefined
    return this.behavior.onStop?.(state, reason, this.ctx)
  }

  private crash(error: unknown): never {
    this.crashed(toError(error))
    throw error
  }

  private crashed(error: Error): void {
    this.over = { type: 'error', error }
    this.context.end()
    this.current = undefined
  }

  private failed(error: Error): void {
    this.failure ??= error
    if (!this.isInHandler) this.crashIfFailed()
  }

  private crashIfFailed(): void {
    if (this.failure !== null && this.over === null) this.crashed(this.failure)
  }

  private inHandler(run: () => unknown): unknown {
    this.isInHandler = true
    try {
      return run()
    } finally {
      this.isInHandler = false
    }
  }
}

/** Starts a behavior on its own; see `BehaviorRun`. **Errors**: what `initial` throws; TypeError for an async one. */
export const runBehavior = <Message>(
  behavior: Behavior<Message>,
  options?: BehaviorRunOptions,
): BehaviorRun<Message> => {
  const run = new BehaviorRun(behavior, options)
  run.now(() => run.begin())
  return run
}

/** The same for a behavior whose `initial` may be async. */
export const runBehaviorAsync = async <Message>(
  behavior: Behavior<Message>,
  options?: BehaviorRunOptions,
): Promise<BehaviorRun<Message>> => {
  const run = new BehaviorRun(behavior, options)
  await run.eventually(() => run.begin())
  return run
}

const then = (value: unknown, next: (value: unknown) => unknown): unknown => {
  const promise = promiseIn(value)
  return promise === null ? next(value) : promise.then(next)
}
