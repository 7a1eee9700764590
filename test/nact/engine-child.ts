/**
 * A process with a persistent actor of nact itself on one of our journals, until it is killed:
 * `node --import tsx engine-child.ts redis://…|lmdb:PATH`. It prints the count that it recovered, then each number whose
 * `persist` has resolved.
 */

import { lmdbJournal } from '../../src/adapters/lmdb/index.ts'
import { redisJournal } from '../../src/adapters/redis/index.ts'
import { nactEngine } from '../../src/nact/index.ts'
import { type Any, nact } from './apis.ts'

const [, , where = ''] = process.argv
const engine = nactEngine(
  where.startsWith('lmdb:') ? lmdbJournal({ path: where.slice(5) }) : redisJournal({ url: where }),
)
const system = nact.start(nact.configurePersistence(engine))
let replayed = 0

interface Sum {
  readonly count: number
  readonly sum: number
}

const counter = nact.spawnPersistent(
  system,
  async (state: Sum = { count: 0, sum: 0 }, message: Any, { persist, recovering, self }: Any) => {
    if (recovering) replayed++
    if (message === 'next') {
      const nr = state.count + 1
      await persist({ type: 'Counted', nr })
      process.stdout.write(`${nr}\n`)
      nact.dispatch(self, 'next')
      return { count: nr, sum: state.sum + nr }
    }
    if (message === 'begin') {
      process.stdout.write(`recovered ${state.count} ${state.sum} replayed ${replayed}\n`)
      nact.dispatch(self, 'next')
      return state
    }
    return { count: message.nr, sum: state.sum + message.nr }
  },
  'counter',
  'counter',
  { snapshotEvery: 100 },
)
nact.dispatch(counter, 'begin')
