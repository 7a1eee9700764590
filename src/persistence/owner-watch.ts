import { isRuntimeError, type RuntimeError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Cancel, Clock } from '../base/ports.ts'

/** How long a store that another process has taken over may go on without knowing, while it writes nothing. Units: ms. */
const CHECK_MS = 1_000

/**
 * Looks now and then whether a store is still its writer's. Whoever writes learns it from the write; whoever only reads
 * would answer from a state that others have long changed.
 */
export class OwnerWatch {
  private readonly check: () => Promise<void>
  private readonly writes: () => number
  private readonly onFenced: (error: RuntimeError) => void
  private readonly clock: Clock
  private readonly logger: Logger
  private writesSeen = -1
  private ended = false
  private cancel: Cancel | null = null

  /** `writes` counts what has been given to be written so far. Call `end` in time: until then a timer runs. */
  constructor(
    check: () => Promise<void>,
    writes: () => number,
    onFenced: (error: RuntimeError) => void,
    ports: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.check = check
    this.writes = writes
    this.onFenced = onFenced
    this.clock = ports.clock
    this.logger = ports.logger
    this.rest()
  }

  end(): void {
    this.ended = true
    this.cancel?.()
  }

  private rest(): void {
    if (!this.ended) this.cancel = this.clock.after(CHECK_MS, () => void this.look())
  }

  private async look(): Promise<void> {
    const writes = this.writes()
    if (writes === this.writesSeen) await this.ask()
    this.writesSeen = writes
    this.rest()
  }

  private async ask(): Promise<void> {
    try {
      await this.check()
    } catch (thrown) {
      if (this.ended) return
      if (isRuntimeError(thrown, 'JOURNAL_FENCED')) {
        this.end()
        this.onFenced(thrown)
      }
      // A server that is away says nothing about the owner, and whoever wants something of it says that.
      else if (!isRuntimeError(thrown, 'JOURNAL_UNAVAILABLE'))
        this.logger.log('warn', "whether the store is still this process's could not be asked", { error: thrown })
    }
  }
}
