// The workloads of the kernel bench on Troupe, as users write them: a fresh message for every send, state in, state out.

import { ActorSystem, behavior, stopped } from 'troupe'
import { perSecond } from '../frame.mjs'
import { timerLagP99 } from './timer-lag.mjs'

async function withSystem(run) {
  const system = ActorSystem.start({ name: 'bench' })
  try {
    return await run(system)
  } finally {
    await system.terminate()
  }
}

const BURST = 10_000

export const tell = messages =>
  withSystem(system =>
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
  withSystem(system =>
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
  withSystem(system =>
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

export const ask = asks =>
  withSystem(system =>
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
  withSystem(system =>
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

export const bytesPerActor = (actors, heapUsed) =>
  withSystem(async system => {
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

export const timerLag = durationMs =>
  withSystem(system =>
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
