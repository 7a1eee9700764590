// A token goes round a ring of N actors for R hops; then the news of the end goes round once, and each actor ends.

import { dispatch, spawn, stop } from 'nact'
import { behavior, stopped } from 'troupe'

export const threadRing = {
  name: 'thread-ring',
  unit: 'hops/s',
  published: { actors: 100, hops: 100_000 },
  fewer: { nact: { hops: 10_000 } },
  quick: { hops: 1_000 },
  operations: ({ hops }) => hops,
  erlang: ({ actors, hops }) => ['thread_ring', actors, hops],

  ours: (system, { actors, hops }) =>
    new Promise(done => {
      let hopped = 0
      let ended = 0
      const ring = []
      const member = index =>
        behavior({
          initial: () => ring[(index + 1) % actors],
          receive: (next, message) => {
            if (message.type === 'exit') {
              if (message.left > 1) next.tell({ type: 'exit', left: message.left - 1 })
              return stopped()
            }
            hopped++
            next.tell(message.left > 1 ? { type: 'ping', left: message.left - 1 } : { type: 'exit', left: actors })
            return next
          },
          onStop: () => {
            if (++ended === actors) done(hopped)
          },
        })
      for (let i = 0; i < actors; i++) ring.push(system.spawn(member(i)))
      ring[0].tell({ type: 'ping', left: hops })
    }),

  nact: (system, { actors, hops }) =>
    new Promise(done => {
      let hopped = 0
      let ended = 0
      const ring = []
      const member = index => (_state, message, context) => {
        const next = ring[(index + 1) % actors]
        if (message.type === 'exit') {
          if (message.left > 1) dispatch(next, { type: 'exit', left: message.left - 1 })
          stop(context.self)
          return
        }
        hopped++
        dispatch(next, message.left > 1 ? { type: 'ping', left: message.left - 1 } : { type: 'exit', left: actors })
      }
      const afterStop = () => {
        if (++ended === actors) done(hopped)
      }
      for (let i = 0; i < actors; i++) ring.push(spawn(system, member(i), `m${i}`, { afterStop }))
      dispatch(ring[0], { type: 'ping', left: hops })
    }),
}
