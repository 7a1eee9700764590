// Ping sends, Pong answers, one message under way.

import { dispatch, spawn } from 'nact'
import { behavior } from 'troupe'

export const pingPong = {
  name: 'ping-pong',
  unit: 'pings/s',
  published: { pings: 40_000 },
  fewer: { nact: { pings: 5_000 } },
  quick: { pings: 500 },
  operations: ({ pings }) => pings,
  erlang: ({ pings }) => ['ping_pong', pings],

  ours: (system, { pings }) =>
    new Promise(done => {
      const pong = system.spawn(
        behavior({
          initial: () => null,
          receive: (state, message) => {
            message.from.tell({ from: pong })
            return state
          },
        }),
      )
      const ping = system.spawn(
        behavior({
          initial: () => 0,
          receive: (answered, message) => {
            if (answered + 1 === pings) done(pings)
            else message.from.tell({ from: ping })
            return answered + 1
          },
        }),
      )
      pong.tell({ from: ping })
    }),

  nact: (system, { pings }) =>
    new Promise(done => {
      const pong = spawn(system, (_state, message) => dispatch(message.from, { from: pong }))
      const ping = spawn(system, (answered = 0, message) => {
        if (answered + 1 === pings) done(pings)
        else dispatch(message.from, { from: ping })
        return answered + 1
      })
      dispatch(pong, { from: ping })
    }),
}
