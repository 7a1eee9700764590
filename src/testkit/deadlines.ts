import type { Cancel } from '../base/ports.ts'

interface Deadline {
  readonly dueMs: number
  readonly order: number
  run: (() => void) | null
}

/**
 * What is to run at a time of its own: a heap in the order of (due, set). A cancelled deadline stays in the heap without
 * its callback until its time comes, or until more of them are cancelled than not.
 */
export class Deadlines {
  private heap: Deadline[] = []
  private order = 0
  private live = 0

  /** Deadlines that are neither visited nor cancelled. */
  get size(): number {
    return this.live
  }

  /** When the earliest is due; null: there is none. */
  get nextDueMs(): number | null {
    this.dropCancelled()
    return this.heap[0]?.dueMs ?? null
  }

  add(dueMs: number, run: () => void): Cancel {
    const deadline: Deadline = { dueMs, order: this.order++, run }
    this.heap.push(deadline)
    this.live++
    this.moveUp(this.heap.length - 1)
    return () => this.cancel(deadline)
  }

  /** Takes out the earliest; call it only where `nextDueMs` is a number. */
  take(): () => void {
    this.dropCancelled()
    const deadline = this.pop()
    const { run } = deadline
    deadline.run = null
    this.live--
    return run as () => void
  }

  private cancel(deadline: Deadline): void {
    if (deadline.run === null) return
    deadline.run = null
    this.live--
    if (this.heap.length <= 64 || this.live * 2 > this.heap.length) return
    this.heap = this.heap.filter(each => each.run !== null).sort((a, b) => (isBefore(a, b) ? -1 : 1))
  }

  private dropCancelled(): void {
    while (this.heap[0]?.run === null) this.pop()
  }

  private pop(): Deadline {
    const [top] = this.heap as [Deadline]
    const last = this.heap.pop() as Deadline
    if (this.heap.length > 0) {
      this.heap[0] = last
      this.moveDown()
    }
    return top
  }

  private moveUp(from: number): void {
    const { heap } = this
    const deadline = heap[from] as Deadline
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!isBefore(deadline, heap[above] as Deadline)) break
      heap[at] = heap[above] as Deadline
      at = above
    }
    heap[at] = deadline
  }

  private moveDown(): void {
    const { heap } = this
    const deadline = heap[0] as Deadline
    let at = 0
    for (;;) {
      let below = at * 2 + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Deadline, heap[below] as Deadline)) below++
      if (!isBefore(heap[below] as Deadline, deadline)) break
      heap[at] = heap[below] as Deadline
      at = below
    }
    heap[at] = deadline
  }
}

const isBefore = (a: Deadline, b: Deadline): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)
