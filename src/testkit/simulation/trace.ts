export interface TraceEvent {
  /** Counted from 1. */
  readonly step: number
  /** Simulated time. */
  readonly atMs: number
  readonly what: string
}

const KEPT = 64

/**
 * What happened, in order: a running hash of all of it, and the newest events in words. Two runs that have the same hash did
 * the same things at the same times.
 */
export class Trace {
  private steps = 0
  private readonly times = new Float64Array(KEPT)
  private readonly words: string[] = new Array(KEPT).fill('')
  private low = 0x811c9dc5
  private high = 0x2545f491

  note(atMs: number, what: string): void {
    const at = this.steps++ % KEPT
    this.times[at] = atMs
    this.words[at] = what
    this.mix(Math.floor(atMs * 1_000))
    for (let i = 0; i < what.length; i++) this.mix(what.charCodeAt(i))
  }

  get count(): number {
    return this.steps
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return (this.low >>> 0).toString(16).padStart(8, '0') + (this.high >>> 0).toString(16).padStart(8, '0')
  }

  get last(): TraceEvent | null {
    return this.tail(1)[0] ?? null
  }

  /** The newest, oldest first. **Bounds**: at most 64. */
  tail(count = KEPT): readonly TraceEvent[] {
    const events: TraceEvent[] = []
    for (let step = Math.max(0, this.steps - Math.min(count, KEPT)); step < this.steps; step++)
      events.push({ step: step + 1, atMs: this.times[step % KEPT] as number, what: this.words[step % KEPT] as string })
    return events
  }

  private mix(value: number): void {
    this.low = Math.imul(this.low ^ value, 0x01000193)
    this.high = Math.imul(this.high ^ (value + (this.low >>> 7)), 0x85ebca6b)
  }
}
