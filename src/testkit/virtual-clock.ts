import type { Cancel, Clock } from '../base/ports.ts'
import { checkDurationMs, checkMs } from './checks.ts'
import { Deadlines } from './deadlines.ts'

/** Deadlines at one moment: beyond it they set each other for ever. */
const AT_ONCE_MAX = 1_000_000

/**
 * Time that moves only when told. Deadlines are visited by due time, then in the order they were set, and each sees the
 * time it was set for; those that a visited one sets are visited too, where they are due in time. Wall and monotonic time
 * move together but apart in value, and `jumpWall` moves the wall alone.
 *
 * **Units**: ms. **Errors**: RangeError for times that are no finite number. **Bounds**: what a deadline leaves to promises
 * runs after the whole advance; `TestSystem.advance` lets it run between deadlines.
 */
export class VirtualClock implements Clock {
  private wallMs: number
  private steadyMs = 0
  private readonly deadlines = new Deadlines()

  constructor(wallMs = 1_700_000_000_000) {
    checkMs('the wall time', wallMs)
    this.wallMs = wallMs
  }

  nowMs(): number {
    return this.wallMs
  }

  monotonicMs(): number {
    return this.steadyMs
  }

  /** An infinite delay is never over. */
  after(delayMs: number, run: () => void): Cancel {
    if (delayMs === Number.POSITIVE_INFINITY) return () => undefined
    checkMs('a delay', delayMs)
    return this.deadlines.add(this.steadyMs + Math.max(0, delayMs), run)
  }

  /** Deadlines that are still to come. */
  get pending(): number {
    return this.deadlines.size
  }

  /** Monotonic time of the next deadline; null: there is none. */
  get nextDueMs(): number | null {
    return this.deadlines.nextDueMs
  }

  /** **Errors**: RangeError for a negative time. */
  advance(byMs: number): void {
    checkMs('a time', byMs)
    this.advanceTo(this.steadyMs + byMs)
  }

  /**
   * Moves to that monotonic time. **Errors**: RangeError for one that is over, and after a million deadlines at one moment.
   */
  advanceTo(steadyMs: number): void {
    checkMs('a time', steadyMs)
    if (steadyMs < this.steadyMs)
      throw new RangeError(`the clock stands at ${this.steadyMs} ms and cannot go to ${steadyMs}`)
    let atOnce = 0
    for (let due = this.deadlines.nextDueMs; due !== null && due <= steadyMs; due = this.deadlines.nextDueMs) {
      atOnce = due === this.steadyMs ? atOnce + 1 : 0
      if (atOnce > AT_ONCE_MAX)
        throw new RangeError(
          `${AT_ONCE_MAX} deadlines were visited at ${due} ms, and there are more: do they set each other?`,
        )
      this.moveTo(due)
      this.deadlines.take()()
    }
    this.moveTo(steadyMs)
  }

  /**
   * Visits deadlines until none is left, and says at which monotonic time that was. **Errors**: RangeError when there are
   * some after `limitMs` (default: an hour from now) still: something sets the next one for ever.
   */
  runUntilIdle(limitMs = 3_600_000): number {
    checkDurationMs('limitMs', limitMs)
    const endMs = this.steadyMs + limitMs
    for (let due = this.deadlines.nextDueMs; due !== null; due = this.deadlines.nextDueMs) {
      if (due > endMs)
        throw new RangeError(`${this.pending} deadlines are left after ${limitMs} ms, the next at ${due}`)
      this.advanceTo(due)
    }
    return this.steadyMs
  }

  /** The wall clock is set anew; timers and monotonic time notice nothing. */
  jumpWall(byMs: number): void {
    checkMs('a jump', byMs)
    this.wallMs += byMs
  }

  private moveTo(steadyMs: number): void {
    this.wallMs += steadyMs - this.steadyMs
    this.steadyMs = steadyMs
  }
}
