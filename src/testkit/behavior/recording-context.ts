import { RuntimeError, toError } from '../../base/errors.ts'
import type { Cancel, Clock, Random } from '../../base/ports.ts'
import type { Behavior } from '../../kernel/behavior.ts'
import { NOTHING } from '../../kernel/cell-state.ts'
import { isName, nameInvalid, nameTaken } from '../../kernel/names.ts'
import type { Scheduled } from '../../kernel/scheduled.ts'
import { type ActorTimers, type TimerKey, Timers, type TimerTimes } from '../../kernel/timers.ts'
import type { ActorContext, ActorRef, AskOptions, PipedResult, ReplyTo, SpawnOptions } from '../../kernel/types.ts'
import type { RecordingLogger } from '../recording-logger.ts'
import type { Record } from './effects.ts'
import { incarnationOver, RecordingRef, recordAsk } from './recording-ref.ts'

/** The run that a context is for. */
export interface Owner {
  /** Time sends a message to the behavior itself. */
  deliver(message: unknown): void
  /** The incarnation is to crash. */
  failed(error: Error): void
}

/** A context without a system behind it: what is done through it becomes effects. Timers run on the run's clock. */
export class RecordingContext implements ActorContext<unknown> {
  readonly self: RecordingRef
  readonly clock: Clock
  readonly random: Random
  readonly log: RecordingLogger
  readonly timers: ActorTimers<unknown>
  private readonly record: Record
  private readonly owner: Owner
  /** The message in the handler. */
  private current: unknown = NOTHING
  private stashCapacity = 0
  private stashed = 0
  private readonly abort = new AbortController()
  private readonly children = new Map<string, RecordingRef>()
  private readonly running: Timers
  private cancelReceive: Cancel | null = null
  private armReceive: (() => void) | null = null

  constructor(path: string, clock: Clock, random: Random, log: RecordingLogger, record: Record, owner: Owner) {
    this.self = new RecordingRef(path, record)
    this.clock = clock
    this.random = random
    this.log = log
    this.record = record
    this.owner = owner
    this.running = new Timers({
      echoDepth: 0,
      system: { clock },
      isIdle: true,
      tellScheduled: (scheduled: Scheduled) => {
        if (scheduled.arrive()) owner.deliver(scheduled.message)
      },
    })
    this.timers = recordingTimers(this.running, record)
  }

  get name(): string {
    return this.self.name
  }
  get path(): string {
    return this.self.path
  }
  get signal(): AbortSignal {
    return this.abort.signal
  }

  child(name: string): RecordingRef | undefined {
    return this.children.get(name)
  }

  spawn<M>(behavior: Behavior<M>, options: SpawnOptions = {}): ActorRef<M> {
    if (this.abort.signal.aborted) throw incarnationOver(this.path)
    const { name = `$${this.children.size + 1}` } = options
    if (options.name !== undefined && !isName(name)) throw nameInvalid(this.path, name)
    if (this.children.has(name)) throw nameTaken(this.path, name)
    const ref = new RecordingRef(`${this.path}/${name}`, this.record)
    this.children.set(name, ref)
    this.record({ type: 'spawned', name, behavior: behavior as Behavior<never> })
    return ref
  }

  tell<M>(ref: ReplyTo<M>, message: M): void {
    if (ref instanceof RecordingRef) {
      ref.tell(message)
      return
    }
    this.record({ type: 'told', to: (ref as { readonly path?: string }).path ?? 'ask', message })
    ref.tell(message)
  }

  ask<M, Reply>(ref: ActorRef<M>, make: (replyTo: ReplyTo<Reply>) => M, options?: AskOptions): Promise<Reply> {
    return recordAsk(ref.path, make, options, this.record)
  }

  watch(ref: ActorRef<never>): void {
    this.record({ type: 'watched', ref: ref.path })
  }
  unwatch(ref: ActorRef<never>): void {
    this.record({ type: 'unwatched', ref: ref.path })
  }
  link(ref: ActorRef<never>): void {
    this.record({ type: 'linked', ref: ref.path })
  }
  unlink(ref: ActorRef<never>): void {
    this.record({ type: 'unlinked', ref: ref.path })
  }

  stash(): void {
    if (this.stashCapacity === 0) throw stashLacking(this.path)
    if (this.current === NOTHING) throw nothingToStash(this.path)
    const message = this.current
    this.current = NOTHING
    if (this.stashed >= this.stashCapacity) {
      this.record({ type: 'dead-letter', message, reason: 'stash-full' })
      return
    }
    this.stashed++
    this.record({ type: 'stashed', message })
  }
  unstashAll(): void {
    this.stashed = 0
    this.record({ type: 'unstashed' })
  }

  setReceiveTimeout(afterMs: number, message: unknown): void {
    this.record({ type: 'receive-timeout-set', afterMs, message })
    this.armReceive = () => {
      this.cancelReceive?.()
      this.cancelReceive = this.clock.after(afterMs, () => this.owner.deliver(message))
    }
    this.armReceive()
  }
  cancelReceiveTimeout(): void {
    this.record({ type: 'receive-timeout-cancelled' })
    this.forgetReceiveTimeout()
  }
  /** A message comes into the handler of a behavior with such a stash: the time counts anew. */
  begins(message: unknown, stashCapacity: number): void {
    this.armReceive?.()
    this.current = message
    this.stashCapacity = stashCapacity
  }
  /** Nothing is in the handler any more. */
  handled(): void {
    this.current = NOTHING
  }

  pipeToSelf<Value>(promise: PromiseLike<Value>, toMessage: (result: PipedResult<Value>) => unknown): void {
    this.record({ type: 'piped' })
    const pipe = (result: PipedResult<Value>): void => {
      try {
        this.self.tell(toMessage(result))
      } catch (error) {
        this.fail(error)
      }
    }
    promise.then(
      value => pipe({ ok: true, value }),
      thrown => pipe({ ok: false, error: toError(thrown) }),
    )
  }

  fail(thrown: unknown): void {
    if (this.abort.signal.aborted) return
    const error = toError(thrown)
    this.record({ type: 'failed', error })
    this.owner.failed(error)
  }

  end(): void {
    this.running.end()
    this.forgetReceiveTimeout()
    this.abort.abort()
  }

  private forgetReceiveTimeout(): void {
    this.cancelReceive?.()
    this.cancelReceive = null
    this.armReceive = null
  }
}

const stashLacking = (path: string): RuntimeError =>
  new RuntimeError('STASH_MISUSED', `${path}: give its behavior \`stash: { capacity }\` to stash messages`)

const nothingToStash = (path: string): RuntimeError =>
  new RuntimeError('STASH_MISUSED', `${path}: no message is in the handler that could be stashed`)

const recordingTimers = (timers: Timers, record: Record): ActorTimers<unknown> => ({
  start: (key: TimerKey, message: unknown, times: TimerTimes) => {
    timers.start(key, message, times)
    record({ type: 'timer-started', key, message, times })
  },
  cancel: key => {
    timers.cancel(key)
    record({ type: 'timer-cancelled', key })
  },
  cancelAll: () => timers.cancelAll(),
  isRunning: key => timers.isRunning(key),
})
