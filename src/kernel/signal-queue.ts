import type { SystemMessage } from './cell-state.ts'

/** From here on what was taken is cut off, when it is more than what is left. */
const CUT_AT = 1_024

/**
 * The signals that wait for an actor: mostly one, but a hundred thousand where all children of a supervisor end at once, and
 * then an array's `shift` takes time in proportion.
 */
export class SignalQueue {
  private items: SystemMessage[]
  private taken = 0

  /** With the first: an array that begins empty takes room for seventeen with its first push. */
  constructor(first: SystemMessage) {
    this.items = [first]
  }

  get isEmpty(): boolean {
    return this.taken === this.items.length
  }

  push(signal: SystemMessage): void {
    this.items.push(signal)
  }

  /** The oldest; call it only when there is one. */
  shift(): SystemMessage {
    const signal = this.items[this.taken++] as SystemMessage
    if (this.taken >= CUT_AT && this.taken * 2 > this.items.length) this.cut()
    return signal
  }

  some(is: (signal: SystemMessage) => boolean): boolean {
    for (let at = this.taken; at < this.items.length; at++) if (is(this.items[at] as SystemMessage)) return true
    return false
  }

  /** Keeps those that `keep` answers true for, in order. */
  filter(keep: (signal: SystemMessage) => boolean): void {
    this.cut()
    this.items = this.items.filter(keep)
  }

  private cut(): void {
    this.items = this.items.slice(this.taken)
    this.taken = 0
  }
}
