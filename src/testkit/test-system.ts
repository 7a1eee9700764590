/// <reference lib="esnext.disposable" preserve="true" />
import { checkCount } from '../base/bounds.ts'
import { type Random, seededRandom } from '../base/ports.ts'
import type { Behavior } from '../kernel/behavior.ts'
import type { DeadLetter } from '../kernel/dead-letters.ts'
import { ActorSystem, type ActorSystemOptions } from '../kernel/system.ts'
import type { ActorRef, SpawnOptions } from '../kernel/types.ts'
import { checkDurationMs, checkSeed } from './checks.ts'
import { EndlessWork } from './endless-work.ts'
import { frozenMessages } from './frozen-messages.ts'
import { eventLoopTurn } from './microtasks.ts'
import { Probe } from './probe.ts'
import { RecordingLogger } from './recording-logger.ts'
import { VirtualClock } from './virtual-clock.ts'
import { VirtualTurns } from './virtual-turns.ts'
import type { Waiting } from './waiting.ts'

export interface TestSystemOptions extends Omit<ActorSystemOptions, 'ports' | 'logger' | 'signals'> {
  /** Of everything that the system draws. Default: 1. */
  readonly seed?: number
  /** What the wall clock shows at first. Units: ms since 1970. Default: 1,700,000,000,000. */
  readonly wallMs?: number
  /** Whether messages are frozen before their handlers see them; see `frozenMessages`. Default: true. */
  readonly freezeMessages?: boolean
  /** Handled at one moment of the clock; beyond it actors count as having work without end. Default: 1,000,000. */
  readonly messagesMax?: number
}

/**
 * An actor system whose time, chance and turns belong to the test: the clock moves when told, the random numbers come from
 * a seed, turns can be held up; its log and dead letters are kept. Disposing of it kills what still runs. **Errors**:
 * RangeError for options that are none.
 *
 *     await using kit = testSystem()
 *     const probe = kit.probe<string>()
 *     kit.spawn(greeter).tell({ type: 'greet', replyTo: probe.ref })
 *     await probe.expectMessage('hello')
 */
export class TestSystem implements AsyncDisposable {
  readonly system: ActorSystem
  readonly clock: VirtualClock
  readonly turns = new VirtualTurns()
  readonly random: Random
  readonly logger = new RecordingLogger()
  /** Every message that reached nobody, in order. */
  readonly deadLetters: DeadLetter[] = []
  private readonly waiting: Waiting
  private readonly work: EndlessWork

  constructor(options: TestSystemOptions = {}) {
    const { seed = 1, wallMs, freezeMessages = true, messagesMax = 1_000_000, interceptors = [], ...others } = options
    checkCount('messagesMax', messagesMax)
    checkSeed(seed)
    this.clock = new VirtualClock(wallMs)
    this.random = seededRandom(seed)
    this.work = new EndlessWork(this.clock, messagesMax)
    this.system = ActorSystem.start({
      name: 'test',
      ...others,
      logger: this.logger,
      interceptors: [this.work.interceptor, ...(freezeMessages ? [frozenMessages] : []), ...interceptors],
      ports: { clock: this.clock, random: this.random, executor: this.turns },
    })
    this.system.deadLetters.subscribe(letter => this.deadLetters.push(letter))
    this.waiting = {
      clock: this.clock,
      until: (isDone, timeoutMs) => this.waitUntil(isDone, timeoutMs),
    }
  }

  spawn<Message>(behavior: Behavior<Message>, options?: SpawnOptions): ActorRef<Message> {
    return this.system.spawn(behavior, options)
  }

  /** A probe whose waiting moves the clock: as far as the message that it waits for needs, and no further. */
  probe<Message>(name?: string): Probe<Message> {
    return new Probe(this.system, this.waiting, name)
  }

  /**
   * Lets everything happen that needs no time to pass, and no turn that is held up. **Errors**: RangeError, which names the
   * actors, where more than `messagesMax` messages are handled at one moment; they are held up from then on.
   */
  async settle(): Promise<void> {
    do await eventLoopTurn()
    while (this.turns.pending > 0 && !this.turns.isHeld)
    this.work.check()
  }

  /**
   * Lets `byMs` pass: deadlines in their order, and between them everything that needs no time. **Errors**: as `settle`;
   * RangeError for a time that is none.
   */
  async advance(byMs: number): Promise<void> {
    checkDurationMs('a time to let pass', byMs, false)
    const endMs = this.clock.monotonicMs() + byMs
    await this.settle()
    for (let due = this.clock.nextDueMs; due !== null && due <= endMs; due = this.clock.nextDueMs) {
      this.clock.advanceTo(due)
      await this.settle()
    }
    this.clock.advanceTo(endMs)
  }

  /**
   * The same until no deadline is left, and says how much time that took. **Units**: ms. **Errors**: RangeError when some
   * are left after `limitMs` (default: an hour), and as `settle`.
   */
  async runUntilIdle(limitMs = 3_600_000): Promise<number> {
    checkDurationMs('limitMs', limitMs)
    const startMs = this.clock.monotonicMs()
    await this.settle()
    for (let due = this.clock.nextDueMs; due !== null; due = this.clock.nextDueMs) {
      if (due - startMs > limitMs)
        throw new RangeError(
          `${this.clock.pending} deadlines are left after ${limitMs} ms: something sets new ones for ever`,
        )
      this.clock.advanceTo(due)
      await this.settle()
    }
    return this.clock.monotonicMs() - startMs
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.turns.release()
    await this.system.terminate({ shutdownMs: 'brutal-kill' })
  }

  private async waitUntil(isDone: () => boolean, timeoutMs: number): Promise<boolean> {
    const endMs = this.clock.monotonicMs() + timeoutMs
    await this.settle()
    for (let due = this.clock.nextDueMs; !isDone() && due !== null && due <= endMs; due = this.clock.nextDueMs) {
      this.clock.advanceTo(due)
      await this.settle()
    }
    // One that waits without end has waited for all that was to come.
    if (!isDone() && endMs !== Number.POSITIVE_INFINITY) this.clock.advanceTo(endMs)
    return isDone()
  }
}

export const testSystem = (options?: TestSystemOptions): TestSystem => new TestSystem(options)
