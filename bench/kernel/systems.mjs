// A system to bench in, and nothing left of it afterwards: ours and nact's.
//
// One of each lives as long as the process, as it does where actors are hosted: when the last object of a shape dies, V8
// throws away the code that was compiled for it, and every sample would measure compilers.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { dispatch, spawn, start, stop } from 'nact'
import { ActorSystem, behavior } from 'troupe'

function keepTroupe() {
  const system = ActorSystem.start({ name: 'kept' })
  const idle = system.spawn(behavior({ initial: () => 0, receive: count => count + 1 }))
  for (let i = 0; i < 3; i++) idle.tell({ i })
  // Its handler never ends, so that what few actors have is there too: messages, offers and an ask that wait.
  const busy = system.spawn(
    behavior({
      mailbox: { capacity: 1, overflow: 'backpressure' },
      initial: () => 0,
      receive: () => new Promise(() => undefined),
    }),
  )
  const waiting = [busy.ask(replyTo => ({ replyTo })), ...[1, 2, 3].map(i => busy.offer({ i }))]
  return { system, idle, busy, waiting }
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
