import type { Random } from '../base/ports.ts'
import { backoffMs, type RestartBackoff } from './backoff.ts'

/** The failures in a row of a child, or of a group that is restarted together. */
export class FailureStreak {
  private failures = 0
  /** Since when it has run; null: it failed, and has not run since. Units: monotonic ms. */
  private runsSinceMs: number | null = null

  /** Records a failure and says how long to rest before the restart. **Units**: ms. */
  restMs(nowMs: number, random: Random, backoff: RestartBackoff): number {
    const { maxMs = 10_000, resetAfterMs = 2 * maxMs } = backoff
    if (this.runsSinceMs !== null && nowMs - this.runsSinceMs >= resetAfterMs) this.failures = 0
    this.failures++
    this.runsSinceMs = null
    return backoffMs(this.failures, random, backoff)
  }

  /** It was restarted and runs. */
  ran(nowMs: number): void {
    this.runsSinceMs = nowMs
  }
}
