import type { Cancel, Clock } from 'troupe'
import type { Tally } from './tally.ts'
import { parkedText, type Waiting } from './waiting.ts'

/** Applications wait for messages that are parked, and nothing else is left to wait for. */
export class StalledError extends Error {
  override readonly name = 'StalledError'
}

const INTERVAL_MS = 5_000

/**
 * Watches a run until `end`. `stalled` rejects with StalledError when no application has ended for five seconds and
 * messages are parked: those that wait for them would wait for ever. Slowness alone is no stall: then `say` is told what
 * the run waits for, after 5, 10, 20, 40 … seconds in which nothing came to its end.
 */
export class StallWatch {
  readonly stalled: Promise<never>
  private readonly waiting: Waiting
  private readonly tally: Tally
  private readonly clock: Clock
  private readonly say: (line: string) => void
  private seen = ''
  private stillMs = 0
  private sayAtMs = INTERVAL_MS
  private cancel: Cancel = () => undefined
  private ended = false

  constructor(waiting: Waiting, tally: Tally, clock: Clock, say: (line: string) => void) {
    this.waiting = waiting
    this.tally = tally
    this.clock = clock
    this.say = say
    this.seen = this.reached
    this.stalled = new Promise((_, reject) => this.lookLater(reject))
  }

  end(): void {
    this.ended = true
    this.cancel()
  }

  private get reached(): string {
    return `${this.tally.applications} ${this.waiting.stage}`
  }

  private lookLater(reject: (error: StalledError) => void): void {
    this.cancel = this.clock.after(INTERVAL_MS, () => void this.look(reject))
  }

  private async look(reject: (error: StalledError) => void): Promise<void> {
    const { reached } = this
    if (reached !== this.seen) {
      this.seen = reached
      this.stillMs = 0
      this.sayAtMs = INTERVAL_MS
      this.lookLater(reject)
      return
    }
    this.stillMs += INTERVAL_MS
    const parked = this.waiting.applications === 0 ? [] : await this.waiting.parked()
    if (this.ended) return
    if (parked.length > 0) {
      reject(new StalledError(`stalled: ${this.waiting.brief()}. ${parkedText(parked)}`))
      return
    }
    if (this.stillMs >= this.sayAtMs) {
      this.sayAtMs *= 2
      this.say(`nothing has come to its end for ${this.stillMs / 1_000} s: ${this.waiting.brief()}`)
    }
    this.lookLater(reject)
  }
}
