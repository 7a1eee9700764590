import { Ring } from './ring.ts'

/** What waits of one urgency, oldest first. */
class Level {
  readonly urgency: number
  readonly items = new Ring<unknown>()
  constructor(urgency: number) {
    this.urgency = urgency
  }
}

/**
 * A mailbox in the order of urgency: the smallest number first, equals in the order they came. It is a heap of the distinct
 * numbers, each with a ring of its own. Mostly those are few, and a message costs little more than in a plain ring; with
 * every number distinct it costs a heap's logarithm.
 *
 *     heap    1 ── 5 ── 9          shift: [m4], then [m1 m3 m6], then [m2 m5]
 *     rings  m4   m1   m2
 *                 m3   m5
 *                 m6
 */
export class PriorityQueue {
  length = 0
  private readonly heap: Level[] = []
  private readonly levels = new Map<number, Level>()
  private readonly urgencyOf: (item: unknown) => number

  /** `urgencyOf` must not throw, nor answer NaN. */
  constructor(urgencyOf: (item: unknown) => number) {
    this.urgencyOf = urgencyOf
  }

  get isEmpty(): boolean {
    return this.length === 0
  }

  push(item: unknown): void {
    this.levelOf(item).items.push(item)
    this.length++
  }

  /** Puts `item` ahead of its equals. */
  unshift(item: unknown): void {
    this.levelOf(item).items.unshift(item)
    this.length++
  }

  /** The most urgent item, the oldest of equals; call it only when there is one. */
  shift(): unknown {
    return this.takeFrom(0, 'oldest')
  }

  /** Takes out one of the least urgent items. Looks through the distinct urgencies that wait: for a full mailbox only. */
  shed(which: 'oldest' | 'newest'): unknown {
    let least = 0
    for (let at = 1; at < this.heap.length; at++)
      if ((this.heap[at] as Level).urgency > (this.heap[least] as Level).urgency) least = at
    return this.takeFrom(least, which)
  }

  /** Keeps the items that `keep` answers true for, in order. */
  filter(keep: (item: unknown) => boolean): void {
    for (let at = this.heap.length - 1; at >= 0; at--) {
      const { items } = this.heap[at] as Level
      this.length -= items.length
      items.filter(keep)
      this.length += items.length
    }
    for (const level of [...this.heap]) if (level.items.isEmpty) this.forget(this.heap.indexOf(level))
  }

  private levelOf(item: unknown): Level {
    const urgency = this.urgencyOf(item)
    let level = this.levels.get(urgency)
    if (level === undefined) {
      level = new Level(urgency)
      this.levels.set(urgency, level)
      this.heap.push(level)
      this.moveUp(this.heap.length - 1)
    }
    return level
  }

  private takeFrom(at: number, which: 'oldest' | 'newest'): unknown {
    const { items } = this.heap[at] as Level
    const item = which === 'oldest' ? items.shift() : items.pop()
    this.length--
    if (items.isEmpty) this.forget(at)
    return item
  }

  private forget(at: number): void {
    const { heap } = this
    this.levels.delete((heap[at] as Level).urgency)
    const last = heap.pop() as Level
    if (at === heap.length) return
    heap[at] = last
    this.moveUp(at)
    this.moveDown(at)
  }

  private moveUp(from: number): void {
    const { heap } = this
    const level = heap[from] as Level
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      if ((heap[above] as Level).urgency <= level.urgency) break
      heap[at] = heap[above] as Level
      at = above
    }
    heap[at] = level
  }

  private moveDown(from: number): void {
    const { heap } = this
    const level = heap[from] as Level
    let at = from
    for (;;) {
      let below = at * 2 + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && (heap[below + 1] as Level).urgency < (heap[below] as Level).urgency) below++
      if ((heap[below] as Level).urgency >= level.urgency) break
      heap[at] = heap[below] as Level
      at = below
    }
    heap[at] = level
  }
}
