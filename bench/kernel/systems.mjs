// A system to bench in, and nothing left of it afterwards: ours and nact's.
//
// One of each lives as long as the process, as it does where actors are hosted: when the last object of a shape dies, V8
// throws away the code that was compiled for it, and every sample would measure compilers.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { dispatch, spawn, start, stop } from 'nact'
import { ActorSystem, behavior } from 'troupe'

function keepTroupe() {
  const actor = ActorSystem.start({ name: 'kept' }).spawn(behavior({ initial: () => 0, receive: count => count + 1 }))
  for (let i = 0; i < 3; i++) actor.tell({ i })
  return actor
}

function keepNact() {
  const actor = spawn(start('kept'), (count = 0) => count + 1)
  for (let i = 0; i < 3; i++) dispatch(actor, { i })
  return actor
}

export const kept = [keepTroupe(), keepNact()]

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
