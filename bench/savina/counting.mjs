// A producer sends N increments to a counter without waiting, and then asks for the count.

import { dispatch, spawn } from 'nact'
import { behavior } from 'troupe'

export const counting = {
  name: 'counting',
  unit: 'messages/s',
  published: { messages: 1_000_000 },
  fewer: { nact: { messages: 20_000 } },
  quick: { messages: 5_000 },
  operations: ({ messages }) => messages,
  erlang: ({ messages }) => ['counting', messages],

  ours: (system, { messages }) =>
    new Promise(done => {
      const counter = system.spawn(
        behavior({
          initial: () => 0,
          receive: (count, message) => {
            if (message.type === 'increment') return count + 1
            message.replyTo.tell({ type: 'count', count })
            return count
          },
        }),
      )
      const producer = system.spawn(
        behavior({
          initial: () => null,
          receive: (state, message) => {
            if (message.type === 'count') done(message.count)
            else {
              for (let i = 0; i < messages; i++) counter.tell({ type: 'increment' })
              counter.tell({ type: 'retrieve', replyTo: producer })
            }
            return state
          },
        }),
      )
      producer.tell({ type: 'start' })
    }),

  nact: (system, { messages }) =>
    new Promise(done => {
      const counter = spawn(system, (count = 0, message) => {
        if (message.type === 'increment') return count + 1
        dispatch(message.replyTo, { type: 'count', count })
        return count
      })
      const producer = spawn(system, (_state, message) => {
        if (message.type === 'count') done(message.count)
        else {
          for (let i = 0; i < messages; i++) dispatch(counter, { type: 'increment' })
          dispatch(counter, { type: 'retrieve', replyTo: producer })
        }
      })
      dispatch(producer, { type: 'start' })
    }),
}
