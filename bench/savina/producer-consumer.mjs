// Producers hand items to consumers through a buffer with room for 50.
//
// Ours has real backpressure: buffer and consumers have bounded mailboxes, `offer` waits for room, and so a full buffer
// holds up its producers. nact and Erlang have no bounded mailboxes, so theirs is Savina's own protocol: a manager that
// says who may produce and whose turn it is to consume.

import { dispatch, spawn } from 'nact'
import { behavior, stopped } from 'troupe'
import { processItem } from './random.mjs'

const workload = {
  unit: 'items/s',
  operations: ({ producers, items }) => producers * items,
  erlang: ({ buffer, producers, consumers, items, cost }) => [
    'producer_consumer',
    buffer,
    producers,
    consumers,
    items,
    cost,
  ],

  ours: (system, { buffer: capacity, producers, consumers, items, cost }) =>
    new Promise(done => {
      let consumed = 0
      const consumer = behavior({
        mailbox: { capacity: 1, overflow: 'backpressure' },
        initial: () => 0,
        receive: (result, { item }) => {
          if (++consumed === producers * items) done(consumed)
          return processItem(result + item, cost)
        },
      })
      const outlets = Array.from({ length: consumers }, () => system.spawn(consumer))
      const buffer = system.spawn(
        behavior({
          mailbox: { capacity, overflow: 'backpressure' },
          initial: () => 0,
          receive: async (turn, { item }) => {
            await outlets[turn].offer({ item })
            return (turn + 1) % consumers
          },
        }),
      )
      const producer = behavior({
        initial: () => ({ item: 0, left: items }),
        receive: async (state, _message, { self }) => {
          state.item = processItem(state.item, cost)
          await buffer.offer({ item: state.item })
          if (--state.left === 0) return stopped()
          self.tell({ type: 'produce' })
          return state
        },
      })
      for (let i = 0; i < producers; i++) system.spawn(producer).tell({ type: 'produce' })
    }),

  nact: (system, { buffer: capacity, producers, consumers, items, cost }) =>
    new Promise(done => {
      let consumed = 0
      const pending = []
      const held = []
      const free = []
      const manager = spawn(system, (_state, message) => {
        if (message.type === 'item') {
          if (free.length === 0) pending.push(message)
          else dispatch(free.shift(), message)
          if (pending.length >= capacity - producers) held.push(message.from)
          else dispatch(message.from, { type: 'produce' })
          return
        }
        if (pending.length === 0) {
          free.push(message.from)
          return
        }
        dispatch(message.from, pending.shift())
        if (held.length > 0) dispatch(held.shift(), { type: 'produce' })
      })
      const consume = (result = 0, { item }, { self }) => {
        if (++consumed === producers * items) done(consumed)
        const next = processItem(result + item, cost)
        dispatch(manager, { type: 'free', from: self })
        return next
      }
      const produce = (state, _message, { self }) => {
        if (state.left === 0) return state
        state.left--
        state.item = processItem(state.item, cost)
        dispatch(manager, { type: 'item', item: state.item, from: self })
        return state
      }
      for (let i = 0; i < consumers; i++) free.push(spawn(system, consume, `c${i}`))
      for (let i = 0; i < producers; i++)
        dispatch(spawn(system, produce, `p${i}`, { initialState: { item: 0, left: items } }), { type: 'produce' })
    }),
}

const published = { buffer: 50, producers: 40, consumers: 40, items: 1_000, cost: 25 }

export const producerConsumer = {
  ...workload,
  name: 'producer-consumer',
  published,
  fewer: { nact: { items: 100 }, erlang: { items: 100 } },
  quick: { items: 5 },
}

/** At cost 25 an item is 5,000 logarithms on every side. This is what handing it over costs: one on each end. */
export const producerConsumerAtNoCost = {
  ...workload,
  name: 'producer-consumer-0',
  published: { ...published, cost: 0 },
  fewer: { nact: { items: 100 } },
  quick: { items: 10 },
}
