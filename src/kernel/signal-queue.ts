import type { Cell } from './cell.ts'
import type { SystemMessage } from './cell-state.ts'
import { echo } from './echo.ts'

/**
 * The signals that wait for an actor: mostly one, but a hundred thousand where all children of a supervisor end at once. Each
 * is linked to its neighbours, so that one in the middle is forgotten without a look at the others:
 *
 *     first ──▶ stop ◀──▶ terminated a ◀──▶ terminated b ◀── last
 *                              ▲                 ▲
 *     ends:                    a                 b
 */
export class SignalQueue {
  private first: Waiting | null
  private last: Waiting | null
  /** Whose end is told, and where; made when first asked for, since few queues are. */
  private ends: Map<Cell, Waiting> | null = null

  constructor(first: SystemMessage) {
    this.first = new Waiting(first, null)
    this.last = this.first
  }

  get isEmpty(): boolean {
    return this.first === null
  }

  /** How many dead letters led to the oldest; call it only when there is one. */
  get echoDepth(): number {
    return (this.first as Waiting).echoDepth
  }

  push(signal: SystemMessage): void {
    const waiting = new Waiting(signal, this.last)
    if (this.last === null) this.first = waiting
    else this.last.next = waiting
    this.last = waiting
    if (this.ends !== null && signal.type === 'terminated') this.ends.set(signal.ref, waiting)
  }

  /** The oldest; call it only when there is one. */
  shift(): SystemMessage {
    const oldest = this.first as Waiting
    this.remove(oldest)
    return oldest.signal
  }

  some(is: (signal: SystemMessage) => boolean): boolean {
    for (let at = this.first; at !== null; at = at.next) if (is(at.signal)) return true
    return false
  }

  /** Keeps those that `keep` answers true for, in order. */
  filter(keep: (signal: SystemMessage) => boolean): void {
    let next: Waiting | null
    for (let at = this.first; at !== null; at = next) {
      next = at.next
      if (!keep(at.signal)) this.remove(at)
    }
  }

  /** Whether it is to be told that `cell` has ended. */
  hasEndOf(cell: Cell): boolean {
    return this.allEnds().has(cell)
  }

  /** It is not to be told that `cell` has ended. */
  forgetEndOf(cell: Cell): void {
    const end = this.allEnds().get(cell)
    if (end !== undefined) this.remove(end)
  }

  /** An actor's end is told once, so there is one place for each. */
  private allEnds(): Map<Cell, Waiting> {
    if (this.ends !== null) return this.ends
    this.ends = new Map()
    for (let at = this.first; at !== null; at = at.next)
      if (at.signal.type === 'terminated') this.ends.set(at.signal.ref, at)
    return this.ends
  }

  private remove(waiting: Waiting): void {
    const { signal, previous, next } = waiting
    // One that was taken is not to keep those behind it from the garbage collector.
    waiting.next = null
    if (previous === null) this.first = next
    else previous.next = next
    if (next === null) this.last = previous
    else next.previous = previous
    if (this.ends !== null && signal.type === 'terminated') this.ends.delete(signal.ref)
  }
}

class Waiting {
  readonly signal: SystemMessage
  previous: Waiting | null
  next: Waiting | null = null
  readonly echoDepth = echo.depth

  constructor(signal: SystemMessage, previous: Waiting | null) {
    this.signal = signal
    this.previous = previous
  }
}
