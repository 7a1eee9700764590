// A system to bench in, and nothing left of it afterwards: ours and nact's.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { start, stop } from 'nact'
import { ActorSystem } from 'troupe'

export async function withTroupe(run) {
  const system = ActorSystem.start({ name: 'bench' })
  try {
    return await run(system)
  } finally {
    await system.terminate()
  }
}

let nactSystems = 0

/** nact keeps its systems in a global map, by name. */
export async function withNact(run) {
  const system = start(`bench-${nactSystems++}`)
  try {
    return await run(system)
  } finally {
    stop(system)
    await nextTurn()
  }
}
