import type { Cancel, Clock } from '../../src/base/ports.ts'

interface Deadline {
  readonly dueMs: number
  readonly order: number
  readonly run: () => void
}

/**
 * Time that moves only when told. Deadlines are visited by due time, then in the order they were set, and each sees the
 * time it was set for. Wall and monotonic time move together but apart in value, and `jumpWall` moves the wall alone.
 */
export class VirtualClock implements Clock {
  private wallMs: number
  private steadyMs = 0
  private order = 0
  private readonly deadlines = new Set<Deadline>()

  constructor(wallMs = 1_700_000_000_000) {
    this.wallMs = wallMs
  }

  nowMs(): number {
    return this.wallMs
  }

  monotonicMs(): number {
    return this.steadyMs
  }

  after(delayMs: number, run: () => void): Cancel {
    const deadline = { dueMs: this.steadyMs + Math.max(0, delayMs), order: this.order++, run }
    this.deadlines.add(deadline)
    return () => this.deadlines.delete(deadline)
  }

  get pending(): number {
    return this.deadlines.size
  }

  /** Deadlines set by those that are visited are visited too, where they are due in time. */
  advance(byMs: number): void {
    const endMs = this.steadyMs + byMs
    for (let next = this.earliest(endMs); next !== null; next = this.earliest(endMs)) {
      this.deadlines.delete(next)
      this.moveTo(next.dueMs)
      next.run()
    }
    this.moveTo(endMs)
  }

  jumpWall(byMs: number): void {
    this.wallMs += byMs
  }

  private moveTo(steadyMs: number): void {
    this.wallMs += steadyMs - this.steadyMs
    this.steadyMs = steadyMs
  }

  private earliest(endMs: number): Deadline | null {
    let found: Deadline | null = null
    for (const deadline of this.deadlines)
      if (
        deadline.dueMs <= endMs &&
        (found === null ||
          deadline.dueMs < found.dueMs ||
          (deadline.dueMs === found.dueMs && deadline.order < found.order))
      )
        found = deadline
    return found
  }
}
