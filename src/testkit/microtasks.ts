import { systemExecutor } from '../base/ports.ts'

/**
 * Resolves when every promise that can settle by itself has: Node runs its ticks once the queue of microtasks is empty,
 * and not before. Costs a fraction of a microsecond, and gives the event loop no turn.
 */
export const microtasksDone = async (): Promise<void> => {
  // From a microtask: a tick asked for within a tick would run ahead of the microtasks.
  await null
  await new Promise<void>(resolve => process.nextTick(resolve))
}

/** Resolves after timers and sockets had their turn. */
export const eventLoopTurn = (): Promise<void> => new Promise(resolve => systemExecutor.later(resolve))
