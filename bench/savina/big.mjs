// W actors, each of which sends N pings to neighbours drawn by chance, one under way at a time, and answers the others'.

import { dispatch, spawn } from 'nact'
import { behavior } from 'troupe'
import { below, nextState } from './random.mjs'

export const big = {
  name: 'big',
  unit: 'pings/s',
  published: { pings: 20_000, actors: 120 },
  fewer: { nact: { pings: 100 }, erlang: { pings: 4_000 } },
  quick: { pings: 5 },
  operations: ({ pings, actors }) => pings * actors,
  erlang: ({ pings, actors }) => ['big', pings, actors],

  ours: (system, { pings, actors }) =>
    new Promise(done => {
      let exits = 0
      let answered = 0
      const neighbours = []
      const sink = system.spawn(
        behavior({
          initial: () => null,
          receive: (state, message) => {
            answered += message.answered
            if (++exits === actors) done(answered)
            return state
          },
        }),
      )
      const member = seed =>
        behavior({
          initial: () => ({ random: seed, sent: 0 }),
          receive: (state, message, { self }) => {
            if (message.type === 'ping') message.from.tell({ type: 'pong', from: self })
            else if (state.sent === pings) sink.tell({ answered: state.sent })
            else {
              state.sent++
              state.random = nextState(state.random)
              neighbours[below(state.random, actors)].tell({ type: 'ping', from: self })
            }
            return state
          },
        })
      for (let i = 0; i < actors; i++) neighbours.push(system.spawn(member(i)))
      for (const neighbour of neighbours) neighbour.tell({ type: 'pong', from: sink })
    }),

  nact: (system, { pings, actors }) =>
    new Promise(done => {
      let exits = 0
      let answered = 0
      const neighbours = []
      const sink = spawn(system, (_state, message) => {
        answered += message.answered
        if (++exits === actors) done(answered)
      })
      const receive = (state, message, { self }) => {
        if (message.type === 'ping') dispatch(message.from, { type: 'pong', from: self })
        else if (state.sent === pings) dispatch(sink, { answered: state.sent })
        else {
          state.sent++
          state.random = nextState(state.random)
          dispatch(neighbours[below(state.random, actors)], { type: 'ping', from: self })
        }
        return state
      }
      for (let i = 0; i < actors; i++)
        neighbours.push(spawn(system, receive, `b${i}`, { initialState: { random: i, sent: 0 } }))
      for (const neighbour of neighbours) dispatch(neighbour, { type: 'pong', from: sink })
    }),
}
