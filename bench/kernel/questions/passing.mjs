// What does a message cost, told or asked, and an actor that comes and goes?

import * as floor from '../../floor.mjs'
import * as nact from '../nact.mjs'
import * as ours from '../ours.mjs'
import { erlangSide, floorSide, side } from '../sides.mjs'
import * as xstate from '../xstate.mjs'

const GOALS_OF_A_MESSAGE = [
  { against: 'floor', ratio: 0.5 },
  { against: 'nact', ratio: 15 },
  { against: 'erlang', ratio: 2 },
]

export const passing = ({ tell, pingPong, manyActors, ask, spawn }, erlang) => [
  {
    name: 'tell',
    unit: 'messages/s',
    better: 'more',
    measures: 'into one actor, bursts of 10,000, each waited for',
    sides: {
      ours: side(tell.ours, ours.tell),
      floor: floorSide(() => floor.tell(tell.ours)),
      nact: side(tell.peers, nact.tell),
      xstate: side(tell.peers, xstate.tell),
      ...erlangSide(erlang, 'tell', [tell.ours], tell.ours),
    },
    goals: GOALS_OF_A_MESSAGE,
  },
  {
    name: 'ping-pong',
    unit: 'rounds/s',
    better: 'more',
    measures: 'two actors, one message under way',
    sides: {
      ours: side(pingPong.ours, ours.pingPong),
      floor: floorSide(() => floor.pingPong(pingPong.ours)),
      nact: side(pingPong.peers, nact.pingPong),
      xstate: side(pingPong.peers, xstate.pingPong),
      ...erlangSide(erlang, 'ping_pong', [pingPong.peers], pingPong.peers),
    },
    goals: GOALS_OF_A_MESSAGE,
  },
  {
    name: 'many-actors',
    unit: 'messages/s',
    better: 'more',
    measures: `${manyActors.actors} actors told in turn, spawning included`,
    sides: manyActorsSides(manyActors, erlang),
    goals: [{ against: 'floor', ratio: 0.5 }],
  },
  {
    name: 'ask',
    unit: 'asks/s',
    better: 'more',
    measures: 'one after the other, each awaited, with a time limit',
    sides: { ours: side(ask.ours, ours.ask), nact: side(ask.peers, nact.ask) },
    goals: [{ against: 'nact', ratio: 5 }],
  },
  {
    name: 'spawn',
    unit: 'actors/s',
    better: 'more',
    measures: 'spawned, first message handled, stopped by itself, stop hook run; 1,000 at a time',
    sides: {
      ours: side(spawn.ours, ours.spawnAndStop),
      nact: side(spawn.peers, nact.spawnAndStop),
      xstate: side(spawn.peers, xstate.spawnAndStop),
      ...erlangSide(erlang, 'spawn_stop', [spawn.ours], spawn.ours),
    },
    goals: [{ against: 'nact', ratio: 4 }],
  },
]

const manyActorsSides = ({ actors, each }, erlang) => ({
  ours: side(actors * each.ours, () => ours.manyActors(actors, each.ours)),
  floor: floorSide(() => floor.manyActors(actors, each.ours)),
  nact: side(actors * each.peers, () => nact.manyActors(actors, each.peers)),
  xstate: side(actors * each.peers, () => xstate.manyActors(actors, each.peers)),
  ...erlangSide(erlang, 'many_actors', [actors, each.ours], actors * each.ours),
})
