/**
 * The index of heads is written behind the log: a generation of heads that left the recent ones goes to the store in
 * slices, each within a commit's own transaction, so that it costs no flush of its own. When a generation is through,
 * the position at which it ended is the checkpoint: only the log after it has to be scanned after a crash.
 *
 *     log  |-------- in the index --------| checkpoint |--- being written in slices ---|--- recent, in memory ---|
 */

import type { HeadEntry } from '../packed/engine.ts'

export interface HeadSlice {
  readonly entries: readonly HeadEntry[]
  /** Set with the last slice of a generation. */
  readonly checkpoint: number | null
}

export class WriteBehind {
  #source: Iterator<HeadEntry> | null = null
  #endsAt = 0
  /** Handed out and not confirmed: it is handed out again until it is. */
  #slice: HeadSlice | null = null

  /** Whether the last generation is in the store. */
  get idle(): boolean {
    return this.#source === null && this.#slice === null
  }

  begin(entries: Iterable<HeadEntry>, lastPosition: number): void {
    this.#source = entries[Symbol.iterator]()
    this.#endsAt = lastPosition
  }

  /** What to write now, about `count` heads; null when there is nothing. */
  next(count: number): HeadSlice | null {
    if (this.#slice !== null || this.#source === null) return this.#slice
    const entries: HeadEntry[] = []
    let checkpoint: number | null = null
    while (entries.length < count) {
      const { done, value } = this.#source.next()
      if (done === true) {
        checkpoint = this.#endsAt
        this.#source = null
        break
      }
      if (value.dirty) entries.push(value)
    }
    this.#slice = { entries, checkpoint }
    return this.#slice
  }

  /** Everything is in the store: what was to be written behind is not any more. */
  settle(): void {
    this.#source = null
    this.confirm()
  }

  /** The slice of the last `next` is in the store. */
  confirm(): void {
    if (this.#slice !== null) for (const entry of this.#slice.entries) entry.dirty = false
    this.#slice = null
  }
}
