import { checkAboveZero, checkOneOf, checkOptions } from '../base/bounds.ts'
import { shown } from '../base/errors.ts'
import type { Cancel } from '../base/ports.ts'
import { echo } from './echo.ts'
import { Scheduled, type ScheduledTarget } from './scheduled.ts'

/** When a timer's message comes. */
export type TimerTimes =
  /** Once. */
  | { readonly afterMs: number; readonly everyMs?: never; readonly mode?: never }
  /**
   * Again and again, first after `everyMs`. `fixed-delay` (default): counted from when the actor took the last one, so that
   * never two of them wait. `fixed-rate`: n × `everyMs` after the start, whatever the actor does; what the event loop was
   * held up for follows, one each turn.
   */
  | { readonly everyMs: number; readonly mode?: 'fixed-delay' | 'fixed-rate'; readonly afterMs?: never }

/**
 * The timers of one incarnation: each has a key and sends a message to its own actor. They are gone when the incarnation
 * ends. **Order**: a timer's message takes its place in the mailbox when it is due. **Delivery**: never once the timer was
 * cancelled or replaced, also if it was queued by then.
 */
export interface ActorTimers<Message> {
  /** Starts a timer, in place of the one that has that key. **Units**: ms. **Errors**: RangeError for a time that is none. */
  start(key: TimerKey, message: Message, times: TimerTimes): void
  cancel(key: TimerKey): void
  cancelAll(): void
  /** Whether a message of it is still to come. */
  isRunning(key: TimerKey): boolean
}

/** Names a timer among those of its actor; a symbol can meet no other. */
export type TimerKey = string | number | symbol

export class Timers implements ActorTimers<unknown> {
  readonly target: ScheduledTarget
  private readonly running = new Map<TimerKey, Timer>()
  private over = false

  constructor(target: ScheduledTarget) {
    this.target = target
  }

  start(key: TimerKey, message: unknown, times: TimerTimes): void {
    checkTimes(times)
    if (this.over) return
    this.cancel(key)
    this.running.set(key, new Timer(this, key, message, times))
  }

  cancel(key: TimerKey): void {
    const timer = this.running.get(key)
    if (timer === undefined) return
    this.running.delete(key)
    timer.disarm()
  }

  cancelAll(): void {
    for (const timer of this.running.values()) timer.disarm()
    this.running.clear()
  }

  isRunning(key: TimerKey): boolean {
    return this.running.has(key)
  }

  /** The incarnation is over. */
  end(): void {
    this.over = true
    this.cancelAll()
  }

  isCurrent(timer: Timer): boolean {
    return this.running.get(timer.key) === timer
  }
}

class Timer extends Scheduled {
  readonly key: TimerKey
  readonly message: unknown
  private readonly timers: Timers
  /** 0: once. */
  private readonly everyMs: number
  private readonly keepsRate: boolean
  private dueMs: number
  private stopClock: Cancel

  constructor(timers: Timers, key: TimerKey, message: unknown, times: TimerTimes) {
    super(Math.max(echo.depth, timers.target.echoDepth))
    this.timers = timers
    this.key = key
    this.message = message
    this.everyMs = times.everyMs ?? 0
    this.keepsRate = times.mode === 'fixed-rate'
    const firstMs = times.everyMs ?? times.afterMs
    const { clock } = timers.target.system
    this.dueMs = clock.monotonicMs() + firstMs
    this.stopClock = clock.after(firstMs, this.fire)
  }

  disarm(): void {
    this.stopClock()
  }

  arrive(): boolean {
    if (!this.timers.isCurrent(this)) return false
    if (this.everyMs === 0) this.timers.cancel(this.key)
    else if (!this.keepsRate) this.stopClock = this.timers.target.system.clock.after(this.everyMs, this.fire)
    return true
  }

  private readonly fire = (): void => {
    const { target } = this.timers
    if (this.keepsRate) {
      const { clock } = target.system
      this.dueMs += this.everyMs
      this.stopClock = clock.after(Math.max(0, this.dueMs - clock.monotonicMs()), this.fire)
    }
    target.tellScheduled(this)
  }
}

const checkTimes = (times: TimerTimes): void => {
  checkOptions("a timer's times", times, ['afterMs', 'everyMs', 'mode'])
  if (times.mode !== undefined) checkOneOf("a timer's mode", times.mode, ['fixed-delay', 'fixed-rate'])
  if (times.everyMs !== undefined) checkAboveZero("a timer's everyMs", times.everyMs)
  else if (!(Number.isFinite(times.afterMs) && times.afterMs >= 0))
    throw new RangeError(`a timer's afterMs must be 0 or more, not ${shown(times.afterMs)}`)
}
