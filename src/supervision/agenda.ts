import type { ChildExited } from '../kernel/cell.ts'
import type { Child } from './children.ts'

/** Takes the place of one entry of the agenda in the supervisor's mailbox. */
export const NEXT: unique symbol = Symbol('troupe.supervisor.next')

/**
 * The ends of children and the restarts that are to be tried again, in the order in which a mailbox without signals
 * would hold them: an end that was noticed during a failed restart comes before the next try, later ones after it. Each
 * entry has a `NEXT` in the mailbox, so control messages come in between where they arrived.
 *
 *     mailbox  [NEXT] [which-children] [NEXT] [NEXT]
 *     agenda   [exit a]                [exit b] [try c]
 */
export class Agenda {
  private readonly entries: (ChildExited | Child)[] = []
  /** Of the handler that ended last: the signals that came in while it ran are still to be seen, and go first. */
  private retry: Child | null = null

  childExited(exit: ChildExited): void {
    this.entries.push(exit)
  }

  /** At the end of the handler in which `child` failed to start. */
  tryAgain(child: Child): void {
    this.retry = child
  }

  /** At the start of a handler: all signals before it have been seen. */
  signalsSeen(): void {
    if (this.retry !== null) this.entries.push(this.retry)
    this.retry = null
  }

  /** Undefined: the NEXT was left behind by an incarnation before. */
  take(): ChildExited | Child | undefined {
    return this.entries.shift()
  }
}
