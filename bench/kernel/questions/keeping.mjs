// What does it cost to keep an actor, and what is left of those that have gone?

import { setImmediate as nextTurn } from 'node:timers/promises'
import * as nact from '../nact.mjs'
import * as ours from '../ours.mjs'
import { residentMegabytes } from '../resident.mjs'
import { limitSide, side } from '../sides.mjs'
import * as xstate from '../xstate.mjs'

const WITHIN_THE_LIMIT = [{ against: 'limit', ratio: 1 }]

/** A heap is back where it was when less than this is left of each that has gone. Units: bytes. */
const LEFT_BYTES_MAX = 1

/** Bytes in use once what can be collected is: finalizers and timers that hold the last run's actors go first. */
const heapUsedAfter = collect => async () => {
  await nextTurn()
  collect()
  await nextTurn()
  collect()
  return process.memoryUsage().heapUsed
}

export const keeping = ({ bytes, resident, left }, collect) => {
  const heapUsed = heapUsedAfter(collect)
  const questions = [
    {
      name: 'bytes-per-actor',
      unit: 'bytes',
      measures: 'heap of an idle actor that has handled one message; its name included, XState draws one',
      sides: {
        ours: side(bytes.ours, actors => ours.bytesPerActor(actors, heapUsed)),
        nact: side(bytes.peers, actors => nact.bytesPerActor(actors, heapUsed)),
        xstate: side(bytes.peers, actors => xstate.bytesPerActor(actors, heapUsed)),
        limit: limitSide(450),
      },
    },
    {
      name: 'bytes-left-by-spawn',
      unit: 'bytes',
      measures: `heap that ${left} actors leave behind that came and went, for each of them`,
      sides: {
        ours: side(left, actors => ours.bytesLeftBySpawn(actors, heapUsed)),
        limit: limitSide(LEFT_BYTES_MAX),
      },
    },
  ]
  if (resident !== null)
    questions.push({
      name: 'resident-megabytes',
      unit: 'MB',
      measures: `resident set of a process with ${resident} idle actors that have handled one message, Node included`,
      sides: { ours: side(resident, residentMegabytes), limit: limitSide(600) },
    })
  return questions.map(question => ({ ...question, better: 'less', goals: WITHIN_THE_LIMIT }))
}
