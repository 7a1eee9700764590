import type { SubmitResult } from '../answers.ts'
import { Latencies } from './latencies.ts'

/** What a run has come to so far. */
export class Tally {
  applications = 0
  quotes = 0
  declined = 0
  referred = 0
  rejected = 0
  /** Taken back by whoever applied, in an earlier run or meanwhile. */
  withdrawn = 0
  /** Their own records cannot be read. */
  unfinished = 0
  /** Decided by this run; the others were in the store already, came twice in the input, or were rejected. */
  thisRun = 0
  readonly latencies = new Latencies()

  /** Gives whether this run decided it. `isCounted`: as another row of the same id. */
  count(result: SubmitResult, tookMs: number, isCounted = false): boolean {
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
      case 'withdrawn':
        this.withdrawn++
        break
      case 'rejected':
        this.rejected++
        return false
    }
    if (result.known || isCounted) return false
    this.thisRun++
    this.latencies.add(tookMs)
    return true
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
