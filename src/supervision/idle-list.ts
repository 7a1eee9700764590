import type { Entry } from './entity-host.ts'

/**
 * The entities with nothing to do, the one that has been idle for longest first. A list through the entries themselves:
 * an entity enters it after each turn of its own and leaves it with its next message, and a Map that is used so keeps a
 * hole for everyone that left, through which each search for the first would walk.
 */
export class IdleList {
  private first: Entry | null = null
  private last: Entry | null = null

  get oldest(): Entry | null {
    return this.first
  }

  /** Puts it at the end, wherever it was. */
  add(entry: Entry): void {
    if (this.last === entry) return
    if (entry.isListed) this.remove(entry)
    entry.isListed = true
    entry.olderIdle = this.last
    if (this.last === null) this.first = entry
    else this.last.youngerIdle = entry
    this.last = entry
  }

  remove(entry: Entry): void {
    if (!entry.isListed) return
    const { olderIdle, youngerIdle } = entry
    if (olderIdle === null) this.first = youngerIdle
    else olderIdle.youngerIdle = youngerIdle
    if (youngerIdle === null) this.last = olderIdle
    else youngerIdle.olderIdle = olderIdle
    entry.olderIdle = null
    entry.youngerIdle = null
    entry.isListed = false
  }
}
