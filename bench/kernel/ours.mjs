// The workloads of the kernel bench on Troupe, as users write them: a fresh message for every send, state in, state out.

import { behavior, stopped } from 'troupe'
import { perSecond } from '../frame.mjs'
import { withTroupe } from './systems.mjs'
import { timerLagP99 } from './timer-lag.mjs'

const BURST = 10_000

export const tell = messages =>
  withTroupe(system =>
    perSecond(messages, async () => {
      let arrived
      let handled = 0
      const actor = system.spawn(
        behavior({
          initial: () => 0,
          receive: (count, message) => {
            if (message.last) {
              handled = count + 1
              arrived()
            }
            return count + 1
          },
        }),
      )
      for (let sent = 0; sent < messages; sent += BURST) {
        await new Promise(resolve => {
          arrived = resolve
          for (let i = 0; i < BURST; i++) actor.tell({ n: sent + i, last: i === BURST - 1 })
        })
      }
      return handled
    }),
  )

export const pingPong = rounds =>
  withTroupe(system =>
    perSecond(
      rounds,
      () =>
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
              receive: (count, message) => {
                if (count + 1 === rounds) done(count + 1)
                else message.from.tell({ from: ping })
                return count + 1
              },
            }),
          )
          ping.tell({ from: pong })
        }),
    ),
  )

export const manyActors = (actors, each) =>
  withTroupe(system =>
    perSecond(
      actors * each,
      () =>
        new Promise(done => {
          let handled = 0
          const counter = behavior({
            initial: () => 0,
            receive: (count, _message) => {
              if (++handled === actors * each) done(handled)
              return count + 1
            },
          })
          const refs = Array.from({ length: actors }, () => system.spawn(counter))
          for (let k = 0; k < each; k++) for (const ref of refs) ref.tell({ k })
        }),
    ),
  )

/** Messages wait `waiting` deep before the first is taken; `messages` in all, in as many bursts. Units: ns a message. */
export const depth = (waiting, messages) =>
  withTroupe(async system => {
    let left = 0
    let handled = 0
    let drained
    const actor = system.spawn(
      behavior({
        initial: () => null,
        receive: (state, _message) => {
          handled++
          if (--left === 0) drained()
          return state
        },
      }),
    )
    const { value, checksum } = await perSecond(messages, async () => {
      for (let sent = 0; sent < messages; sent += waiting) {
        await new Promise(resolve => {
          drained = resolve
          left = waiting
          for (let i = 0; i < waiting; i++) actor.tell({ i })
        })
      }
      return handled
    })
    return { value: 1e9 / value, checksum }
  })

export const ask = asks =>
  withTroupe(system =>
    perSecond(asks, async () => {
      const actor = system.spawn(
        behavior({
          initial: () => null,
          receive: (state, message) => {
            message.replyTo.tell(message.n + 1)
            return state
          },
        }),
      )
      let answered = 0
      // With a time limit, since nact has no ask without one.
      for (let n = 0; n < asks; n++) answered = await actor.ask(replyTo => ({ n, replyTo }), { timeoutMs: 1_000 })
      return answered
    }),
  )

const BATCH = 1_000

export const spawnAndStop = actors =>
  withTroupe(system =>
    perSecond(actors, async () => {
      let ended = 0
      let batchEnded
      const once = behavior({
        initial: () => null,
        receive: () => stopped(),
        onStop: () => {
          if (++ended % BATCH === 0) batchEnded()
        },
      })
      for (let spawned = 0; spawned < actors; spawned += BATCH) {
        await new Promise(resolve => {
          batchEnded = resolve
          for (let i = 0; i < BATCH; i++) system.spawn(once, { name: `a${spawned + i}` }).tell({ first: true })
        })
      }
      return ended
    }),
  )

/** What a heap holds afterwards of actors that came and went. Units: bytes for each of them; noise may be below 0. */
export const bytesLeftBySpawn = async (actors, heapUsed) => {
  const before = await heapUsed()
  const { checksum } = await spawnAndStop(actors)
  return { value: ((await heapUsed()) - before) / actors, checksum }
}

export const bytesPerActor = (actors, heapUsed) =>
  withTroupe(async system => {
    const before = await heapUsed()
    let handled = 0
    await new Promise(done => {
      const counter = behavior({
        initial: () => 0,
        receive: (count, _message) => {
          if (++handled === actors) done()
          return count + 1
        },
      })
      for (let i = 0; i < actors; i++) system.spawn(counter, { name: `a${i}` }).tell({ first: true })
    })
    return { value: ((await heapUsed()) - before) / actors, checksum: handled }
  })

/** `actors` hand on a message each in a ring, `messages` in all; `everyMs`: how often somebody looks at all, or null. */
export const inspected = (actors, messages, everyMs) =>
  withTroupe(async system => {
    let seen = 0
    const look = () => {
      seen += system.inspect().length
    }
    const timer = everyMs === null ? null : setInterval(look, everyMs)
    const result = await perSecond(
      messages,
      () =>
        new Promise(done => {
          let handled = 0
          const handOn = behavior({
            initial: () => 0,
            receive: (count, { next }) => {
              if (++handled === messages) done(handled)
              else if (handled < messages) refs[next].tell({ next: next + 1 === actors ? 0 : next + 1 })
              return count + 1
            },
          })
          const refs = Array.from({ length: actors }, () => system.spawn(handOn))
          for (let i = 0; i < actors; i++) refs[i].tell({ next: i + 1 === actors ? 0 : i + 1 })
        }),
    )
    if (timer === null) return result
    clearInterval(timer)
    look()
    return seen % actors === 0 ? result : { ...result, checksum: Number.NaN }
  })

export const timerLag = durationMs =>
  withTroupe(system =>
    timerLagP99(durationMs, (isOver, ended) => {
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
          initial: () => null,
          receive: (state, message) => {
            if (isOver()) ended()
            else message.from.tell({ from: ping })
            return state
          },
        }),
      )
      ping.tell({ from: pong })
    }),
  )
