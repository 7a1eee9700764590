import type { EventStore } from '../persistence/event-store.ts'

/** A cursor costs a write: while its view runs it moves on once it is so far behind. Units: records. */
export const CURSOR_LAG_MAX = 1_024

/**
 * A view's cursors in the log that it reads, such as bridges have: what is deleted leaves the log for good once every cursor
 * has passed it, and a view that is behind, or does not run now, has yet to come to it. Where a view goes on is told by its
 * own offsets, written with its rows; so these may be behind.
 */
export class LogCursors {
  private readonly store: EventStore
  private readonly group: string
  /** By partition, as this process has set them. */
  private readonly positions: number[] = []

  constructor(store: EventStore, view: string) {
    this.store = store
    this.group = `view ${view}`
  }

  /** `positionOf` a partition: up to where all of the view that is being kept up is written. `lagMax`: in records. */
  follow(positionOf: (partition: number) => number, lagMax: number): void {
    for (let partition = 0; partition < this.store.journal.partitions; partition++) {
      const position = positionOf(partition)
      const before = this.positions[partition]
      // At once where it begins, and back to the begin where it is made anew.
      if (before !== undefined && position >= before && position <= before + lagMax) continue
      this.positions[partition] = position
      this.store.moveCursor(partition, this.group, position)
    }
  }
}
