// Logs to project, and what the least work with them would be: reading and decoding them, and putting the same rows.

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { open } from 'lmdb'
import { Packr } from 'msgpackr'
import { ActorSystem, EventStore, entities, eventSourced, silentLogger, systemPorts } from 'troupe'
import { lmdbJournal, lmdbViews } from 'troupe/lmdb'
import { projection, put, readModel, sortable, update } from 'troupe/projection'
import { redisViews } from 'troupe/redis'

const policy = eventSourced({
  name: 'policy',
  initial: () => 0,
  decide: (_, quoted) => ({ events: [quoted], reply: true }),
  evolve: count => count + 1,
})

const REGIONS = 22
const quotedOf = i => ({
  type: 'Quoted',
  applicationId: `B-${i}`,
  region: `R${i % REGIONS}`,
  ttcCents: 20_000 + (i % 977),
  status: 'quoted',
})

/** A row for each event, found by its premium. */
const quotes = projection({
  name: 'quotes',
  events: ['Quoted'],
  project: (event, { timeMs }) => [put(event.applicationId, { ...event, decidedAtMs: timeMs })],
  indexes: { premium: row => sortable(row.ttcCents) },
})

/** Few rows, each changed by many events. */
const regions = projection({
  name: 'regions',
  events: ['Quoted'],
  project: ({ region, ttcCents }) => [
    update(region, row => ({ region, quotes: (row?.quotes ?? 0) + 1, ttcCents: (row?.ttcCents ?? 0) + ttcCents })),
  ],
  indexes: { region: row => row.region },
})

export async function openViews(folder, events) {
  const path = join(folder, 'quotes')
  await mkdir(path, { recursive: true })
  await fill(path, events)
  let made = 0
  const placed = () => join(folder, `views-${made++}`)

  /** A store that was just opened has nothing in memory: each side reads the log from LMDB. */
  const withStore = async run => {
    const store = await EventStore.open(lmdbJournal({ path }), { ...systemPorts, logger: silentLogger })
    try {
      return await run(store)
    } finally {
      await store.close()
    }
  }

  const projected = (definition, viewsAt) =>
    withStore(async store => {
      const views = viewsAt()
      const system = ActorSystem.start({ name: 'bench', logger: silentLogger })
      const model = readModel(definition, store, views)
      await views.open()
      const result = await timed(events, async () => {
        system.spawn(model.behavior)
        await model.reached({ partition: 0, position: events }, { timeoutMs: 600_000 })
        return events
      })
      await system.terminate()
      await views.close()
      return result
    })

  return {
    regionsOnLmdb: () => inFolder(placed(), path => projected(regions, () => lmdbViews({ path }))),
    quotesOnLmdb: () => inFolder(placed(), path => projected(quotes, () => lmdbViews({ path }))),
    quotesOnRedis: port =>
      projected(quotes, () => redisViews({ url: `redis://127.0.0.1:${port}`, prefix: `views${made++}` })),
    read: () => withStore(store => timed(events, () => readBare(store, events, async () => undefined))),
    readAndPut: () =>
      inFolder(placed(), path =>
        withStore(async store => {
          const tables = openTables(path)
          const result = await timed(events, () => readBare(store, events, rows => putRows(tables, rows), 4_096))
          await tables.root.close()
          return result
        }),
      ),
    readAndSet: port =>
      withStore(async store => {
        const redis = new Redis({ port, host: '127.0.0.1' })
        const table = `bare${made++}`
        const result = await timed(events, () => readBare(store, events, rows => setRows(redis, table, rows), 1_024))
        redis.disconnect()
        return result
      }),
  }
}

async function fill(path, events) {
  const store = await EventStore.open(lmdbJournal({ path }), { ...systemPorts, logger: silentLogger })
  const system = ActorSystem.start({ name: 'bench', logger: silentLogger })
  const kind = entities(policy, store)
  system.spawn(kind.behavior)
  for (let i = 0; i < events; i += 1_024)
    await Promise.all(
      Array.from({ length: Math.min(1_024, events - i) }, (_, j) => kind.ask(`p${j % 64}`, quotedOf(i + j))),
    )
  await system.terminate()
  await store.close()
}

/** Events a second; what `run` resolves with is the checksum. */
async function timed(events, run) {
  const start = process.hrtime.bigint()
  const checksum = await run()
  return { value: events / (Number(process.hrtime.bigint() - start) / 1e9), checksum }
}

/** Reads and decodes the log, and gives its events to `take` by so many. */
async function readBare({ journal }, events, take, atOnce = 512) {
  let count = 0
  let taken = []
  for (let position = 1; position <= events; ) {
    for (const append of await journal.readLog(0, position, 512)) {
      position = append.position + append.records.length
      for (const { payload } of append.records) {
        if (payload.type === 'Quoted') count++
        taken.push(payload)
      }
    }
    if (taken.length < atOnce && position <= events) continue
    await take(taken)
    taken = []
  }
  return count
}

const packr = new Packr({ useRecords: false })

/** With the settings of the views. */
function openTables(path) {
  const root = open({ path, noSubdir: false, overlappingSync: false, eventTurnBatching: false, encoding: 'binary' })
  const of = name => root.openDB(name, { encoding: 'binary', keyEncoding: 'binary' })
  return { root, rows: of('rows'), entries: of('entries') }
}

const NOTHING = Buffer.alloc(0)
const entryOf = ({ ttcCents, applicationId }) => `premium\0${sortable(ttcCents)}\0${applicationId}`

const putRows = ({ root, rows, entries }, quotes) =>
  root.batch(() => {
    for (const quote of quotes) {
      rows.put(Buffer.from(quote.applicationId), packr.pack(quote))
      entries.put(Buffer.from(entryOf(quote)), NOTHING)
    }
  })

async function setRows(redis, table, quotes) {
  const rows = []
  const entries = []
  for (const quote of quotes) {
    rows.push(quote.applicationId, packr.pack(quote))
    entries.push(0, entryOf(quote))
  }
  await redis
    .multi()
    .hset(`${table}:rows`, ...rows)
    .zadd(`${table}:entries`, ...entries)
    .exec()
}

async function inFolder(path, run) {
  await mkdir(path, { recursive: true })
  try {
    return await run(path)
  } finally {
    await rm(path, { recursive: true, force: true })
  }
}
