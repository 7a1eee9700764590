/** The line in the log of one invocation. */

import type { Logger } from '../base/logger.ts'
import type { Clock } from '../base/ports.ts'

/** Not `stderrLogger`: that one leaves out what is no warning, and platforms gather standard output. */
export const stdoutLogger: Logger = {
  log(level, text, fields) {
    const { error, ...rest } = fields ?? {}
    const reason = error instanceof Error ? { error: error.message } : {}
    process.stdout.write(`${JSON.stringify({ level, text, ...rest, ...reason })}\n`)
  },
}

export class Invocation {
  /** Kind and id; null: it was for none. */
  entity: string | null = null
  readonly traceId: string | null
  private readonly logger: Logger
  private readonly clock: Clock
  private readonly name: string
  /** `cold`: it opens the store. `warm`: that is open. `unread`: there was no event to begin with. */
  private readonly start: string
  private readonly startMs: number

  constructor(logger: Logger, clock: Clock, name: string, start: string, traceId: string | null) {
    this.logger = logger
    this.clock = clock
    this.name = name
    this.start = start
    this.traceId = traceId
    this.startMs = clock.monotonicMs()
  }

  /** Its end: `error`, or what came of it. */
  write(fields: object): void {
    const { start, entity, traceId } = this
    const ms = Math.round((this.clock.monotonicMs() - this.startMs) * 100) / 100
    const level = 'error' in fields ? 'error' : 'info'
    this.logger.log(level, `function ${this.name}`, { start, entity, traceId, ...fields, ms })
  }
}
