// How fast entities are there again: 100,000 of two events each on demand, in an order that the log does not have, with 256
// asked at a time (recovery-…); all of them as their store is opened, in the log's order (-start); one of very many events
// (-one). Floor: read and decode on the same engine and fold, and nothing else. On demand it has a key per id with all its
// events in it, the best layout there is for that and the worst for appending; otherwise it reads the batches in order.
//
// Below the table: how long the event loop was kept from timers and sockets at most, and what an entity takes of the heap.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { recover, seededRandom } from 'troupe'
import { account, inTurns, NOTE, withAccounts } from '../durable/account.mjs'
import { openPlaces } from '../durable/places.mjs'
import { perSecond } from '../frame.mjs'

const FULL = { entities: 100_000, events: 200_000 }
const QUICK = { entities: 500, events: 2_000 }
const EVENTS_EACH = 2
const BATCH = 256
const IN_FLIGHT = 256

export async function open({ quick, seed, collect }) {
  const counts = quick ? QUICK : FULL
  const places = await openPlaces('recovery')
  const stalls = new Map()
  const heaps = new Map()
  const ids = Array.from({ length: counts.entities }, (_, i) => `a${i}`)
  const demanded = shuffled(ids, seed)
  const filled = new Map()

  /** A store with what is to be recovered, made when it is first asked for. */
  const placeOf = (engine, what) => {
    const key = `${engine} ${what}`
    if (!filled.has(key)) {
      const at = places[engine]()
      filled.set(
        key,
        fill(at, what === 'one' ? ['one'] : ids, what === 'one' ? counts.events : EVENTS_EACH).then(() => at),
      )
    }
    return filled.get(key)
  }

  const ours = (name, engine, what) => ({
    checksum: what === 'one' ? counts.events : counts.entities * EVENTS_EACH,
    run: async () => {
      const at = await placeOf(engine, what)
      collect()
      const heapBefore = process.memoryUsage().heapUsed
      const delay = monitorEventLoopDelay({ resolution: 1 })
      const result =
        what === 'start'
          ? await started(at, delay)
          : await withAccounts(at.journal(), (kind, store) =>
              what === 'one' ? oneRecovered(store, delay) : allRecovered(kind, demanded, delay),
            )
      stalls.set(name, Math.max(stalls.get(name) ?? 0, delay.max / 1e6))
      return result

      async function started(place, watch) {
        watch.enable()
        const answer = await perSecond(counts.entities, () =>
          withAccounts(place.journal(), kind => sumOf(kind, ids)).finally(() => watch.disable()),
        )
        return answer
      }
      async function allRecovered(kind, order, watch) {
        watch.enable()
        const answer = await perSecond(counts.entities, () => sumOf(kind, order))
        watch.disable()
        collect()
        heaps.set(name, (process.memoryUsage().heapUsed - heapBefore) / counts.entities)
        return answer
      }
    },
  })

  const oneRecovered = async (store, watch) => {
    watch.enable()
    const answer = await perSecond(counts.events, async () => (await recover(store, account, 'one')).state)
    watch.disable()
    return answer
  }

  const floor = (engine, what) => ({
    checksum: what === 'one' ? counts.events : counts.entities * EVENTS_EACH,
    run: async () => {
      const at = await placeOf(engine, what)
      if (what === 'start') return perSecond(counts.entities, async () => withFloor(at, foldBatches))
      return withFloor(at, store =>
        what === 'one'
          ? perSecond(counts.events, () => foldBatches(store))
          : perSecond(counts.entities, () => foldIds(store, demanded)),
      )
    },
  })

  const questions = ['lmdb', 'redis'].flatMap(engine =>
    [
      ['demand', `${counts.entities} entities of ${EVENTS_EACH} events, on demand`, 'entities/s'],
      ['start', 'the same, all as their store is opened', 'entities/s'],
      ['one', `one entity of ${counts.events} events`, 'events/s'],
    ].map(([what, measures, unit]) => {
      const name = what === 'demand' ? `recovery-${engine}` : `recovery-${engine}-${what}`
      return {
        name,
        unit,
        better: 'more',
        measures,
        sides: { ours: ours(name, engine, what), floor: floor(engine, what) },
        goals: [{ against: 'floor', ratio: 0.5 }],
      }
    }),
  )
  const close = async () => {
    await places.close()
    for (const [name, stallMs] of stalls)
      console.log(`event loop during ${name}: kept ${stallMs.toFixed(1)} ms at most (goal: 20)`)
    for (const [name, bytes] of heaps)
      console.log(`heap after ${name}: ${Math.round(bytes)} bytes an entity, caches included`)
  }
  return { questions, close }
}

/** Both stores with the same events: every id's first, then every id's second, and so on. */
async function fill(at, ids, each) {
  const floor = await at.floor()
  const journal = at.journal()
  await journal.open()
  let position = 0
  let batch = []
  const write = async () => {
    if (batch.length === 0) return
    await journal.commit(0, batch)
    await floor.append(
      position + 1,
      batch.map(({ persistenceId, appendId, timeMs, records }) => ({
        id: persistenceId,
        appendId,
        timeMs,
        payload: records[0].payload,
      })),
    )
    position += batch.length
    batch = []
  }
  for (let nr = 0; nr < each; nr++)
    for (const id of ids) {
      batch.push(appendOf(id, nr))
      if (batch.length === BATCH) await write()
    }
  await write()
  if (ids.length > 1)
    for (let from = 0; from < ids.length; from += BATCH)
      await floor.keepIds(ids.slice(from, from + BATCH).map(id => [id, Array.from({ length: each }, eventOf)]))
  await journal.close()
  await floor.close()
}

const eventOf = () => ({ type: 'Deposited', cents: 1, note: NOTE })

let drawn = 0
const appendOf = (id, expectedSequenceNr) => ({
  persistenceId: `account|${id}`,
  expectedSequenceNr,
  appendId: `bench-${(++drawn).toString(36)}`,
  timeMs: drawn,
  causationId: null,
  correlationId: null,
  traceParent: null,
  principal: null,
  handled: null,
  compensates: null,
  records: [{ kind: 'event', type: 'Deposited', version: 1, payload: eventOf() }],
})

async function withFloor(at, use) {
  const store = await at.floor()
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

async function sumOf(kind, order) {
  let sum = 0
  await inTurns(order.length, IN_FLIGHT, async nr => {
    const cents = await kind.ask(order[nr], null)
    sum += cents
  })
  return sum
}

async function foldBatches(store) {
  const states = new Map()
  for await (const batch of store.batches())
    for (const { id, payload } of batch) states.set(id, account.evolve(states.get(id) ?? 0, payload))
  let sum = 0
  for (const cents of states.values()) sum += cents
  return sum
}

async function foldIds(store, order) {
  let sum = 0
  await inTurns(order.length, IN_FLIGHT, async nr => {
    let state = 0
    for (const event of await store.eventsOf(order[nr])) state = account.evolve(state, event)
    sum += state
  })
  return sum
}

function shuffled(ids, seed) {
  const random = seededRandom(seed)
  const order = ids.slice()
  for (let i = order.length - 1; i > 0; i--) {
    const other = Math.floor(random.next() * (i + 1))
    ;[order[i], order[other]] = [order[other], order[i]]
  }
  return order
}
