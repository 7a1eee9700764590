// The workloads of the kernel bench on XState's actors, with the cheapest logic that they have (fromTransition).
//
// An idle one's `send` runs the receiver on the sender's stack, so a message may never wait anywhere. It has no ask, no
// supervision, and no turn for the event loop: two that tell each other without end would never let a timer come, which
// is why timer-lag-p99 is left out.

import { createActor, fromTransition } from 'xstate'
import { perSecond } from '../frame.mjs'

const started = (transition, initial) => createActor(fromTransition(transition, initial)).start()

const BURST = 10_000

export const tell = messages =>
  perSecond(messages, async () => {
    let arrived
    let handled = 0
    const actor = started((count, message) => {
      if (message.last) {
        handled = count + 1
        arrived()
      }
      return count + 1
    }, 0)
    for (let sent = 0; sent < messages; sent += BURST) {
      await new Promise(resolve => {
        arrived = resolve
        for (let i = 0; i < BURST; i++) actor.send({ type: 'count', n: sent + i, last: i === BURST - 1 })
      })
    }
    actor.stop()
    return handled
  })

export const pingPong = rounds =>
  perSecond(
    rounds,
    () =>
      new Promise(done => {
        const pong = started((state, message) => {
          message.from.send({ type: 'pong', from: pong })
          return state
        }, null)
        const ping = started((count, message) => {
          if (count + 1 === rounds) done(count + 1)
          else message.from.send({ type: 'ping', from: ping })
          return count + 1
        }, 0)
        ping.send({ type: 'pong', from: pong })
      }),
  )

export const manyActors = (actors, each) =>
  perSecond(
    actors * each,
    () =>
      new Promise(done => {
        let handled = 0
        const count = (n, _message) => {
          if (++handled === actors * each) done(handled)
          return n + 1
        }
        const refs = Array.from({ length: actors }, () => started(count, 0))
        for (let k = 0; k < each; k++) for (const ref of refs) ref.send({ type: 'count', k })
      }),
  )

/** Its actors do not end themselves from a transition; whoever made them stops them, and `complete` is the hook. */
export const spawnAndStop = actors =>
  perSecond(actors, async () => {
    let ended = 0
    const once = (handled, _message) => handled + 1
    const complete = () => {
      ended++
    }
    for (let spawned = 0; spawned < actors; spawned++) {
      const actor = started(once, 0)
      actor.subscribe({ complete })
      actor.send({ type: 'first' })
      actor.stop()
    }
    return ended
  })

export async function bytesPerActor(actors, heapUsed) {
  const before = await heapUsed()
  let handled = 0
  const count = (n, _message) => {
    handled++
    return n + 1
  }
  const refs = Array.from({ length: actors }, () => started(count, 0))
  for (const ref of refs) ref.send({ type: 'first' })
  // Nothing else holds them; a slot of the array is taken off again.
  const value = ((await heapUsed()) - before) / actors - 8
  return { value: refs.length === actors ? value : Number.NaN, checksum: handled }
}
