// A workers are told N messages each, in turn; a message is a small computation, and after N a worker ends.

import { dispatch, spawn, stop } from 'nact'
import { behavior, stopped } from 'troupe'
import { computeSine, THETA } from './random.mjs'

export const forkJoinThroughput = {
  name: 'fork-join-throughput',
  unit: 'messages/s',
  published: { messages: 10_000, actors: 60 },
  fewer: { nact: { messages: 300 } },
  quick: { messages: 50 },
  operations: ({ messages, actors }) => messages * actors,
  erlang: ({ messages, actors }) => ['fork_join_throughput', messages, actors],

  ours: (system, { messages, actors }) =>
    new Promise(done => {
      let handled = 0
      let ended = 0
      const worker = behavior({
        initial: () => 0,
        receive: (count, message) => {
          computeSine(message.theta)
          handled++
          return count + 1 === messages ? stopped() : count + 1
        },
        onStop: () => {
          if (++ended === actors) done(handled)
        },
      })
      const workers = Array.from({ length: actors }, () => system.spawn(worker))
      for (let k = 0; k < messages; k++) for (const ref of workers) ref.tell({ theta: THETA })
    }),

  nact: (system, { messages, actors }) =>
    new Promise(done => {
      let handled = 0
      let ended = 0
      const receive = (count = 0, message, context) => {
        computeSine(message.theta)
        handled++
        if (count + 1 === messages) stop(context.self)
        return count + 1
      }
      const afterStop = () => {
        if (++ended === actors) done(handled)
      }
      const workers = Array.from({ length: actors }, (_, i) => spawn(system, receive, `w${i}`, { afterStop }))
      for (let k = 0; k < messages; k++) for (const ref of workers) dispatch(ref, { theta: THETA })
    }),
}
