import type { SubmitResult } from '../answers.ts'
import { Latencies } from './latencies.ts'

/** What a run has come to so far. */
export class Tally {
  applications = 0
  quotes = 0
  declined = 0
  referred = 0
  rejected = 0
  /** Their own records cannot be read. */
  unfinished = 0
  /** Decided by this run; the others were in the store already, or rejected. */
  thisRun = 0
  readonly latencies = new Latencies()

  count(result: SubmitResult, tookMs: number): void {
    this.applications++
    switch (result.outcome) {
      case 'quoted':
        this.quotes++
        break
      case 'declined':
        this.declined++
        break
      case 'referred':
        this.referred++
        break
      case 'rejected':
        this.rejected++
        return
    }
    if (result.known) return
    this.thisRun++
    this.latencies.add(tookMs)
  }

  countRejected(): void {
    this.applications++
    this.rejected++
  }

  countUnfinished(): void {
    this.applications++
    this.unfinished++
  }
}
