import { AssertionError } from 'node:assert'
import { inspect, isDeepStrictEqual } from 'node:util'
import { checkOptions } from '../base/bounds.ts'
import { shown } from '../base/errors.ts'
import { behavior } from '../kernel/behavior.ts'
import type { Cell } from '../kernel/cell.ts'
import { type DeathWatch, deathWatchOf, type EndListener } from '../kernel/death-watch.ts'
import type { ActorSystem } from '../kernel/system.ts'
import type { ActorRef, ExitReason } from '../kernel/types.ts'
import { checkDurationMs } from './checks.ts'
import { realWaiting, type Waiting } from './waiting.ts'

export interface ExpectOptions {
  /** Default: what is left of the enclosing `within`, else 3,000. */
  readonly timeoutMs?: number
}

/** What an expected message must be: equal to a value, all the way down, or to a predicate's liking. */
export type Expected<Message> = Message | ((message: Message) => boolean)

const TIMEOUT_MS = 3_000
const QUIET_MS = 100

/**
 * An actor of the test: what it is told waits in order until the test expects it. Each expectation takes from the front.
 *
 * **Time**: a probe of `testSystem` moves the virtual clock as far as it needs to; one that was made with `probeOf` waits
 * while the system's own clock goes on. **Errors**: AssertionError, which shows what came instead; RangeError for options,
 * times and numbers that are none, and nothing is taken then.
 */
export class Probe<Message> implements EndListener {
  /** To be given to those who are tested. */
  readonly ref: ActorRef<Message>
  private readonly deathWatch: DeathWatch
  private readonly waiting: Waiting
  private readonly queue: Message[] = []
  private readonly ends = new Map<Cell, ExitReason>()
  private readonly watched = new Set<Cell>()
  private readonly listeners = new Set<() => void>()
  private readonly changed = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
  private deadlineMs = Number.POSITIVE_INFINITY

  constructor(system: ActorSystem, waiting: Waiting, name?: string) {
    this.waiting = waiting
    this.deathWatch = deathWatchOf(system.cells)
    const collecting = behavior<Message, null>({
      initial: () => null,
      receive: (state, message) => {
        this.queue.push(message)
        this.notify()
        return state
      },
    })
    this.ref = system.spawn(collecting, name === undefined ? {} : { name })
  }

  /** What has come and was not expected yet, oldest first. */
  get unread(): readonly Message[] {
    return this.queue
  }

  /** Takes the next message, whatever it is. */
  expectMessage(): Promise<Message>
  /** Takes the next message, which must be as the guard says, and gives it that type. */
  expectMessage<Narrow extends Message>(
    guard: (message: Message) => message is Narrow,
    options?: ExpectOptions,
  ): Promise<Narrow>
  /** Takes the next message, which must be equal to `expected`, or to the predicate's liking. */
  expectMessage(expected: Expected<Message>, options?: ExpectOptions): Promise<Message>
  async expectMessage(
    ...[expected, options]: [expected?: Expected<Message>, options?: ExpectOptions]
  ): Promise<Message> {
    const timeoutMs = this.timeoutOf(options)
    await this.wait(() => this.queue.length > 0, timeoutMs)
    if (this.queue.length === 0) throw failure(`no message within ${timeoutMs} ms`, expected, undefined)
    const message = this.queue.shift() as Message
    if (expected !== undefined && !isAsExpected(message, expected))
      throw failure(`the next message is another one: ${show(message)}`, expected, message)
    return message
  }

  /** Nothing comes for that long. **Units**: ms, 100 by default. */
  async expectNone(durationMs: number = QUIET_MS): Promise<void> {
    checkDurationMs('a time to wait', durationMs)
    const forMs = Math.min(durationMs, this.leftMs)
    await this.wait(() => this.queue.length > 0, forMs)
    if (this.queue.length > 0)
      throw failure(`expected no message for ${forMs} ms, and there came ${show(this.queue)}`, undefined, this.queue[0])
  }

  /** Takes the next `count` messages, all of them within the time. */
  async receiveN(count: number, options?: ExpectOptions): Promise<readonly Message[]> {
    if (!(Number.isSafeInteger(count) && count >= 0))
      throw new RangeError(`a number of messages is whole, not ${shown(count)}`)
    const timeoutMs = this.timeoutOf(options)
    await this.wait(() => this.queue.length >= count, timeoutMs)
    if (this.queue.length < count)
      throw failure(
        `${this.queue.length} of ${count} messages within ${timeoutMs} ms: ${show(this.queue)}`,
        count,
        this.queue.length,
      )
    return this.queue.splice(0, count)
  }

  /** Takes messages until one is as the guard or predicate says, which it gives; those before it are passed over. */
  fishFor<Narrow extends Message>(
    guard: (message: Message) => message is Narrow,
    options?: ExpectOptions,
  ): Promise<Narrow>
  fishFor(isIt: (message: Message) => boolean, options?: ExpectOptions): Promise<Message>
  async fishFor(isIt: (message: Message) => boolean, options?: ExpectOptions): Promise<Message> {
    const timeoutMs = this.timeoutOf(options)
    const passed: Message[] = []
    const found: Message[] = []
    const look = (): boolean => {
      while (found.length === 0 && this.queue.length > 0) {
        const message = this.queue.shift() as Message
        ;(isIt(message) ? found : passed).push(message)
      }
      return found.length > 0
    }
    await this.wait(look, timeoutMs)
    if (found.length === 0)
      throw failure(`nothing was caught within ${timeoutMs} ms; passed over: ${show(passed)}`, isIt, passed)
    return found[0] as Message
  }

  /** All that `expectations` waits for, together, takes at most that long. **Units**: ms. */
  async within<Result>(durationMs: number, expectations: () => Promise<Result>): Promise<Result> {
    checkDurationMs('a time to take', durationMs)
    const outerMs = this.deadlineMs
    const startMs = this.waiting.clock.monotonicMs()
    this.deadlineMs = Math.min(outerMs, startMs + durationMs)
    try {
      const result = await expectations()
      const tookMs = this.waiting.clock.monotonicMs() - startMs
      if (tookMs > durationMs) throw failure(`took ${tookMs} ms, not ${durationMs} at most`, durationMs, tookMs)
      return result
    } finally {
      this.deadlineMs = outerMs
    }
  }

  /** From now on `expectTerminated` will know how that actor ended. */
  watch(ref: ActorRef<never>): void {
    const cell = ref as unknown as Cell
    if (this.watched.has(cell)) return
    this.watched.add(cell)
    this.deathWatch.watch(cell, this)
  }

  /**
   * Waits until an actor has ended for good, and says why. One that had ended before it was watched counts, and its reason
   * is given as `normal`, since nobody has kept it.
   */
  async expectTerminated(ref: ActorRef<never>, options?: ExpectOptions): Promise<ExitReason> {
    const timeoutMs = this.timeoutOf(options)
    const cell = ref as unknown as Cell
    this.watch(ref)
    await this.wait(() => this.ends.has(cell), timeoutMs)
    const reason = this.ends.get(cell)
    if (reason === undefined) throw failure(`${ref.path} has not ended within ${timeoutMs} ms`, 'an end', undefined)
    return reason
  }

  /** For the runtime: a watched actor has ended. */
  ended(cell: Cell, reason: ExitReason): void {
    this.ends.set(cell, reason)
    this.notify()
  }

  private notify(): void {
    for (const listener of [...this.listeners]) listener()
  }

  private get leftMs(): number {
    return Math.max(0, this.deadlineMs - this.waiting.clock.monotonicMs())
  }

  private timeoutOf(options: ExpectOptions | undefined): number {
    checkOptions('the options of an expectation', options, ['timeoutMs'])
    if (options?.timeoutMs !== undefined) checkDurationMs('timeoutMs', options.timeoutMs)
    const wished = options?.timeoutMs ?? (this.deadlineMs === Number.POSITIVE_INFINITY ? TIMEOUT_MS : this.leftMs)
    return Math.min(wished, this.leftMs)
  }

  private wait(isDone: () => boolean, timeoutMs: number): Promise<boolean> {
    return this.waiting.until(isDone, timeoutMs, this.changed)
  }
}

/** A probe in any system, on the clock that the system has. */
export const probeOf = <Message>(system: ActorSystem, name?: string): Probe<Message> =>
  new Probe(system, realWaiting(system.clock), name)

const isAsExpected = <Message>(message: Message, expected: Expected<Message>): boolean =>
  typeof expected === 'function'
    ? (expected as (message: Message) => boolean)(message)
    : isDeepStrictEqual(message, expected)

const show = (value: unknown): string => inspect(value, { depth: 6, breakLength: 120, maxArrayLength: 20 })

const failure = (what: string, expected: unknown, actual: unknown): AssertionError => {
  const wanted =
    expected === undefined
      ? ''
      : typeof expected === 'function'
        ? `. Expected one that ${expected.name === '' ? expected.toString() : expected.name} takes`
        : `. Expected ${show(expected)}`
  return new AssertionError({ message: `${what}${wanted}`, expected, actual, operator: 'probe' })
}
