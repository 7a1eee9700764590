// How many motor quotes a second come out of the marketplace, orchestrated, with 256 under way: eight appends (eleven
// records) a quote, each in a commit of its own step, flushed on LMDB, in one Redis with AOF everysec, or in memory.
// Floor: a bare loop over the same records on the same engine (quotes/floor.mjs). Peer: BullMQ on the same Redis
// (peers/bullmq.mjs), a queue per step, with the same arithmetic; it keeps no events. `quotes-nact` has the same actors
// hosted on nact, behind the same bridges on the same store, as the side `nact`.
//
// Every sample of ours and of the floor has a store of its own that begins empty; opening and closing are not timed, the
// durable end of the last process is. The samples' quotes are fewer for BullMQ because it is slower.

import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { memoryJournal } from 'troupe'
import { lmdbJournal } from 'troupe/lmdb'
import { redisJournal } from 'troupe/redis'
import { nactHost } from '../../dist/supervisors/nact.js'
import { quotes as bullmq } from '../peers/bullmq.mjs'
import { sampleApplications } from '../quotes/applications.mjs'
import * as floor from '../quotes/floor.mjs'
import { lmdbStore, memoryStore, redisStore } from '../quotes/floor-stores.mjs'
import { Latencies } from '../quotes/latencies.mjs'
import * as ours from '../quotes/ours.mjs'
import { startRedis } from '../quotes/redis-server.mjs'
import { expectedChecksum, jobs, Tally } from '../quotes/steps.mjs'

const IN_FLIGHT = 256

/** Some seconds a sample: the collection before each also drops compiled code, and a short one would measure its return. */
const FULL = { ours: 20_000, bullmq: 2_000, nact: 2_000 }
const QUICK = { ours: 128, bullmq: 32, nact: 64 }

/**
 * What one process on one server is best off with: the journal's own default of 16 lets processes share a store, and cost
 * 1.4 times the processor time a quote here. The floor gets the same.
 */
const REDIS_PARTITIONS = 1

/** In the checkout: its disk is the one that a user's store would be on. */
async function scratch() {
  const path = join(import.meta.dirname, '../../.tmp')
  await mkdir(path, { recursive: true })
  return path
}

const goals = bullmqRatio => [
  { against: 'floor', ratio: 0.5 },
  ...(bullmqRatio === null ? [] : [{ against: 'bullmq', ratio: bullmqRatio }]),
]

export async function open({ quick }) {
  const counts = quick ? QUICK : FULL
  const host = await nactHost()
  const applications = await sampleApplications()
  const redis = await startRedis()
  const folder = await mkdtemp(join(await scratch(), 'bench-quotes-'))
  const shown = []
  const close = async () => {
    await redis.stop()
    await rm(folder, { recursive: true, force: true })
    for (const { name, latencies } of shown) {
      const text = latencies.text(name)
      if (text !== null) console.log(`latency of ${text}`)
    }
  }
  const latenciesOf = name => {
    const latencies = new Latencies()
    shown.push({ name, latencies })
    return latencies
  }
  let stores = 0
  const nextName = () => `s${++stores}`
  const inFolder = async (make, run) => {
    const path = join(folder, nextName())
    try {
      return await run(make(path))
    } finally {
      await rm(path, { recursive: true, force: true })
    }
  }
  const inRedis = async run => {
    try {
      return await run(`redis://127.0.0.1:${redis.port}?prefix=${nextName()}&partitions=${REDIS_PARTITIONS}`)
    } finally {
      await redis.empty()
    }
  }

  const sample = applications(counts.ours)
  const checksum = expectedChecksum(sample)
  const ofOurs = (name, withJournal) => {
    const latencies = latenciesOf(`${name}, ours`)
    return {
      run: async () => {
        const measured = []
        const result = await withJournal(journal =>
          ours.quotes({ journal, applications: applications(counts.ours), inFlight: IN_FLIGHT, latencies: measured }),
        )
        latencies.add(measured)
        return result
      },
      checksum,
    }
  }
  const onNact = (name, withJournal) => {
    const latencies = latenciesOf(`${name}, nact`)
    return {
      run: async () => {
        const measured = []
        const result = await withJournal(journal =>
          ours.quotes({
            journal,
            host,
            applications: applications(counts.nact),
            inFlight: IN_FLIGHT,
            latencies: measured,
          }),
        )
        latencies.add(measured)
        return result
      },
      checksum: expectedChecksum(sample.slice(0, counts.nact)),
    }
  }
  const ofFloor = withStore => ({
    run: () =>
      withStore(async opening => {
        const store = await opening
        try {
          return await floor.quotes({ store, applications: applications(counts.ours), inFlight: IN_FLIGHT })
        } finally {
          await store.close()
        }
      }),
    checksum,
  })
  const ofBullmq = name => {
    const latencies = latenciesOf(`${name}, bullmq`)
    return {
      run: () =>
        inRedis(async () => {
          const tally = new Tally()
          const quote = value => {
            const outcome = jobs.quote(value)
            tally.addEvent(outcome)
            return outcome
          }
          const { quotesPerSecond, p50Ms, p99Ms } = await bullmq({
            port: redis.port,
            applications: applications(counts.bullmq),
            steps: { ...jobs, quote },
            inFlight: IN_FLIGHT,
          })
          latencies.addQuantiles(p50Ms, p99Ms)
          return { value: quotesPerSecond, checksum: tally.checksum }
        }),
      checksum: expectedChecksum(sample.slice(0, counts.bullmq)),
    }
  }

  const questions = [
    {
      name: 'quotes-lmdb',
      measures: 'flushed to the disk at every step',
      sides: {
        ours: ofOurs('quotes-lmdb', run => inFolder(path => lmdbJournal({ path }), run)),
        floor: ofFloor(run => inFolder(lmdbStore, run)),
        bullmq: ofBullmq('quotes-lmdb'),
      },
      goals: goals(12),
    },
    {
      name: 'quotes-redis',
      measures: `a Redis of its own, append-only file everysec, partitions: ${REDIS_PARTITIONS}`,
      sides: {
        ours: ofOurs('quotes-redis', run => inRedis(url => run(redisJournal({ url })))),
        floor: ofFloor(run => inRedis(() => run(redisStore(redis.port, nextName(), REDIS_PARTITIONS)))),
        bullmq: ofBullmq('quotes-redis'),
      },
      goals: goals(8),
    },
    {
      name: 'quotes-nact',
      measures: 'ours and the same actors on nact, on stores of their own: LMDB, flushed at every step',
      sides: {
        ours: ofOurs('quotes-nact', run => inFolder(path => lmdbJournal({ path }), run)),
        nact: onNact('quotes-nact', run => inFolder(path => lmdbJournal({ path }), run)),
      },
      goals: [{ against: 'nact', ratio: 3 }],
    },
    {
      name: 'quotes-memory',
      measures: 'the memory journal, which keeps the objects; its floor packs and unpacks all the same',
      sides: {
        ours: ofOurs('quotes-memory', run => run(memoryJournal())),
        floor: ofFloor(run => run(memoryStore())),
      },
      goals: goals(null),
    },
  ]
  return { questions: questions.map(question => ({ unit: 'quotes/s', better: 'more', ...question })), close }
}
