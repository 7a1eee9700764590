import type { Cancel, Clock } from '../../base/ports.ts'
import type { FaultPlan } from './fault.ts'

/**
 * A clock before the clock that a system really has: its timers come late (`delayMs`), twice (`duplicate`) or never (`drop`,
 * `hang`), as its plan says, and its wall time can be set to another hour. Monotonic time stays true: nothing may bend it.
 */
export class FaultyClock implements Clock {
  plan: FaultPlan<'after'>
  private readonly inner: Clock
  private offMs = 0

  constructor(inner: Clock, plan: FaultPlan<'after'> = () => null) {
    this.inner = inner
    this.plan = plan
  }

  nowMs(): number {
    return this.inner.nowMs() + this.offMs
  }

  monotonicMs(): number {
    return this.inner.monotonicMs()
  }

  /** Somebody sets the wall clock forward or back. **Units**: ms. */
  jumpWall(byMs: number): void {
    this.offMs += byMs
  }

  after(delayMs: number, run: () => void): Cancel {
    const fault = this.plan('after')
    if (fault === null) return this.inner.after(delayMs, run)
    if (fault.drop === true || fault.hang !== undefined) return () => undefined
    const dueMs = delayMs + (fault.delayMs ?? 0)
    const cancels = [this.inner.after(dueMs, run)]
    if (fault.duplicate === true) cancels.push(this.inner.after(dueMs, run))
    return () => {
      for (const cancel of cancels) cancel()
    }
  }
}
