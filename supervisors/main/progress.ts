import type { Cancel, Clock } from 'troupe'
import type { Tally } from './tally.ts'

/** Where progress goes: a terminal gets a bar that is drawn over, anything else a line now and then. */
export interface ProgressOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const BAR_INTERVAL_MS = 120
const LINE_INTERVAL_MS = 5_000
const BAR_WIDTH = 28

/** Shows how far a run is: rate and time left where the number of applications is known. */
export class Progress {
  private readonly output: ProgressOutput
  private readonly clock: Clock
  private readonly tally: Tally
  private readonly total: number | null
  private readonly startMs: number
  private cancel: Cancel

  constructor(output: ProgressOutput, clock: Clock, tally: Tally, total: number | null) {
    this.output = output
    this.clock = clock
    this.tally = tally
    this.total = total
    this.startMs = clock.monotonicMs()
    this.cancel = this.next()
  }

  /** Makes room for a line of text, which the next bar is drawn below. */
  line(text: string): void {
    this.output.write(this.output.isTTY === true ? `\r\x1b[K${text}\n` : `${text}\n`)
  }

  end(): void {
    this.cancel()
    if (this.output.isTTY === true) this.output.write(`\r\x1b[K`)
  }

  private next(): Cancel {
    const isTTY = this.output.isTTY === true
    return this.clock.after(isTTY ? BAR_INTERVAL_MS : LINE_INTERVAL_MS, () => {
      if (isTTY) this.output.write(`\r\x1b[K${this.text().slice(0, (this.output.columns ?? 80) - 1)}`)
      else this.output.write(`${this.text()}\n`)
      this.cancel = this.next()
    })
  }

  private text(): string {
    const { applications } = this.tally
    const seconds = (this.clock.monotonicMs() - this.startMs) / 1_000
    const perSecond = applications / Math.max(seconds, 1e-3)
    const rate = `${Math.round(perSecond).toLocaleString('en')}/s`
    if (this.total === null) return `${applications.toLocaleString('en')} applications  ${rate}`
    const share = this.total === 0 ? 1 : applications / this.total
    const full = Math.round(share * BAR_WIDTH)
    const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full)
    const leftSeconds = (this.total - applications) / Math.max(perSecond, 1e-3)
    return `${bar} ${Math.floor(share * 100)}%  ${applications.toLocaleString('en')} of ${this.total.toLocaleString('en')}  ${rate}  ${duration(leftSeconds)} left`
  }
}

const duration = (seconds: number): string => {
  if (seconds < 60) return `${Math.ceil(seconds)} s`
  return `${Math.floor(seconds / 60)} min ${Math.ceil(seconds % 60)} s`
}
