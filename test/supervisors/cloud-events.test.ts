/** Applications that other programs put on a Redis stream, as CloudEvents. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Application } from '../../actors/index.ts'
import { FaultyJournal } from '../../src/testkit/faults/faulty-journal.ts'
import type { Marketplace } from '../../supervisors/marketplace.ts'
import { redisCli } from '../adapters/redis/streams-support.ts'
import { freePort, type RedisServer, startRedisServer } from '../support/redis-server.ts'
import { kept, MODES, openOn } from './support/marketplaces.ts'
import { golden, lineOf, quotable, sample } from './support/sample.ts'
import { newLmdbStore, newMemoryStore } from './support/stores.ts'
import { expectWholeLog, recordsOf } from './support/whole-log.ts'

let server: RedisServer
let redis: Redis
let topics = 0
const children: ChildProcess[] = []

beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
})

afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

afterEach(async () => {
  for (const child of children.splice(0)) await killed(child)
})

const killed = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

const newTopic = (): string => `applications-${++topics}`

const eventOf = (application: unknown, id: string, type = 'ApplicationSubmission'): string =>
  JSON.stringify({ specversion: '1.0', id, source: '/brokers/north', type, data: application })

const put = async (topic: string, application: Application, id = application.applicationId): Promise<void> => {
  await redis.xadd(topic, '*', 'event', eventOf(application, id))
}

const pendingOf = async (topic: string): Promise<number> => {
  const [pending] = (await redis.xpending(topic, 'marketplace')) as [number]
  return pending
}

/** Everything on the topic was given to the group, and is acknowledged. */
const acknowledged = async (topic: string, timeoutMs = 15_000): Promise<void> => {
  const lastEntry = async (): Promise<string | undefined> =>
    (await redis.xrevrange(topic, '+', '-', 'COUNT', 1))[0]?.[0]
  const lastDelivered = async (): Promise<unknown> => {
    const [group] = (await redis.xinfo('GROUPS', topic)) as unknown[][]
    return group?.[group.indexOf('last-delivered-id') + 1]
  }
  await expect.poll(lastDelivered, { timeout: timeoutMs, interval: 20 }).toBe(await lastEntry())
  await expect.poll(() => pendingOf(topic), { timeout: timeoutMs, interval: 20 }).toBe(0)
}

const statusOf = async (marketplace: Marketplace, id: string): Promise<string> =>
  (await marketplace.describe(id)).status

const topicBridge = (marketplace: Marketplace) =>
  marketplace.bridges.find(({ name }) => name === 'applications-topic') ?? expect.fail('no bridge from the topic')

it.each(MODES)('an application that redis-cli puts on the topic comes out as a quote, by %s', async mode => {
  const topic = newTopic()
  const applicationsTopic = { url: server.url, topic }
  const marketplace = await openOn(await kept(newMemoryStore()), { mode, applicationsTopic })
  await redisCli(server.port, 'XADD', topic, '*', 'event', eventOf(quotable(), 'one'))
  await expect.poll(() => statusOf(marketplace, 'A-1'), { timeout: 10_000 }).toBe('quoted')
  await acknowledged(topic)
  const records = await recordsOf(marketplace.store.journal)
  const submitted = records.find(({ type }) => type === 'ApplicationSubmitted')
  expect(submitted?.append).toMatchObject({
    causationId: '/brokers/north one',
    correlationId: '/brokers/north one',
  })
})

it('the sample on the topic comes out as its expected file says', async () => {
  const topic = newTopic()
  const marketplace = await openOn(await kept(newMemoryStore()), { applicationsTopic: { url: server.url, topic } })
  const some = sample.slice(0, 300)
  for (const application of some) await put(topic, application)
  await acknowledged(topic)
  await marketplace.settled()
  const lines = await Promise.all(
    some.map(async ({ applicationId }) => lineOf(await marketplace.describe(applicationId))),
  )
  expect(lines).toEqual(golden.slice(0, 300))
  expectWholeLog(
    await recordsOf(marketplace.store.journal),
    some.map(({ applicationId }) => applicationId),
  )
})

it('an event that is there twice, and an application that is, are submitted once', async () => {
  const topic = newTopic()
  const marketplace = await openOn(await kept(newMemoryStore()), { applicationsTopic: { url: server.url, topic } })
  await put(topic, quotable(), 'one')
  await put(topic, quotable(), 'one')
  await put(topic, quotable(), 'two')
  await put(topic, quotable({ vehAge: 3 }), 'three')
  await acknowledged(topic)
  await marketplace.settled()
  expectWholeLog(await recordsOf(marketplace.store.journal), ['A-1'])
  expect((await marketplace.describe('A-1')).application).toEqual(quotable())
})

it('an entry is not acknowledged before what it caused is durable', async () => {
  const topic = newTopic()
  const store = await newMemoryStore()
  const journal = new FaultyJournal(store.journal())
  const marketplace = await openOn(
    { ...store, journal: () => journal },
    { applicationsTopic: { url: server.url, topic } },
  )
  let release: () => void = () => undefined
  const wait = new Promise<void>(resolve => {
    release = resolve
  })
  journal.plan = operation => (operation === 'commit' ? { wait } : null)
  await put(topic, quotable())
  await expect.poll(() => pendingOf(topic)).toBe(1)
  await sleep(300)
  expect(await pendingOf(topic)).toBe(1)
  release()
  await acknowledged(topic)
  expect(await statusOf(marketplace, 'A-1')).not.toBe('unknown')
})

it('after kill -9 at any moment every application on the topic is decided once', async () => {
  const topic = newTopic()
  const store = await kept(newLmdbStore())
  const some = sample.slice(0, 600)
  for (const application of some) await put(topic, application)
  // There before the first process makes it: a kill may come sooner than that.
  await redis.xgroup('CREATE', topic, 'marketplace', '0')
  let cut = 0
  for (let round = 0; round < 4; round++) {
    const args = [store.path, server.url, topic]
    const script = `${import.meta.dirname}/cloud-events-child.ts`
    const child = spawn(process.execPath, ['--import', 'tsx', '-C', 'troupe-source', script, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    await once(child.stdout!, 'data')
    await sleep(5 + 40 * Math.random())
    await killed(child)
    if ((await pendingOf(topic)) > 0) cut++
  }
  const marketplace = await openOn(store, { applicationsTopic: { url: server.url, topic } })
  await acknowledged(topic)
  await marketplace.settled()
  console.log(`killed 4 times, ${cut} times with entries not acknowledged`)
  expectWholeLog(
    await recordsOf(marketplace.store.journal),
    some.map(({ applicationId }) => applicationId),
  )
}, 60_000)

it('what a dead process had taken is taken over', async () => {
  const topic = newTopic()
  for (const id of ['A-1', 'A-2', 'A-3']) await put(topic, quotable({ applicationId: id }))
  await redis.xgroup('CREATE', topic, 'marketplace', '0')
  await redis.xreadgroup('GROUP', 'marketplace', 'elsewhere', 'COUNT', 2, 'STREAMS', topic, '>')
  const applicationsTopic = { url: server.url, topic, claimIdleMs: 300 }
  const marketplace = await openOn(await kept(newMemoryStore()), { applicationsTopic })
  await acknowledged(topic)
  await marketplace.settled()
  expectWholeLog(await recordsOf(marketplace.store.journal), ['A-1', 'A-2', 'A-3'])
})

it('what cannot be an application is parked with all that is wrong with it, also over a restart, and holds up nothing', async () => {
  const topic = newTopic()
  const store = await kept(newMemoryStore())
  const applicationsTopic = { url: server.url, topic }
  const marketplace = await openOn(store, { applicationsTopic })
  await redisCli(
    server.port,
    'XADD',
    topic,
    '*',
    'event',
    eventOf({ ...quotable(), drivAge: 17, vehBrand: 'B99' }, 'bad'),
  )
  await redisCli(server.port, 'XADD', topic, '*', 'event', eventOf(quotable(), 'other', 'ApplicationWithdrawal'))
  await redisCli(server.port, 'XADD', topic, '*', 'message', 'hello')
  await put(topic, quotable())
  await acknowledged(topic)
  await expect.poll(() => statusOf(marketplace, 'A-1')).toBe('quoted')
  const parked = await topicBridge(marketplace).parked()
  expect(parked).toMatchObject([
    { id: '/brokers/north bad', error: expect.stringMatching(/DrivAge.*VehBrand/s), invalid: null },
    { id: '/brokers/north other', error: expect.stringContaining('not ApplicationWithdrawal') },
    { type: 'malformed', error: expect.stringContaining('no CloudEvent'), invalid: expect.any(String) },
  ])
  for (const { key } of parked) expect(await topicBridge(marketplace).replay(key)).toEqual({ delivered: 0, parked: 1 })
  await marketplace.close()
  const again = await openOn(store, { applicationsTopic })
  const still = await topicBridge(again).parked()
  expect(still).toEqual(parked.map(message => ({ ...message, parkedAtMs: expect.any(Number) })))
})

it('a topic whose server is away holds up neither the start nor what else comes in', async () => {
  const applicationsTopic = { url: `redis://127.0.0.1:${await freePort()}`, topic: 'applications' }
  const marketplace = await openOn(await kept(newMemoryStore()), { applicationsTopic })
  expect(await marketplace.submit(quotable())).toMatchObject({ outcome: 'quoted' })
})
