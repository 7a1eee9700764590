/**
 * Recovers one entity from an LMDB store in a small heap: `node --import tsx --max-old-space-size=128 … PATH`. Prints the
 * state, and how long the event loop was kept at most.
 */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { EventStore, eventSourced, recover, silentLogger, systemPorts } from 'troupe'
import { lmdbJournal } from 'troupe/lmdb'

const counter = eventSourced<never, { readonly type: string; readonly by: number }, number>({
  name: 'counter',
  initial: () => 0,
  decide: () => ({}),
  evolve: (sum, event) => sum + event.by,
})

const store = await EventStore.open(lmdbJournal({ path: process.argv[2]! }), { ...systemPorts, logger: silentLogger })
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const { state, sequenceNr } = await recover(store, counter as never, 'long')
delay.disable()
await store.close()
process.stdout.write(`${JSON.stringify({ state, sequenceNr, stallMs: delay.max / 1e6 })}\n`)
