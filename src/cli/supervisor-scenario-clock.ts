import type { Cancel, Clock } from '../base/ports.ts'

interface Deadline {
  readonly dueMs: number
  readonly run: () => void
}

/** Time that moves only when told, from one deadline to the next. What is due never, such as `Infinity`, is not kept. */
export class ScenarioClock implements Clock {
  private ms = 0
  private readonly deadlines = new Set<Deadline>()

  nowMs(): number {
    return this.ms
  }

  monotonicMs(): number {
    return this.ms
  }

  after(delayMs: number, run: () => void): Cancel {
    const deadline = { dueMs: this.ms + delayMs, run }
    if (Number.isFinite(delayMs)) this.deadlines.add(deadline)
    return () => this.deadlines.delete(deadline)
  }

  /** Moves to the earliest deadline and runs it. False: there is none. */
  advanceToNext(): boolean {
    // The order of a set is that of insertion: of two with the same time, the first one set stays.
    let next: Deadline | null = null
    for (const deadline of this.deadlines) if (next === null || deadline.dueMs < next.dueMs) next = deadline
    if (next === null) return false
    this.deadlines.delete(next)
    this.ms = Math.max(this.ms, next.dueMs)
    next.run()
    return true
  }

  /** Moves on by so much, over deadlines that are due on the way. */
  advance(byMs: number): void {
    const endMs = this.ms + byMs
    while ([...this.deadlines].some(deadline => deadline.dueMs <= endMs)) this.advanceToNext()
    this.ms = endMs
  }
}
