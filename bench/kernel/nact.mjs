// The workloads of the kernel bench on nact, as its users write them. nact gets fewer operations, since it needs several
// hundred times the time for one; rates do not depend on that.

import { dispatch, query, spawn, stop } from 'nact'
import { perSecond } from '../frame.mjs'
import { withNact } from './systems.mjs'
import { timerLagP99 } from './timer-lag.mjs'

const BURST = 10_000

export const tell = messages =>
  withNact(system =>
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
  withNact(system =>
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
  withNact(system =>
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

/** Messages wait `waiting` deep before the first is taken; `messages` in all, in as many bursts. Units: ns a message. */
export const depth = (waiting, messages) =>
  withNact(async system => {
    let left = 0
    let handled = 0
    let drained
    const actor = spawn(system, (state, _message) => {
      handled++
      if (--left === 0) drained()
      return state
    })
    const { value, checksum } = await perSecond(messages, async () => {
      for (let sent = 0; sent < messages; sent += waiting) {
        await new Promise(resolve => {
          drained = resolve
          left = waiting
          for (let i = 0; i < waiting; i++) dispatch(actor, { i })
        })
      }
      return handled
    })
    return { value: 1e9 / value, checksum }
  })

export const ask = asks =>
  withNact(system =>
    perSecond(asks, async () => {
      const actor = spawn(system, (_state, message) => dispatch(message.replyTo, message.n + 1))
      let answered = 0
      for (let n = 0; n < asks; n++) answered = await query(actor, replyTo => ({ n, replyTo }), 1_000)
      return answered
    }),
  )

const BATCH = 1_000

export const spawnAndStop = actors =>
  withNact(system =>
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
  withNact(async system => {
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
  withNact(system =>
    timerLagP99(durationMs, (isOver, ended) => {
      const pong = spawn(system, (_state, message) => dispatch(message.from, { from: pong }))
      const ping = spawn(system, (_state, message) => {
        if (isOver()) ended()
        else dispatch(message.from, { from: ping })
      })
      dispatch(ping, { from: pong })
    }),
  )
