// The workloads of the kernel bench on nact, as its users write them. nact gets fewer operations, since it needs several
// hundred times the time for one; rates do not depend on that.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { dispatch, query, spawn, start, stop } from 'nact'
import { perSecond } from '../frame.mjs'
import { timerLagP99 } from './timer-lag.mjs'

let systems = 0

/** nact keeps its systems in a global map, by name. */
async function withSystem(run) {
  const system = start(`bench-${systems++}`)
  try {
    return await run(system)
  } finally {
    stop(system)
    await nextTurn()
  }
}

const BURST = 10_000

export const tell = messages =>
  withSystem(system =>
    perSecond(messages, async () => {
      let arrived
      let handled = 0
      const actor = spawn(system, (count = 0, message) => {
        handled = count + 1
        if (message.last) arrived()
        return handled
      })
      for (let sent = 0; sent < messages; sent += BURST) {
        await new Promise(resolve => {
          arrived = resolve
          for (let i = 0; i < BURST; i++) dispatch(actor, { n: sent + i, last: i === BURST - 1 })
        })
      }
      return handled
    }),
  )

export const pingPong = rounds =>
  withSystem(system =>
    perSecond(
      rounds,
      () =>
        new Promise(done => {
          const pong = spawn(system, (_state, message) => dispatch(message.from, { from: pong }))
          const ping = spawn(system, (count = 0, message) => {
            if (count + 1 === rounds) done(count + 1)
            else dispatch(message.from, { from: ping })
            return count + 1
          })
          dispatch(ping, { from: pong })
        }),
    ),
  )

export const manyActors = (actors, each) =>
  withSystem(system =>
    perSecond(
      actors * each,
      () =>
        new Promise(done => {
          let handled = 0
          const receive = (count = 0, _message) => {
            if (++handled === actors * each) done(handled)
            return count + 1
          }
          const refs = Array.from({ length: actors }, (_, i) => spawn(system, receive, `a${i}`))
          for (let k = 0; k < each; k++) for (const ref of refs) dispatch(ref, { k })
        }),
    ),
  )

export const ask = asks =>
  withSystem(system =>
    perSecond(asks, async () => {
      const actor = spawn(system, (_state, message) => dispatch(message.replyTo, message.n + 1))
      let answered = 0
      for (let n = 0; n < asks; n++) answered = await query(actor, replyTo => ({ n, replyTo }), 1_000)
      return answered
    }),
  )

const BATCH = 1_000

export const spawnAndStop = actors =>
  withSystem(system =>
    perSecond(actors, async () => {
      let ended = 0
      let batchEnded
      const receive = (_state, _message, context) => stop(context.self)
      const afterStop = () => {
        if (++ended % BATCH === 0) batchEnded()
      }
      for (let spawned = 0; spawned < actors; spawned += BATCH) {
        await new Promise(resolve => {
          batchEnded = resolve
          for (let i = 0; i < BATCH; i++)
            dispatch(spawn(system, receive, `a${spawned + i}`, { afterStop }), { first: true })
        })
      }
      return ended
    }),
  )

export const bytesPerActor = (actors, heapUsed) =>
  withSystem(async system => {
    const before = await heapUsed()
    let handled = 0
    await new Promise(done => {
      const receive = (count = 0, _message) => {
        if (++handled === actors) done()
        return count + 1
      }
      // A name each: those that nact draws itself collide at this number.
      for (let i = 0; i < actors; i++) dispatch(spawn(system, receive, `a${i}`), { first: true })
    })
    return { value: ((await heapUsed()) - before) / actors, checksum: handled }
  })

export const timerLag = durationMs =>
  withSystem(system =>
    timerLagP99(durationMs, (isOver, ended) => {
      const pong = spawn(system, (_state, message) => dispatch(message.from, { from: pong }))
      const ping = spawn(system, (_state, message) => {
        if (isOver()) ended()
        else dispatch(message.from, { from: ping })
      })
      dispatch(ping, { from: pong })
    }),
  )
