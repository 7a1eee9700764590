import type { PendingReply } from '../kernel/ask.ts'
import { echo } from '../kernel/echo.ts'
import type { LateReply } from '../kernel/late-reply.ts'

/** An ask that waits: who waits for its answer, and what its message says where to answer. */
export interface PooledAsk {
  readonly outer: PendingReply
  readonly late: LateReply
}

/** A message that waits for a worker. */
export class PoolItem {
  readonly message: unknown
  readonly ask: PooledAsk | null
  /** Counts all that ever waited in the pool. */
  readonly order: number
  /** Monotonic; infinite without a time to live. */
  readonly dueMs: number
  /** How many dead letters led to it. */
  readonly echoDepth = echo.depth
  next: PoolItem | null = null

  constructor(message: unknown, ask: PooledAsk | null, order: number, dueMs: number) {
    this.message = message
    this.ask = ask
    this.order = order
    this.dueMs = dueMs
  }
}

/** First in, first out, with a look at the first. */
export class PoolQueue {
  first: PoolItem | null = null
  private last: PoolItem | null = null

  push(item: PoolItem): void {
    if (this.last === null) this.first = item
    else this.last.next = item
    this.last = item
  }

  /** Call it only where an item waits. */
  shift(): PoolItem {
    const item = this.first as PoolItem
    this.first = item.next
    if (item.next === null) this.last = null
    return item
  }
}
