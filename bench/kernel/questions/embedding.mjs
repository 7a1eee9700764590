// What does a program take on that embeds it: do its timers stay on time while actors are busy, and how much code is it?

import { importBytes } from '../import-size.mjs'
import * as nact from '../nact.mjs'
import * as ours from '../ours.mjs'
import { limitSide } from '../sides.mjs'
import { timerLagP99 } from '../timer-lag.mjs'

/** It does not vary: measured once. */
const importSide = (specifier, packages, names) => {
  let measured = null
  const run = () => {
    measured ??= importBytes(specifier, { packages, names })
    return measured
  }
  return { run, checksum: 0 }
}

/** All of the kernel and of supervision, and nothing of persistence. */
const KERNEL = [
  'ActorSystem',
  'become',
  'behavior',
  'childRef',
  'dynamicControl',
  'dynamicSupervisor',
  'ignore',
  'intercept',
  'pool',
  'router',
  'serviceKey',
  'stopped',
  'supervisor',
  'supervisorControl',
]

export const embedding = ({ lagMs }) => [
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
    goals: [{ against: 'nact', ratio: 1 }],
  },
  {
    name: 'import-size',
    unit: 'bytes',
    better: 'less',
    measures: "`import 'troupe'` minified and gzipped, which loads no other package; the peers' with theirs",
    sides: {
      ours: importSide('troupe', 'external'),
      nact: importSide('nact', 'bundle'),
      xstate: importSide('xstate', 'bundle'),
      limit: limitSide(20_000),
    },
    goals: [{ against: 'limit', ratio: 1 }],
  },
  {
    name: 'import-size-kernel',
    unit: 'bytes',
    better: 'less',
    measures: 'the same where a bundler leaves out event-sourced actors and their store, which nothing imports',
    sides: {
      ours: importSide('troupe', 'external', KERNEL),
      limit: limitSide(20_000),
    },
    goals: [{ against: 'limit', ratio: 1 }],
  },
]
