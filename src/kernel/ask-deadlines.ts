import { shown } from '../base/errors.ts'
import type { Cancel, Clock, Executor } from '../base/ports.ts'

/** More different time limits than these at once, and each further ask has a timer of its own. */
const LINES_MAX = 32

/** Why an ask with that time limit is refused; null: it is not. */
export const askTimeError = (timeoutMs: unknown): RangeError | null =>
  timeoutMs === undefined || (typeof timeoutMs === 'number' && !Number.isNaN(timeoutMs))
    ? null
    : new RangeError(`an ask's timeoutMs must be a number of ms, not ${shown(timeoutMs)}`)

/** What is waited for with a time limit. */
export interface Expiring {
  /** Its time is over; ends its deadline. */
  expire(timeoutMs: number): void
}

/**
 * The time limits of a system's asks. Asks with the same limit fall due in the order they were made, so they stand in
 * line, and one timer, for the first, serves them all; whoever is answered leaves the line at once.
 *
 *     1,000 ms   due in 3 ms ── due in 40 ms ── … ── due in 998 ms
 *     5,000 ms   due in 700 ms
 *
 * A line that runs empty keeps its timer until the event loop has had its turn: asks one after the other do not set a
 * timer each. After that turn nothing of it is left, and the process may end.
 */
export class AskDeadlines {
  private readonly clock: Clock
  private readonly executor: Executor
  private readonly lines = new Map<number, Line>()
  private tidying = false

  constructor(clock: Clock, executor: Executor) {
    this.clock = clock
    this.executor = executor
  }

  /**
   * Has `waiting` expire when `askedMs` are over, or a little later; where that is 0 or less, in the next turn. **Errors**:
   * RangeError for a time that is none.
   */
  add(waiting: Expiring, askedMs: number): Deadline {
    const refusal = askTimeError(askedMs)
    if (refusal !== null) throw refusal
    const timeoutMs = Math.max(0, askedMs)
    const known = this.lines.get(timeoutMs)
    if (known !== undefined) return known.add(waiting)
    const isShared = this.lines.size < LINES_MAX
    const line = new Line(this.clock, timeoutMs, isShared ? this.tidyLater : null)
    if (isShared) this.lines.set(timeoutMs, line)
    return line.add(waiting)
  }

  private readonly tidyLater = (): void => {
    if (this.tidying) return
    this.tidying = true
    this.executor.later(this.tidy)
  }

  private readonly tidy = (): void => {
    this.tidying = false
    for (const [timeoutMs, line] of this.lines)
      if (line.isEmpty) {
        line.disarm()
        this.lines.delete(timeoutMs)
      }
  }
}

/** Asks with the same time limit, the first one due first. */
class Line {
  readonly timeoutMs: number
  private readonly clock: Clock
  /** Told when it has run empty; null: it is not used again. */
  private readonly ranEmpty: (() => void) | null
  private first: Deadline | null = null
  private last: Deadline | null = null
  private stopClock: Cancel | null = null

  constructor(clock: Clock, timeoutMs: number, ranEmpty: (() => void) | null) {
    this.clock = clock
    this.timeoutMs = timeoutMs
    this.ranEmpty = ranEmpty
  }

  get isEmpty(): boolean {
    return this.first === null
  }

  add(waiting: Expiring): Deadline {
    const nowMs = this.clock.monotonicMs()
    const deadline = new Deadline(this, waiting, nowMs + this.timeoutMs, this.last)
    if (this.last === null) this.first = deadline
    else this.last.next = deadline
    this.last = deadline
    // One that is armed for somebody who has left comes too early, and is set anew then.
    if (this.stopClock === null) this.arm(this.timeoutMs)
    return deadline
  }

  remove(deadline: Deadline): void {
    const { previous, next } = deadline
    // Whoever keeps one that has left is not to keep those that stood beside it.
    deadline.previous = null
    deadline.next = null
    if (previous === null) this.first = next
    else previous.next = next
    if (next === null) this.last = previous
    else next.previous = previous
    if (this.first !== null) return
    if (this.ranEmpty === null) this.disarm()
    else this.ranEmpty()
  }

  disarm(): void {
    if (this.stopClock !== null) this.stopClock()
    this.stopClock = null
  }

  private arm(delayMs: number): void {
    this.stopClock = this.clock.after(delayMs, this.fire)
  }

  private readonly fire = (): void => {
    this.stopClock = null
    const nowMs = this.clock.monotonicMs()
    for (let due = this.first; due !== null && due.dueMs <= nowMs; due = this.first) due.waiting.expire(this.timeoutMs)
    if (this.first !== null) this.arm(this.first.dueMs - nowMs)
  }
}

/** One ask's place in its line. */
export class Deadline {
  readonly waiting: Expiring
  /** Monotonic. */
  readonly dueMs: number
  previous: Deadline | null
  next: Deadline | null = null
  private readonly line: Line

  constructor(line: Line, waiting: Expiring, dueMs: number, previous: Deadline | null) {
    this.line = line
    this.waiting = waiting
    this.dueMs = dueMs
    this.previous = previous
  }

  /** Leaves the line; to be called once. */
  end(): void {
    this.line.remove(this)
  }
}
