/**
 * A queue as a power-of-two ring. An empty slot holds `undefined`, but emptiness is known from the ends, so any value may
 * be queued.
 *
 *      head          tail
 *       v             v
 *     [ m3 | m4 | m5 |   |   |   | m1?…        index & mask, wraps around
 */
const SMALLEST = 8
/** Slots of all the rings at rest that are kept for the next actor that gets a message: 2 MB. */
const POOLED_SLOTS_MAX = 262_144

export class Ring<Item> {
  private slots: (Item | undefined)[] = new Array(SMALLEST)
  private mask = SMALLEST - 1
  private head = 0
  private tail = 0

  get length(): number {
    return (this.tail - this.head) & this.mask
  }

  get isEmpty(): boolean {
    return this.head === this.tail
  }

  push(item: Item): void {
    this.slots[this.tail] = item
    this.tail = (this.tail + 1) & this.mask
    if (this.tail === this.head) this.grow()
  }

  /** The oldest item; call it only when there is one. */
  shift(): Item {
    const item = this.slots[this.head] as Item
    this.slots[this.head] = undefined
    this.head = (this.head + 1) & this.mask
    return item
  }

  /** Puts `item` ahead of all. */
  unshift(item: Item): void {
    this.head = (this.head - 1) & this.mask
    this.slots[this.head] = item
    if (this.tail === this.head) this.grow()
  }

  /** The newest item; call it only when there is one. */
  pop(): Item {
    this.tail = (this.tail - 1) & this.mask
    const item = this.slots[this.tail] as Item
    this.slots[this.tail] = undefined
    return item
  }

  /** Keeps the items that `keep` answers true for, in order. */
  filter(keep: (item: Item) => boolean): void {
    for (let left = this.length; left > 0; left--) {
      const item = this.shift()
      if (keep(item)) this.push(item)
    }
  }

  /** Slots, used or not. */
  get size(): number {
    return this.mask + 1
  }

  private grow(): void {
    const size = this.mask + 1
    const slots: (Item | undefined)[] = new Array(size * 2)
    for (let i = 0; i < size; i++) slots[i] = this.slots[(this.head + i) & this.mask]
    this.slots = slots
    this.head = 0
    this.tail = size
    this.mask = size * 2 - 1
  }
}

/**
 * Rings of idle actors, handed to the next busy one: a million idle actors hold no ring at all, and an actor that wakes
 * for one message, or for the next burst of thousands, does not allocate.
 */
export class RingPool<Item> {
  private readonly free: Ring<Item>[] = []
  private slots = 0

  take(): Ring<Item> {
    const ring = this.free.pop()
    if (ring === undefined) return new Ring()
    this.slots -= ring.size
    return ring
  }

  /** Call it only with an empty ring that nobody uses any more. */
  give(ring: Ring<Item>): void {
    if (this.slots + ring.size > POOLED_SLOTS_MAX) return
    this.slots += ring.size
    this.free.push(ring)
  }
}
