// Chameneos meet in pairs at a mall, change colour and come again, until there were enough meetings; then they fade.

import { dispatch, spawn } from 'nact'
import { behavior } from 'troupe'

/** Colours are 0, 1, 2: two of a kind stay as they are, two that differ take the third. */
const complement = (mine, other) => (mine === other ? mine : 3 - mine - other)

export const chameneos = {
  name: 'chameneos',
  unit: 'meetings/s',
  published: { chameneos: 100, meetings: 200_000 },
  fewer: { nact: { meetings: 3_000 } },
  quick: { meetings: 300 },
  operations: ({ meetings }) => meetings,
  erlang: parameters => ['chameneos', parameters.chameneos, parameters.meetings],

  ours: (system, parameters) =>
    new Promise(done => {
      let { meetings } = parameters
      let waiting = null
      let met = 0
      let faded = 0
      const mall = system.spawn(
        behavior({
          initial: () => null,
          receive: (state, message) => {
            if (message.type === 'faded') {
              met += message.met
              if (++faded === parameters.chameneos) done(met / 2)
            } else if (meetings === 0) message.from.tell({ type: 'exit', colour: 0, from: mall })
            else if (waiting === null) waiting = message.from
            else {
              meetings--
              waiting.tell(message)
              waiting = null
            }
            return state
          },
        }),
      )
      const chameneo = behavior({
        initial: () => ({ colour: 0, met: 0 }),
        receive: (state, message, { self }) => {
          switch (message.type) {
            case 'start':
              state.colour = message.colour
              break
            case 'meet':
              state.colour = complement(state.colour, message.colour)
              state.met++
              message.from.tell({ type: 'change', colour: state.colour, from: self })
              break
            case 'change':
              state.colour = message.colour
              state.met++
              break
            case 'exit':
              message.from.tell({ type: 'faded', met: state.met })
              return state
          }
          mall.tell({ type: 'meet', colour: state.colour, from: self })
          return state
        },
      })
      for (let i = 0; i < parameters.chameneos; i++)
        system.spawn(chameneo).tell({ type: 'start', colour: i % 3, from: mall })
    }),

  nact: (system, parameters) =>
    new Promise(done => {
      let { meetings } = parameters
      let waiting = null
      let met = 0
      let faded = 0
      const mall = spawn(system, (_state, message) => {
        if (message.type === 'faded') {
          met += message.met
          if (++faded === parameters.chameneos) done(met / 2)
        } else if (meetings === 0) dispatch(message.from, { type: 'exit', colour: 0, from: mall })
        else if (waiting === null) waiting = message.from
        else {
          meetings--
          dispatch(waiting, message)
          waiting = null
        }
      })
      const chameneo = (state, message, { self }) => {
        switch (message.type) {
          case 'start':
            state.colour = message.colour
            break
          case 'meet':
            state.colour = complement(state.colour, message.colour)
            state.met++
            dispatch(message.from, { type: 'change', colour: state.colour, from: self })
            break
          case 'change':
            state.colour = message.colour
            state.met++
            break
          case 'exit':
            dispatch(message.from, { type: 'faded', met: state.met })
            return state
        }
        dispatch(mall, { type: 'meet', colour: state.colour, from: self })
        return state
      }
      for (let i = 0; i < parameters.chameneos; i++) {
        const ref = spawn(system, chameneo, `c${i}`, { initialState: { colour: 0, met: 0 } })
        dispatch(ref, { type: 'start', colour: i % 3, from: mall })
      }
    }),
}
