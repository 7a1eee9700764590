/** A message bridge from a Redis stream to event-sourced actors whose every command counts, so that no double hides. */

import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { redisStreamSource } from '../../../src/adapters/redis/index.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import { systemPorts } from '../../../src/base/ports.ts'
import { ActorSystem } from '../../../src/kernel/system.ts'
import { type MessageBridge, messageBridge } from '../../../src/messaging/message-bridge.ts'
import { routeTo } from '../../../src/messaging/route.ts'
import { eventSourced } from '../../../src/persistence/event-sourced.ts'
import { type EntityKind, entities } from '../../../src/persistence/event-sourced-entities.ts'
import { EventStore } from '../../../src/persistence/event-store.ts'
import { INBOX_WINDOW } from '../../../src/persistence/inbox-window.ts'
import { type MemoryStore, memoryJournal, memoryStore } from '../../../src/persistence/memory-journal.ts'
import { supervisorControl } from '../../../src/supervision/control.ts'
import { supervisor } from '../../../src/supervision/supervisor.ts'
import { FaultyJournal } from '../../../src/testkit/faults/faulty-journal.ts'
import { type CuttingProxy, startCuttingProxy } from '../../support/cutting-proxy.ts'
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts'
import { eventJson } from './streams-support.ts'

let server: RedisServer
let redis: Redis
let topics = 0
const desks: Desk[] = []
const proxies: CuttingProxy[] = []

beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
})

afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

afterEach(async () => {
  for (const desk of desks.splice(0)) await desk.close()
  for (const proxy of proxies.splice(0)) await proxy.stop()
})

type Ask = { readonly type: 'Add'; readonly label: string } | { readonly type: 'Read' }
interface Added {
  readonly type: 'Added'
  readonly label: string
}

/** What its commands do is seen in its labels; `poison` is a label that it cannot take. */
const basket = (poison: { label: string | null }) =>
  eventSourced<Ask, Added, readonly string[], readonly string[]>({
    name: 'basket',
    initial: () => [],
    decide: (labels, command) => {
      if (command.type === 'Read') return { reply: labels }
      if (command.label === poison.label) throw new Error(`cannot take ${command.label}`)
      return { events: [{ type: 'Added', label: command.label }], reply: labels }
    },
    evolve: (labels, event) => [...labels, event.label],
    snapshot: { every: 10 },
  })

interface Desk {
  readonly bridge: MessageBridge
  readonly baskets: EntityKind<Ask, readonly string[]>
  readonly journal: FaultyJournal
  labels(id: string): Promise<readonly string[]>
  close(): Promise<void>
}

interface DeskOptions {
  readonly topic: string
  readonly memory?: MemoryStore
  readonly url?: string
  readonly poison?: { label: string | null }
}

/** A process that reads the topic: event data is `{ basket, label }`. */
const openDesk = async ({ topic, memory = memoryStore(), url = server.url, poison = { label: null } }: DeskOptions) => {
  const journal = new FaultyJournal(memoryJournal({ store: memory }))
  const store = await EventStore.open(journal, { ...systemPorts, logger: silentLogger })
  const system = ActorSystem.start({ name: 'desk', logger: silentLogger })
  const baskets = entities(basket(poison), store, { backoff: { minMs: 1, maxMs: 5 } })
  const bridge = messageBridge({
    name: 'orders',
    source: redisStreamSource({ url, topics: [topic], group: 'desk', consumer: 'one', logger: silentLogger }),
    store,
    attempts: 3,
    backoff: { minMs: 1, maxMs: 5 },
    translate: ({ payload }) => {
      const { basket: id, label } = payload as { readonly basket: string; readonly label: string }
      return routeTo(baskets, id, { type: 'Add', label })
    },
  })
  const child = (id: string, start: typeof bridge.behavior) => ({ id, start, restart: 'permanent' as const })
  const root = system.spawn(
    supervisor({
      strategy: 'one-for-one',
      children: [child('baskets', baskets.behavior), child('bridge', bridge.behavior)],
    }),
  )
  // Answers once its children have started.
  await supervisorControl(root).whichChildren()
  const desk: Desk = {
    bridge,
    baskets,
    journal,
    labels: id => baskets.ask(id, { type: 'Read' }),
    async close() {
      await system.terminate()
      await store.close()
    },
  }
  desks.push(desk)
  return desk
}

const newTopic = (): string => `baskets-${++topics}`

const put = async (topic: string, id: string, basketId: string, label = id): Promise<void> => {
  await redis.xadd(topic, '*', 'event', eventJson(id, { basket: basketId, label }))
}

const pendingOf = async (topic: string): Promise<number> => {
  const [pending] = (await redis.xpending(topic, 'desk')) as [number]
  return pending
}

const labelled = (desk: Desk, id: string, labels: readonly string[]): Promise<void> =>
  expect.poll(() => desk.labels(id), { timeout: 10_000, interval: 20 }).toEqual(labels)

const settles = (topic: string): Promise<void> =>
  expect.poll(() => pendingOf(topic), { timeout: 10_000, interval: 20 }).toBe(0)

const parks = (desk: Desk, count: number): Promise<void> =>
  expect.poll(async () => (await desk.bridge.parked()).length, { timeout: 10_000, interval: 20 }).toBe(count)

const numbered = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `${i + 1}`)

it('hands each event to its actor, in order, and acknowledges it', async () => {
  const topic = newTopic()
  const desk = await openDesk({ topic })
  for (const id of numbered(300)) await put(topic, id, `b${Number(id) % 3}`)
  for (const rest of [0, 1, 2])
    await labelled(
      desk,
      `b${rest}`,
      numbered(300).filter(id => Number(id) % 3 === rest),
    )
  await settles(topic)
})

it('keeps the trace of an event with what it leads to', async () => {
  const topic = newTopic()
  const memory = memoryStore()
  const desk = await openDesk({ topic, memory })
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const event = JSON.parse(eventJson('1', { basket: 'b', label: 'one' }))
  await redis.xadd(topic, '*', 'event', JSON.stringify({ ...event, traceparent }))
  await labelled(desk, 'b', ['one'])
  const stored = memory.partitions[0]!.log.find(({ persistenceId }) => persistenceId.endsWith('|b'))
  expect(stored?.traceParent).toBe(traceparent)
})

it('stores the effect of an event once that its producer put there twice', async () => {
  const topic = newTopic()
  const desk = await openDesk({ topic })
  for (const id of ['1', '2', '1', '3', '2']) await put(topic, id, 'b')
  await labelled(desk, 'b', ['1', '2', '3'])
  await settles(topic)
  expect(await desk.labels('b')).toEqual(['1', '2', '3'])
})

it('recognises an event among the last 1,000 of its receiver, over snapshots and restarts, and none before', async () => {
  const topic = newTopic()
  const memory = memoryStore()
  const first = await openDesk({ topic, memory })
  for (const id of numbered(INBOX_WINDOW)) await put(topic, id, 'b')
  await labelled(first, 'b', numbered(INBOX_WINDOW))
  await settles(topic)
  await first.close()
  const second = await openDesk({ topic, memory })
  await put(topic, '1', 'b')
  await put(topic, 'new', 'b')
  await labelled(second, 'b', [...numbered(INBOX_WINDOW), 'new'])
  await put(topic, '1', 'b')
  await labelled(second, 'b', [...numbered(INBOX_WINDOW), 'new', '1'])
})

it('what was stored and not acknowledged comes again after a crash, and is stored once', async () => {
  const topic = newTopic()
  const memory = memoryStore()
  const proxy = await startCuttingProxy(server.port)
  proxies.push(proxy)
  const first = await openDesk({ topic, memory, url: `redis://127.0.0.1:${proxy.port}` })
  for (const id of numbered(20)) await put(topic, id, 'b')
  await labelled(first, 'b', numbered(20))
  await settles(topic)
  // From here on nothing is acknowledged.
  let release: () => void = () => undefined
  const wait = new Promise<void>(resolve => {
    release = resolve
  })
  first.journal.plan = operation => (operation === 'commit' ? { wait } : null)
  for (const id of ['21', '22', '23']) await put(topic, id, 'b')
  await expect.poll(() => pendingOf(topic)).toBe(3)
  proxy.down()
  release()
  await labelled(first, 'b', numbered(23))
  await first.close()
  expect(await pendingOf(topic)).toBe(3)

  const second = await openDesk({ topic, memory })
  await put(topic, '24', 'b')
  await labelled(second, 'b', numbered(24))
  await settles(topic)
  expect(await second.labels('b')).toEqual(numbered(24))
})

it('a write that fails is tried again, with nothing lost and nothing stored twice', async () => {
  const topic = newTopic()
  const desk = await openDesk({ topic })
  let commits = 0
  desk.journal.plan = operation => {
    if (operation !== 'commit') return null
    commits++
    return commits === 1 ? { fail: 'after' } : commits === 3 ? { fail: 'before' } : null
  }
  for (const id of numbered(60)) await put(topic, id, 'b')
  await labelled(desk, 'b', numbered(60))
  await settles(topic)
  expect(commits).toBeGreaterThan(3)
})

it('parks what keeps failing with its error and the later ones of its key behind it; the rest goes on', async () => {
  const topic = newTopic()
  const memory = memoryStore()
  const poison = { label: 'bad' as string | null }
  const first = await openDesk({ topic, memory, poison })
  await put(topic, '1', 'b')
  await put(topic, '2', 'b', 'bad')
  await put(topic, '3', 'b')
  await put(topic, '4', 'c')
  await labelled(first, 'c', ['4'])
  await settles(topic)
  expect(await first.labels('b')).toEqual(['1'])
  const parked = await first.bridge.parked()
  expect(parked).toMatchObject([
    { id: '/shop 2', key: 'basket|b', position: null, error: 'cannot take bad' },
    { id: '/shop 3', key: 'basket|b', position: null, error: null },
  ])
  expect(await first.bridge.replay('basket|b')).toEqual({ delivered: 0, parked: 2 })
  await first.close()

  poison.label = null
  const second = await openDesk({ topic, memory, poison })
  await put(topic, '5', 'b')
  await parks(second, 3)
  expect(await second.bridge.replay('basket|b')).toEqual({ delivered: 3, parked: 0 })
  expect(await second.labels('b')).toEqual(['1', 'bad', '3', '5'])
  await put(topic, '6', 'b')
  await labelled(second, 'b', ['1', 'bad', '3', '5', '6'])
})

it('parks nothing twice that comes again after it was parked', async () => {
  const topic = newTopic()
  const memory = memoryStore()
  const first = await openDesk({ topic, memory, poison: { label: 'bad' } })
  await put(topic, '1', 'b', 'bad')
  await parks(first, 1)
  await put(topic, '1', 'b', 'bad')
  await put(topic, '2', 'c')
  await labelled(first, 'c', ['2'])
  await settles(topic)
  expect(await first.bridge.parked()).toHaveLength(1)
  await first.close()
  const second = await openDesk({ topic, memory })
  expect(await second.bridge.parked()).toHaveLength(1)
  expect(await second.bridge.replay('basket|b')).toEqual({ delivered: 1, parked: 0 })
  expect(await second.labels('b')).toEqual(['bad'])
})

it('one that comes again behind a parked one waits with it, and its receiver knows it when it is replayed', async () => {
  const topic = newTopic()
  const poison = { label: 'bad' as string | null }
  const desk = await openDesk({ topic, poison })
  await put(topic, '1', 'b')
  await put(topic, '2', 'b', 'bad')
  await parks(desk, 1)
  await put(topic, '1', 'b')
  await parks(desk, 2)
  poison.label = null
  expect(await desk.bridge.replay('basket|b')).toEqual({ delivered: 2, parked: 0 })
  expect(await desk.labels('b')).toEqual(['1', 'bad'])
})

it('an event of a shape that no store takes is parked as malformed, and is no endless loop', async () => {
  const topic = newTopic()
  const desk = await openDesk({ topic })
  const event = eventJson('1').replace('"data":{}', '"data":{"__proto__":{"basket":"b"}}')
  await redis.xadd(topic, '*', 'event', event)
  await redis.xadd(topic, '*', 'event', eventJson('2', 'x'.repeat(2_000_000)))
  await parks(desk, 2)
  await settles(topic)
  expect(await desk.bridge.parked()).toMatchObject([
    { type: 'malformed', error: expect.stringContaining('data') },
    { type: 'malformed', error: expect.stringContaining('data') },
  ])
})
