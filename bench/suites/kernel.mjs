// What does passing a message, asking, starting an actor and keeping it cost, and do timers stay on time meanwhile?
// Floor: a bare ring buffer and run queue (floor.mjs); for the timers a process with nothing to do. Peer: nact.

import { setImmediate as nextTurn } from 'node:timers/promises'
import * as floor from '../floor.mjs'
import * as nact from '../kernel/nact.mjs'
import * as ours from '../kernel/ours.mjs'
import { timerLagP99 } from '../kernel/timer-lag.mjs'

/** Operations of one sample. nact's are fewer because it is slower: samples of both take parts of a second. */
const FULL = {
  tell: { ours: 2_000_000, nact: 200_000 },
  pingPong: { ours: 1_000_000, nact: 50_000 },
  manyActors: { actors: 1_000, each: { ours: 300, nact: 100 } },
  ask: { ours: 100_000, nact: 20_000 },
  spawn: { ours: 100_000, nact: 20_000 },
  bytes: { ours: 200_000, nact: 50_000 },
  lagMs: 2_000,
}
const QUICK = {
  tell: { ours: 20_000, nact: 10_000 },
  pingPong: { ours: 5_000, nact: 1_000 },
  manyActors: { actors: 100, each: { ours: 30, nact: 10 } },
  ask: { ours: 1_000, nact: 500 },
  spawn: { ours: 2_000, nact: 1_000 },
  bytes: { ours: 10_000, nact: 5_000 },
  lagMs: 100,
}

const HALF_THE_FLOOR_AND_15_TIMES_NACT = [
  { against: 'floor', ratio: 0.5 },
  { against: 'nact', ratio: 15 },
]

const side = (operations, run) => ({ run: () => run(operations), checksum: operations })

/** floor.mjs answers the rate alone. */
const floorSide = run => ({ run: async () => ({ value: await run() }) })

/** Bytes in use once what can be collected is: finalizers and timers that hold the last run's actors go first. */
const heapUsedAfter = collect => async () => {
  await nextTurn()
  collect()
  await nextTurn()
  collect()
  return process.memoryUsage().heapUsed
}

export async function open({ quick, collect }) {
  return { questions: questions(quick ? QUICK : FULL, heapUsedAfter(collect)), close: async () => undefined }
}

const questions = ({ tell, pingPong, manyActors, ask, spawn, bytes, lagMs }, heapUsed) => [
  {
    name: 'tell',
    unit: 'messages/s',
    better: 'more',
    measures: 'into one actor, bursts of 10,000, each waited for',
    sides: {
      ours: side(tell.ours, ours.tell),
      floor: floorSide(() => floor.tell(tell.ours)),
      nact: side(tell.nact, nact.tell),
    },
    goals: HALF_THE_FLOOR_AND_15_TIMES_NACT,
  },
  {
    name: 'ping-pong',
    unit: 'rounds/s',
    better: 'more',
    measures: 'two actors, one message under way',
    sides: {
      ours: side(pingPong.ours, ours.pingPong),
      floor: floorSide(() => floor.pingPong(pingPong.ours)),
      nact: side(pingPong.nact, nact.pingPong),
    },
    goals: HALF_THE_FLOOR_AND_15_TIMES_NACT,
  },
  {
    name: 'many-actors',
    unit: 'messages/s',
    better: 'more',
    measures: `${manyActors.actors} actors told in turn, spawning included`,
    sides: {
      ours: side(manyActors.actors * manyActors.each.ours, () =>
        ours.manyActors(manyActors.actors, manyActors.each.ours),
      ),
      floor: floorSide(() => floor.manyActors(manyActors.actors, manyActors.each.ours)),
      nact: side(manyActors.actors * manyActors.each.nact, () =>
        nact.manyActors(manyActors.actors, manyActors.each.nact),
      ),
    },
  },
  {
    name: 'ask',
    unit: 'asks/s',
    better: 'more',
    measures: 'one after the other, each awaited, with a time limit',
    sides: { ours: side(ask.ours, ours.ask), nact: side(ask.nact, nact.ask) },
  },
  {
    name: 'spawn',
    unit: 'actors/s',
    better: 'more',
    measures: 'spawned, first message handled, stopped by itself, stop hook run; 1,000 at a time',
    sides: { ours: side(spawn.ours, ours.spawnAndStop), nact: side(spawn.nact, nact.spawnAndStop) },
  },
  {
    name: 'bytes-per-actor',
    unit: 'bytes',
    better: 'less',
    measures: 'heap of an idle actor that has handled one message, its name included',
    sides: {
      ours: side(bytes.ours, actors => ours.bytesPerActor(actors, heapUsed)),
      nact: side(bytes.nact, actors => nact.bytesPerActor(actors, heapUsed)),
    },
  },
  {
    name: 'timer-lag-p99',
    unit: 'ms',
    better: 'less',
    measures: `lag of 5 ms timers while two actors tell each other without end, ${lagMs} ms; floor: an idle process`,
    sides: {
      ours: { run: () => ours.timerLag(lagMs) },
      floor: { run: () => timerLagP99(lagMs, (_isOver, ended) => ended()) },
      nact: { run: () => nact.timerLag(lagMs) },
    },
  },
]
