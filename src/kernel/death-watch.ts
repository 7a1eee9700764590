import { behavior } from './behavior.ts'
import { Cell } from './cell.ts'
import type { CellSystem } from './cell-state.ts'
import type { ExitReason } from './types.ts'

/** Who wants to know that an actor has ended for good, and is no actor itself. */
export interface EndListener {
  ended(cell: Cell, reason: ExitReason): void
}

/**
 * Watches actors for those parts of the runtime that are no actors: one watching actor for the whole system, so that a
 * ref in ten registries has one watcher.
 */
export class DeathWatch {
  private readonly watcher: Cell
  private readonly listeners = new Map<Cell, Set<EndListener>>()

  constructor(system: CellSystem) {
    const watching = behavior<never, null>({
      initial: () => null,
      receive: state => state,
      onSignal: (state, signal) => {
        if (signal.type === 'terminated') this.tellEnd(signal.ref as unknown as Cell, signal.reason)
        return state
      },
    })
    // Beside the tree, so that it still works while the last actor of the system ends.
    this.watcher = new Cell(system, null, watching, 'death-watch', false)
  }

  /** Calls `listener` once, in a turn of its own, when `cell` has ended for good: also when it has ended already. */
  watch(cell: Cell, listener: EndListener): void {
    const listeners = this.listeners.get(cell)
    if (listeners !== undefined) {
      listeners.add(listener)
      return
    }
    this.listeners.set(cell, new Set([listener]))
    this.watcher.watch(cell)
  }

  unwatch(cell: Cell, listener: EndListener): void {
    const listeners = this.listeners.get(cell)
    if (listeners === undefined || !listeners.delete(listener) || listeners.size > 0) return
    this.listeners.delete(cell)
    this.watcher.unwatch(cell)
  }

  private tellEnd(cell: Cell, reason: ExitReason): void {
    const listeners = this.listeners.get(cell)
    if (listeners === undefined) return
    this.listeners.delete(cell)
    for (const listener of listeners) listener.ended(cell, reason)
  }
}

const watches = new WeakMap<CellSystem, DeathWatch>()

/** The one of that system, made on first use: who registers nothing pays nothing. */
export const deathWatchOf = (system: CellSystem): DeathWatch => {
  let watch = watches.get(system)
  if (watch === undefined) {
    watch = new DeathWatch(system)
    watches.set(system, watch)
  }
  return watch
}
