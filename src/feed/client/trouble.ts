import type { Logger } from '../../base/logger.ts'
import type { Clock } from '../../base/ports.ts'

/** From one line about a server that is away to the next. */
const REPORT_MS = 60_000

/**
 * Says that a server does not answer, or fails, and that it answers again: who reads a feed waits for it without an end, and
 * nobody would see why nothing comes. **Bounds**: one warning a minute, whatever comes and goes meanwhile.
 */
export class Trouble {
  private readonly url: string
  private readonly clock: Clock
  private readonly logger: Logger
  private reportedMs = Number.NEGATIVE_INFINITY
  /** In a row. */
  private failures = 0
  private isTold = false

  constructor(url: string, clock: Clock, logger: Logger) {
    this.url = url
    this.clock = clock
    this.logger = logger
  }

  failed(error: Error): void {
    this.failures++
    const nowMs = this.clock.monotonicMs()
    if (nowMs - this.reportedMs < REPORT_MS) return
    this.reportedMs = nowMs
    this.isTold = true
    this.logger.log('warn', `feed ${this.url}: no answer after ${this.failures} of its tries; it is tried again`, {
      error,
      failures: this.failures,
    })
  }

  answered(): void {
    if (this.failures === 0) return
    const { failures, isTold } = this
    this.failures = 0
    this.isTold = false
    if (isTold) this.logger.log('info', `feed ${this.url}: it answers again, after ${failures} tries`, { failures })
  }
}
