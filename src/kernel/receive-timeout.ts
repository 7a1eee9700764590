import { checkAboveZero } from '../base/bounds.ts'
import type { Cancel } from '../base/ports.ts'
import { echo } from './echo.ts'
import { Scheduled, type ScheduledTarget } from './scheduled.ts'

/**
 * Tells an actor that no message came for a while. A message costs it one look at the clock: the timer is not set anew for
 * each, but finds out when it fires how long the actor has been idle.
 */
export class ReceiveTimeout extends Scheduled {
  readonly message: unknown
  private readonly target: ScheduledTarget
  private readonly afterMs: number
  private idleSinceMs: number
  private stopClock: Cancel
  private cancelled = false

  constructor(target: ScheduledTarget, afterMs: number, message: unknown) {
    super(Math.max(echo.depth, target.echoDepth))
    checkAboveZero("a receive timeout's ms", afterMs)
    this.target = target
    this.afterMs = afterMs
    this.message = message
    const { clock } = target.system
    this.idleSinceMs = clock.monotonicMs()
    this.stopClock = clock.after(afterMs, this.fire)
  }

  /** The actor takes a message, or is done with one. */
  touch(): void {
    this.idleSinceMs = this.target.system.clock.monotonicMs()
  }

  cancel(): void {
    this.cancelled = true
    this.stopClock()
  }

  arrive(): boolean {
    if (this.cancelled) return false
    this.stopClock = this.target.system.clock.after(this.afterMs, this.fire)
    return true
  }

  private readonly fire = (): void => {
    const { clock } = this.target.system
    // Busy, it becomes idle later than now, so looking again after the whole time is never too late.
    const leftMs = this.target.isIdle ? this.idleSinceMs + this.afterMs - clock.monotonicMs() : this.afterMs
    if (leftMs > 0) this.stopClock = clock.after(leftMs, this.fire)
    else this.target.tellScheduled(this)
  }
}
