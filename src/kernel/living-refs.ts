import type { Cell } from './cell.ts'
import type { DeathWatch, EndListener } from './death-watch.ts'

/** A set of refs in the order they were added, which an actor leaves by itself when it ends for good. */
export class LivingRefs implements EndListener {
  private readonly cells = new Set<Cell>()
  private readonly deathWatch: DeathWatch
  private readonly changed: () => void
  private snapshot: readonly Cell[] | null = null

  /** `changed` is called after every addition and removal. */
  constructor(deathWatch: DeathWatch, changed: () => void = () => undefined) {
    this.deathWatch = deathWatch
    this.changed = changed
  }

  /** A new array after a change, and the same one until then: who walks it may add and remove meanwhile. */
  get refs(): readonly Cell[] {
    this.snapshot ??= [...this.cells]
    return this.snapshot
  }

  get size(): number {
    return this.cells.size
  }

  /** Each ref is in it once. An actor that has ended is not taken. */
  add(cell: Cell): void {
    if (cell.isStopped || this.cells.has(cell)) return
    this.cells.add(cell)
    this.deathWatch.watch(cell, this)
    this.change()
  }

  remove(cell: Cell): void {
    if (!this.cells.delete(cell)) return
    this.deathWatch.unwatch(cell, this)
    this.change()
  }

  clear(): void {
    for (const cell of [...this.cells]) this.remove(cell)
  }

  /** Leaves out at once who has ended in this very turn and is not known to have yet. */
  prune(): void {
    for (const cell of this.refs) if (cell.isStopped) this.remove(cell)
  }

  ended(cell: Cell): void {
    if (this.cells.delete(cell)) this.change()
  }

  private change(): void {
    this.snapshot = null
    this.changed()
  }
}
