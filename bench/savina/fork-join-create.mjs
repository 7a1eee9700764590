// N workers are made at once; each handles one message, a small computation, and ends.

import { dispatch, spawn, stop } from 'nact'
import { behavior, stopped } from 'troupe'
import { computeSine, THETA } from './random.mjs'

export const forkJoinCreate = {
  name: 'fork-join-create',
  unit: 'actors/s',
  published: { actors: 40_000 },
  fewer: { nact: { actors: 10_000 } },
  quick: { actors: 1_000 },
  operations: ({ actors }) => actors,
  erlang: ({ actors }) => ['fork_join_create', actors],

  ours: (system, { actors }) =>
    new Promise(done => {
      let ended = 0
      const worker = behavior({
        initial: () => null,
        receive: (_state, message) => {
          computeSine(message.theta)
          return stopped()
        },
        onStop: () => {
          if (++ended === actors) done(ended)
        },
      })
      for (let i = 0; i < actors; i++) system.spawn(worker).tell({ theta: THETA })
    }),

  nact: (system, { actors }) =>
    new Promise(done => {
      let ended = 0
      const receive = (_state, message, context) => {
        computeSine(message.theta)
        stop(context.self)
      }
      const afterStop = () => {
        if (++ended === actors) done(ended)
      }
      for (let i = 0; i < actors; i++) dispatch(spawn(system, receive, `w${i}`, { afterStop }), { theta: THETA })
    }),
}
