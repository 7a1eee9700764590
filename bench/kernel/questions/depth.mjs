// Does a message cost more when many wait before it? nact handles fewer, and it is spared a million deep: that would take
// it many seconds a sample. XState has no mailbox that could be deep: its `send` runs the receiver.

import * as floor from '../../floor.mjs'
import * as nact from '../nact.mjs'
import * as ours from '../ours.mjs'
import { floorSide, side } from '../sides.mjs'

const NACT_WAITING_MAX = 40_000

export const depth = ({ waiting, messages, nactMessages }) =>
  waiting.map(deep => ({
    name: `depth-${deep}`,
    unit: 'ns',
    better: 'less',
    measures: `a message, ${deep} waiting before the first is taken`,
    sides: {
      ours: side(Math.max(messages, deep), total => ours.depth(deep, total)),
      floor: floorSide(() => floor.depth(deep)),
      ...(deep > NACT_WAITING_MAX
        ? {}
        : { nact: side(Math.max(nactMessages, deep), total => nact.depth(deep, total)) }),
    },
    goals: [{ against: 'floor', ratio: 1.5 }],
  }))
