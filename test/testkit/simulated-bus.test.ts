import { deepStrictEqual } from 'node:assert/strict'
import { ActorSystem, EventStore, entities, eventSourced, supervisor } from 'troupe'
import { messageBridge, routeTo } from 'troupe/messaging'
import {
  type Simulated,
  type SimulatedHost,
  type SimulatedProcess,
  type SimulatedStore,
  type SimulatedTopic,
  simulate,
  standardFaults,
} from 'troupe/testkit'
import { expect, test } from 'vitest'

const MESSAGES = 25
const PARCELS = 4

type Scan = { readonly parcel: string; readonly scan: number }

const parcel = eventSourced<Scan, { readonly type: 'Scanned'; readonly scan: number }, number, number>({
  name: 'parcel',
  initial: () => 0,
  // Not idempotent by itself: that a message that comes again is recognised is the runtime's affair.
  decide: (scans, { scan }) => ({ events: [{ type: 'Scanned', scan }], reply: scans + 1 }),
  evolve: scans => scans + 1,
})

interface Depot {
  readonly topic: SimulatedTopic
  readonly store: SimulatedStore
  readonly process: SimulatedProcess<object>
}

const start = (topic: SimulatedTopic, store: SimulatedStore) => async (host: SimulatedHost) => {
  const { ports, logger } = host
  const events = await EventStore.open(store.journal(host), { ...ports, logger })
  const system = ActorSystem.start({ ports, logger })
  host.adopt(system)
  const parcels = entities(parcel, events)
  const bridge = messageBridge({
    name: 'scans',
    source: topic.source(host, 'depot'),
    store: events,
    translate: ({ payload }) => routeTo(parcels, (payload as Scan).parcel, payload as Scan),
    attempts: 1_000,
  })
  const children = [
    { id: 'parcels', start: parcels.behavior },
    { id: 'bridge', start: bridge.behavior },
  ]
  system.spawn(supervisor({ strategy: 'rest-for-one', intensity: 5, periodMs: 1_000, children }))
  void Promise.race([events.whenFenced, system.whenTerminated]).then(() => host.crash())
  return {}
}

const depot: Simulated<Depot> = {
  system: world => {
    const [topic, store] = [world.topic('scans'), world.store(2)]
    return { topic, store, process: world.process('depot', start(topic, store)) }
  },
  load: async ({ topic, store, process }, world, calm) => {
    for (let scan = 0; scan < MESSAGES; scan++) {
      await world.sleep(world.random.next() * 150)
      topic.publish('Scan', { parcel: `P-${scan % PARCELS}`, scan })
    }
    await calm
    while (store.records < MESSAGES) await world.sleep(100)
    // What was never acknowledged comes again after a start, and only then.
    process.crash()
    while (topic.left('depot').length > 0) await world.sleep(100)
  },
  faults: { kinds: standardFaults.filter(({ name }) => !name.startsWith('call')), withinMs: 3_000 },
  invariants: {
    atEnd: {
      'every message has its effect once, in the order of its parcel': ({ store }) => {
        for (let nr = 0; nr < PARCELS; nr++) {
          const scans = [...store.log()]
            .filter(({ persistenceId }) => persistenceId === `parcel|P-${nr}`)
            .flatMap(({ records }) => records.map(({ payload }) => (payload as { readonly scan: number }).scan))
          const sent = Array.from({ length: MESSAGES }, (_, scan) => scan).filter(scan => scan % PARCELS === nr)
          deepStrictEqual(scans, sent)
        }
      },
    },
  },
}

test('what a bridge takes from a topic has its effect once, whatever is delivered twice, late or never acknowledged', async () => {
  const report = await simulate({ ...depot, seeds: 150 })
  for (const kind of ['delivery-twice', 'delivery-late', 'acknowledgement-lost', 'process-crash', 'second-process'])
    expect(report.byKind[kind], kind).toBeGreaterThan(0)
}, 60_000)
