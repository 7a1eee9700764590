import type { Cell } from './cell.ts'

/** Chooses the member that a message goes to. */
export interface Picker {
  /** Whether the choice depends on the message. */
  readonly readsMessage: boolean
  /** Null: none that takes messages. `members` is another array whenever they have changed. */
  pick(members: readonly Cell[], message: unknown): Cell | null
}

/** One member after the other. **Bounds**: looks at each at most once, at one if none is closed. */
export class RoundRobin implements Picker {
  readonly readsMessage = false
  private next = 0

  pick(members: readonly Cell[]): Cell | null {
    const { length } = members
    for (let looked = 0; looked < length; looked++) {
      if (this.next >= length) this.next = 0
      const member = members[this.next++] as Cell
      if (!member.isClosed) return member
    }
    return null
  }
}

/**
 * The member with the fewest messages, the one in its handler counted; among equals one after the other. **Bounds**: looks
 * at each at most once, and no further than the first that is idle.
 */
export class SmallestMailbox implements Picker {
  readonly readsMessage = false
  private next = 0

  pick(members: readonly Cell[]): Cell | null {
    const { length } = members
    let best: Cell | null = null
    let fewest = Number.POSITIVE_INFINITY
    const start = this.next
    for (let looked = 0; looked < length && fewest > 0; looked++) {
      const at = (start + looked) % length
      const member = members[at] as Cell
      if (member.isClosed) continue
      const load = member.isIdle ? 0 : member.waiting + 1
      if (load >= fewest) continue
      best = member
      fewest = load
      this.next = at + 1
    }
    return best
  }
}
