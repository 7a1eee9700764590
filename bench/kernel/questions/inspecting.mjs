// What does it cost to look at the tree again and again? What a look shows is counted in any case: one addition for each
// turn of an actor, not for each message.

import * as ours from '../ours.mjs'
import { side } from '../sides.mjs'

const EVERY_MS = 50

export const inspecting = ({ actors, messages }) => [
  {
    name: 'inspect',
    unit: 'messages/s',
    better: 'more',
    measures: `${actors} actors in a ring of messages, all of them inspected every ${EVERY_MS} ms; unseen: never`,
    sides: {
      ours: side(messages, total => ours.inspected(actors, total, EVERY_MS)),
      unseen: side(messages, total => ours.inspected(actors, total, null)),
    },
    goals: [{ against: 'unseen', ratio: 0.95 }],
  },
]
