// Customers come to a barber who has a waiting room of W seats; who finds it full comes again, until N are served.
//
//     factory ── enter ──▶ room ── enter ──▶ barber
//        ▲  ▲               │ ▲                │ start, done
//        │  └─ returned ─ customer ◀── full, wait, done
//        └───── done ──────┘  └───── next ─────┘
//
// The factory tells itself to send the next customer, rather than to send all from one handler: on one thread the barber
// would have no turn until the last has come. How often customers come again depends on how many messages of one actor a
// scheduler runs in a row, and grows with the square of N: so all sides have the same N.

import { dispatch, spawn, stop } from 'nact'
import { behavior, stopped } from 'troupe'
import { below, busyWait, nextState } from './random.mjs'

const LEAST_WORK = 10

/** Works for as many draws as chance says, `average` at most beside the least; answers the state of chance. */
const work = (random, average) => busyWait(nextState(random), below(random, average) + LEAST_WORK)

export const sleepingBarber = {
  name: 'sleeping-barber',
  unit: 'haircuts/s',
  published: { haircuts: 5_000, seats: 1_000, productionRate: 1_000, haircutRate: 1_000 },
  fewer: {},
  quick: { haircuts: 100 },
  operations: ({ haircuts }) => haircuts,
  erlang: ({ haircuts, seats, productionRate, haircutRate }) => [
    'sleeping_barber',
    haircuts,
    seats,
    productionRate,
    haircutRate,
  ],

  ours: (system, { haircuts, seats, productionRate, haircutRate }) =>
    new Promise(done => {
      const barber = system.spawn(
        behavior({
          initial: () => 1,
          receive: (random, message) => {
            if (message.type === 'wait') return random
            message.customer.tell({ type: 'start' })
            const next = work(random, haircutRate)
            message.customer.tell({ type: 'done' })
            message.room.tell({ type: 'next' })
            return next
          },
        }),
      )
      const room = system.spawn(
        behavior({
          initial: () => ({ waiting: [], barberSleeps: true }),
          receive: (state, message, { self }) => {
            const { waiting } = state
            if (message.type === 'next') {
              state.barberSleeps = waiting.length === 0
              barber.tell(
                state.barberSleeps ? { type: 'wait' } : { type: 'enter', customer: waiting.shift(), room: self },
              )
            } else if (waiting.length === seats) message.customer.tell({ type: 'full' })
            else {
              waiting.push(message.customer)
              if (state.barberSleeps) self.tell({ type: 'next' })
              else message.customer.tell({ type: 'wait' })
              state.barberSleeps = false
            }
            return state
          },
        }),
      )
      const customer = behavior({
        initial: () => null,
        receive: (state, message, { self }) => {
          if (message.type === 'full') factory.tell({ type: 'returned', customer: self })
          if (message.type !== 'done') return state
          factory.tell({ type: 'done' })
          return stopped()
        },
      })
      const factory = system.spawn(
        behavior({
          initial: () => ({ random: 2, served: 0 }),
          receive: (state, message, { self }) => {
            switch (message.type) {
              case 'start':
                room.tell({ type: 'enter', customer: system.spawn(customer) })
                state.random = work(state.random, productionRate)
                if (message.left > 1) self.tell({ type: 'start', left: message.left - 1 })
                return state
              case 'returned':
                room.tell({ type: 'enter', customer: message.customer })
                return state
              default:
                if (++state.served === haircuts) done(state.served)
                return state
            }
          },
        }),
      )
      factory.tell({ type: 'start', left: haircuts })
    }),

  nact: (system, { haircuts, seats, productionRate, haircutRate }) =>
    new Promise(done => {
      const barber = spawn(system, (random = 1, message) => {
        if (message.type === 'wait') return random
        dispatch(message.customer, { type: 'start' })
        const next = work(random, haircutRate)
        dispatch(message.customer, { type: 'done' })
        dispatch(message.room, { type: 'next' })
        return next
      })
      const attend = (state, message, { self }) => {
        const { waiting } = state
        if (message.type === 'next') {
          state.barberSleeps = waiting.length === 0
          dispatch(
            barber,
            state.barberSleeps ? { type: 'wait' } : { type: 'enter', customer: waiting.shift(), room: self },
          )
        } else if (waiting.length === seats) dispatch(message.customer, { type: 'full' })
        else {
          waiting.push(message.customer)
          if (state.barberSleeps) dispatch(self, { type: 'next' })
          else dispatch(message.customer, { type: 'wait' })
          state.barberSleeps = false
        }
        return state
      }
      const room = spawn(system, attend, 'room', { initialState: { waiting: [], barberSleeps: true } })
      const visit = (_state, message, { self }) => {
        if (message.type === 'full') dispatch(factory, { type: 'returned', customer: self })
        if (message.type !== 'done') return
        dispatch(factory, { type: 'done' })
        stop(self)
      }
      let customers = 0
      const send = (state, message, { self }) => {
        switch (message.type) {
          case 'start':
            dispatch(room, { type: 'enter', customer: spawn(system, visit, `c${customers++}`) })
            state.random = work(state.random, productionRate)
            if (message.left > 1) dispatch(self, { type: 'start', left: message.left - 1 })
            return state
          case 'returned':
            dispatch(room, { type: 'enter', customer: message.customer })
            return state
          default:
            if (++state.served === haircuts) done(state.served)
            return state
        }
      }
      const factory = spawn(system, send, 'factory', { initialState: { random: 2, served: 0 } })
      dispatch(factory, { type: 'start', left: haircuts })
    }),
}
