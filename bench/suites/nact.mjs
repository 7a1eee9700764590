// What does a program for nact gain by `troupe/nact`, unchanged? The same functions run on both; `ours` is nact's API on
// our kernel. nact gets fewer operations, since it needs many times the time for one; rates do not depend on that.

import * as nact from 'nact'
import * as ours from 'troupe/nact'
import { perSecond } from '../frame.mjs'

const FULL = {
  tell: [1_000_000, 100_000],
  asks: [100_000, 20_000],
  rounds: [300_000, 30_000],
  spawns: [50_000, 20_000],
}
const QUICK = { tell: [10_000, 5_000], asks: [1_000, 500], rounds: [1_000, 500], spawns: [1_000, 500] }
const BURST = 10_000
const BATCH = 1_000

const within = async (api, run) => {
  const system = api.start()
  try {
    return await run(system)
  } finally {
    api.stop(system)
  }
}

const tell = ({ spawn, dispatch }, system, messages) =>
  perSecond(messages, async () => {
    let arrived
    let handled = 0
    const actor = spawn(system, (count = 0, message) => {
      handled = count + 1
      if (message.last) arrived()
      return handled
    })
    for (let sent = 0; sent < messages; sent += BURST)
      await new Promise(resolve => {
        arrived = resolve
        const end = Math.min(messages, sent + BURST) - 1
        for (let i = sent; i <= end; i++) dispatch(actor, { i, last: i === end })
      })
    return handled
  })

const ask = ({ spawn, dispatch, query }, system, asks) =>
  perSecond(asks, async () => {
    const actor = spawn(system, (_state, { n, replyTo }) => dispatch(replyTo, n + 1))
    let answered = 0
    for (let n = 0; n < asks; n++) answered = await query(actor, replyTo => ({ n, replyTo }), 1_000)
    return answered
  })

const pingPong = ({ spawn, dispatch }, system, rounds) =>
  perSecond(
    rounds,
    () =>
      new Promise(done => {
        const pong = spawn(system, (_state, { from }, { self }) => dispatch(from, { from: self }))
        const ping = spawn(system, (count = 0, { from }, { self }) => {
          if (count + 1 === rounds) done(count + 1)
          else dispatch(from, { from: self })
          return count + 1
        })
        dispatch(ping, { from: pong })
      }),
  )

const spawnAndStop = ({ spawn, dispatch, stop }, system, actors) =>
  perSecond(actors, async () => {
    let ended = 0
    for (let spawned = 0; spawned < actors; spawned += BATCH)
      await new Promise(resolve => {
        let left = Math.min(BATCH, actors - spawned)
        const afterStop = () => {
          ended++
          if (--left === 0) resolve()
        }
        for (let i = left; i > 0; i--)
          dispatch(
            spawn(system, (_state, _message, { self }) => stop(self), `a${spawned + i}`, { afterStop }),
            { first: true },
          )
      })
    return ended
  })

const side = (api, workload, operations) => ({
  run: () => within(api, system => workload(api, system, operations)),
  checksum: operations,
})

const question = (name, measures, workload, [mine, theirs], ratio) => ({
  name,
  unit: 'ops/s',
  better: 'more',
  measures,
  sides: { ours: side(ours, workload, mine), nact: side(nact, workload, theirs) },
  goals: [{ against: 'nact', ratio }],
})

export async function open({ quick }) {
  const sizes = quick ? QUICK : FULL
  const questions = [
    question('nact-tell', 'a dispatch, handled by a sync function', tell, sizes.tell, 5),
    question('nact-ask', 'a query and its answer, one after the other', ask, sizes.asks, 2),
    question('nact-ping-pong', 'a message there and one back', pingPong, sizes.rounds, 5),
    question('nact-spawn', 'an actor spawned, told once, stopped by itself', spawnAndStop, sizes.spawns, 1),
  ]
  return { questions, close: async () => undefined }
}
