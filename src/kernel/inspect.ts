import type { Cell } from './cell.ts'

/**
 * `starting`: its `initial` runs, or is about to. `up`: takes messages. `busy`: its handler waits for a promise. `ending`:
 * its children end, or its stop hook runs. `suspended`: between two incarnations, as its supervisor decides.
 */
export type ActorStateName = 'starting' | 'up' | 'busy' | 'ending' | 'suspended' | 'stopped'

/** In the order of the cell's states. */
export const STATE_NAMES: readonly ActorStateName[] = [
  'starting',
  'starting',
  'up',
  'busy',
  'ending',
  'suspended',
  'stopped',
]

/** An actor as `system.inspect()` found it. */
export interface ActorInfo {
  readonly name: string
  readonly path: string
  readonly state: ActorStateName
  /** Messages that wait. */
  readonly mailbox: number
  /** Messages set aside by its handlers. */
  readonly stashed: number
  /** Messages taken from the mailbox by all its incarnations; those of the running turn come in at its end. */
  readonly handled: number
  /** Incarnations beyond the first. */
  readonly restarts: number
  /** What ended the last incarnation that failed. */
  readonly lastError: Error | null
  /** In the order of their start. */
  readonly children: readonly ActorInfo[]
}

type Growing = ActorInfo & { readonly children: ActorInfo[] }

/** The trees below `cells`, which are found at `path`. A loop, since a tree may be deeper than the stack. */
export const inspect = (cells: Iterable<Cell>, path: string): readonly ActorInfo[] => {
  const top: ActorInfo[] = []
  const open: { readonly cells: Iterable<Cell>; readonly path: string; readonly into: ActorInfo[] }[] = [
    { cells, path, into: top },
  ]
  for (let next = open.pop(); next !== undefined; next = open.pop())
    for (const cell of next.cells) {
      const info = infoOf(cell, next.path)
      next.into.push(info)
      open.push({ cells: cell.children(), path: info.path, into: info.children })
    }
  return top
}

const infoOf = (cell: Cell, above: string): Growing => ({
  name: cell.name,
  path: `${above}/${cell.segment}`,
  state: cell.stateName,
  mailbox: cell.waiting,
  stashed: cell.stashedCount,
  handled: cell.handledCount,
  restarts: Math.max(0, cell.incarnation - 1),
  lastError: cell.lastError,
  children: [],
})
