import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type RedisStreamSourceOptions, redisStreamSource } from '../../../src/adapters/redis/index.ts'
import { type CuttingProxy, startCuttingProxy } from '../../support/cutting-proxy.ts'
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts'
import { eventJson, Reader, redisCli } from './streams-support.ts'

let server: RedisServer
let redis: Redis
let topics = 0
const readers: Reader[] = []
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
  for (const reader of readers.splice(0)) await reader.source.close()
  for (const proxy of proxies.splice(0)) await proxy.stop()
})

const newTopic = (): string => `orders-${++topics}`

const readerOf = (topic: string, options: Partial<RedisStreamSourceOptions> = {}): Reader => {
  const reader = new Reader({ url: server.url, topics: [topic], group: 'desk', consumer: 'one', ...options })
  readers.push(reader)
  return reader
}

const open = (topic: string, options?: Partial<RedisStreamSourceOptions>): Promise<Reader> =>
  readerOf(topic, options).open()

const openThroughProxy = async (topic: string): Promise<{ reader: Reader; proxy: CuttingProxy }> => {
  const proxy = await startCuttingProxy(server.port)
  proxies.push(proxy)
  return { reader: readerOf(topic, { url: `redis://127.0.0.1:${proxy.port}` }), proxy }
}

const put = async (topic: string, ...ids: readonly (string | number)[]): Promise<void> => {
  for (const id of ids) await redis.xadd(topic, '*', 'event', eventJson(`${id}`))
}

const numbers = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`)

const pendingOf = async (topic: string): Promise<number> => {
  const [count] = (await redis.xpending(topic, 'desk')) as [number]
  return count
}

/** Who holds each pending entry. */
const holdersOf = async (topic: string): Promise<readonly string[]> => {
  const pending = (await redis.xpending(topic, 'desk', '-', '+', 100)) as [string, string, number, number][]
  return pending.map(([, consumer]) => consumer)
}

const settles = (topic: string, pending: number): Promise<void> =>
  expect.poll(() => pendingOf(topic), { timeout: 10_000, interval: 20 }).toBe(pending)

/** Another program takes what is there, and is never heard of again. */
const takeAsDead = async (topic: string): Promise<void> => {
  await redis.xgroup('CREATE', topic, 'desk', '0', 'MKSTREAM')
  await redis.xreadgroup('GROUP', 'desk', 'dead', 'STREAMS', topic, '>')
}

describe('a Redis Streams source', () => {
  it('gives what redis-cli puts there, in the order of the entries', async () => {
    const topic = newTopic()
    const reader = await open(topic)
    await redisCli(server.port, 'XADD', topic, '*', 'event', eventJson('1', { total: 3 }))
    const attributes = ['specversion', '1.0', 'id', '2', 'source', '/shop', 'type', 'OrderPaid', 'data', '{"total":4}']
    await redisCli(server.port, 'XADD', topic, '*', ...attributes)
    await redisCli(server.port, 'XADD', topic, '*', 'message', 'hello')
    await reader.has(3)
    expect(reader.messages).toMatchObject([
      { id: '/shop 1', type: 'OrderPlaced', payload: { total: 3 }, position: null, invalid: null },
      { id: '/shop 2', type: 'OrderPaid', payload: { total: 4 }, position: null, invalid: null },
      { type: 'malformed', position: null, invalid: expect.stringContaining('no CloudEvent') },
    ])
  })

  it('begins with the first entry, of before it made the group too', async () => {
    const topic = newTopic()
    await put(topic, ...numbers(1, 20))
    const reader = await open(topic)
    await reader.has(20)
    expect(reader.ids).toEqual(numbers(1, 20))
  })

  it('takes a group as it is, wherever it begins', async () => {
    const topic = newTopic()
    await put(topic, 1)
    await redis.xgroup('CREATE', topic, 'desk', '$')
    const reader = await open(topic)
    await put(topic, 2)
    await reader.has(1)
    expect(reader.ids).toEqual(['2'])
  })

  it('acknowledges what is done, in any order, and nothing else', async () => {
    const topic = newTopic()
    const reader = await open(topic)
    await put(topic, 1, 2, 3)
    await reader.has(3)
    expect(await pendingOf(topic)).toBe(3)
    reader.source.done(reader.messages[2]!)
    await settles(topic, 2)
    reader.source.done(reader.messages[0]!)
    await settles(topic, 1)
    await sleep(100)
    expect(await pendingOf(topic)).toBe(1)
  })

  it('reads no more than it may before some of it is acknowledged', async () => {
    const topic = newTopic()
    await put(topic, ...numbers(1, 50))
    const reader = await open(topic, { maxUnacknowledged: 10 })
    await reader.has(5)
    await sleep(200)
    expect(reader.messages.length).toBeLessThanOrEqual(10)
    expect(await pendingOf(topic)).toBeLessThanOrEqual(10)
    for (let seen = 0; seen < 50; seen = reader.messages.length) {
      for (const message of reader.messages) reader.source.done(message)
      await reader.has(Math.min(50, seen + 1))
    }
    expect(reader.ids).toEqual(numbers(1, 50))
    reader.allDone()
    await settles(topic, 0)
  })

  it('after a start its own entries that are not acknowledged come first', async () => {
    const topic = newTopic()
    const first = await open(topic)
    await put(topic, ...numbers(1, 6))
    await first.has(6)
    for (const index of [0, 1, 3]) first.source.done(first.messages[index]!)
    await first.source.close()
    expect(await pendingOf(topic)).toBe(3)
    await put(topic, 7)
    const second = await open(topic)
    await second.has(4)
    expect(second.ids).toEqual(['3', '5', '6', '7'])
  })

  it('may be opened again, and then begins anew with what is not done', async () => {
    const topic = newTopic()
    const reader = await open(topic)
    await put(topic, 1, 2)
    await reader.has(2)
    const [stale] = reader.messages
    await reader.open()
    await reader.has(4)
    expect(reader.ids).toEqual(['1', '2', '1', '2'])
    // What an earlier reading gave is nobody's any more.
    reader.source.done(stale!)
    await sleep(100)
    expect(await pendingOf(topic)).toBe(2)
    reader.source.done(reader.messages[2]!)
    await settles(topic, 1)
  })

  it('takes over what a dead consumer held, once it lay idle long enough', async () => {
    const topic = newTopic()
    await put(topic, 1, 2)
    await takeAsDead(topic)
    const startMs = performance.now()
    const reader = await open(topic, { claimIdleMs: 600 })
    await put(topic, 3)
    await reader.has(3)
    expect(performance.now() - startMs).toBeGreaterThan(400)
    expect(reader.ids).toEqual(['3', '1', '2'])
    reader.allDone()
    await settles(topic, 0)
  })

  it('takes over at its start what lay idle long enough before', async () => {
    const topic = newTopic()
    await put(topic, 1, 2)
    await takeAsDead(topic)
    for (const [id] of (await redis.xrange(topic, '-', '+')) as [string, string[]][])
      await redis.xclaim(topic, 'desk', 'dead', 0, id, 'IDLE', 60_001)
    const reader = await open(topic)
    await reader.has(2, 2_000)
    expect(await holdersOf(topic)).toEqual(['one', 'one'])
  })

  it('takes over more than fits at once, within its bound', async () => {
    const topic = newTopic()
    await put(topic, ...numbers(1, 40))
    await takeAsDead(topic)
    const reader = await open(topic, { claimIdleMs: 100, maxUnacknowledged: 8 })
    for (let seen = 0; seen < 40; seen = reader.messages.length) {
      expect(await pendingOf(topic)).toBeLessThanOrEqual(40 - seen + 8)
      reader.allDone()
      await reader.has(Math.min(40, seen + 1))
    }
    expect(reader.ids).toEqual(numbers(1, 40))
  })

  it('keeps its bound when entries are taken over while it waits for new ones', async () => {
    const topic = newTopic()
    await put(topic, ...numbers(1, 20))
    await takeAsDead(topic)
    const reader = await open(topic, { claimIdleMs: 300, maxUnacknowledged: 8 })
    await reader.has(1)
    await put(topic, ...numbers(21, 40))
    await reader.has(8)
    await sleep(300)
    expect(reader.messages).toHaveLength(8)
  })

  it('nobody takes over what a living consumer works on, however long', async () => {
    const topic = newTopic()
    const slow = await open(topic, { claimIdleMs: 300 })
    await put(topic, ...numbers(1, 5))
    await slow.has(5)
    const other = await open(topic, { claimIdleMs: 300, consumer: 'two' })
    await sleep(1_500)
    expect(other.messages).toEqual([])
    expect(slow.messages).toHaveLength(5)
    slow.allDone()
    await settles(topic, 0)
  })

  it('leaves to another consumer what that has taken over', async () => {
    const topic = newTopic()
    const reader = await open(topic, { claimIdleMs: 300 })
    await put(topic, 1, 2)
    await reader.has(2)
    const [first] = (await redis.xrange(topic, '-', '+', 'COUNT', 1)) as [[string, string[]]]
    await redis.xclaim(topic, 'desk', 'thief', 0, first[0], 'IDLE', 0)
    await sleep(150)
    expect(await holdersOf(topic)).toEqual(['thief', 'one'])
  })

  it('reads several topics, each in its order, within one bound', async () => {
    const topics = [newTopic(), newTopic()]
    for (const topic of topics) await put(topic, ...numbers(1, 20))
    const reader = await open('', { topics, maxUnacknowledged: 12 })
    await reader.has(1)
    for (let seen = 0; seen < 40; seen = reader.messages.length) {
      const pending = await Promise.all(topics.map(pendingOf))
      expect(pending[0]! + pending[1]!).toBeLessThanOrEqual(12)
      reader.allDone()
      await reader.has(Math.min(40, seen + 1))
    }
    for (const partition of [0, 1]) {
      const ofTopic = reader.messages.filter(message => message.partition === partition)
      expect(ofTopic.map(({ id }) => id)).toEqual(numbers(1, 20).map(id => `/shop ${id}`))
    }
  })

  it('logs and acknowledges an entry that was deleted before it was read', async () => {
    const topic = newTopic()
    await put(topic, 1, 2, 3)
    await redis.xgroup('CREATE', topic, 'desk', '0')
    await redis.xreadgroup('GROUP', 'desk', 'one', 'STREAMS', topic, '>')
    const entries = (await redis.xrange(topic, '-', '+')) as [string, string[]][]
    await redis.xdel(topic, entries[0]![0], entries[2]![0])
    const reader = await open(topic)
    await reader.has(1)
    await settles(topic, 1)
    expect(reader.ids).toEqual(['2'])
    expect(reader.lines.filter(line => line.includes('was deleted before it was read'))).toHaveLength(2)
  })
})

describe('a Redis Streams source whose server is not always there', () => {
  it('opens at once, says so once, and reads when the server comes', async () => {
    const topic = newTopic()
    const { reader, proxy } = await openThroughProxy(topic)
    proxy.down()
    await reader.open()
    await put(topic, 1)
    await sleep(300)
    proxy.up()
    await reader.has(1)
    expect(reader.lines.filter(line => line.startsWith('warn'))).toHaveLength(1)
    expect(reader.lines.at(-1)).toContain('reads again')
  })

  it('reads again entries whose answer was lost with the connection', async () => {
    const topic = newTopic()
    const { reader, proxy } = await openThroughProxy(topic)
    proxy.loseAnswerTo('BLOCK')
    await reader.open()
    await sleep(200)
    await put(topic, 1)
    await put(topic, 2)
    await reader.has(2)
    expect(proxy.lost).toBe(1)
    expect(reader.ids).toEqual(['1', '2'])
    await sleep(200)
    expect(reader.messages).toHaveLength(2)
  })

  it.each(['loseAnswerTo', 'loseRequest'] as const)(
    'acknowledges again after %s XACK, and gives nothing twice',
    async lose => {
      const topic = newTopic()
      const { reader, proxy } = await openThroughProxy(topic)
      await reader.open()
      await put(topic, 1, 2)
      await reader.has(2)
      proxy[lose]('XACK')
      reader.allDone()
      await settles(topic, 0)
      await put(topic, 3)
      await reader.has(3)
      expect(proxy.lost).toBe(1)
      expect(reader.ids).toEqual(['1', '2', '3'])
    },
  )

  it('acknowledges what was done while the server was away, and gives nothing twice', async () => {
    const topic = newTopic()
    const { reader, proxy } = await openThroughProxy(topic)
    await reader.open()
    await put(topic, 1, 2, 3)
    await reader.has(3)
    proxy.down()
    reader.source.done(reader.messages[1]!)
    await put(topic, 4)
    await sleep(200)
    reader.source.done(reader.messages[0]!)
    proxy.up()
    await reader.has(4)
    await settles(topic, 2)
    expect(reader.ids).toEqual(['1', '2', '3', '4'])
  })

  it('goes on after it lost the server while it was out of room', async () => {
    const topic = newTopic()
    const proxy = await startCuttingProxy(server.port)
    proxies.push(proxy)
    const reader = await open(topic, { url: `redis://127.0.0.1:${proxy.port}`, maxUnacknowledged: 2 })
    await put(topic, ...numbers(1, 4))
    await reader.has(2)
    await sleep(50)
    proxy.down()
    reader.allDone()
    await sleep(200)
    proxy.up()
    await reader.has(4)
    reader.allDone()
    await settles(topic, 0)
    expect(reader.ids).toEqual(numbers(1, 4))
  })

  it('notices a server that holds the connection and says nothing', async () => {
    const topic = newTopic()
    const proxy = await startCuttingProxy(server.port)
    proxies.push(proxy)
    const url = `redis://127.0.0.1:${proxy.port}`
    const reader = await open(topic, { url, blockMs: 200, unavailableAfterMs: 300 })
    await put(topic, 1)
    await reader.has(1)
    proxy.freeze()
    await put(topic, 2)
    await sleep(1_000)
    proxy.up()
    await reader.has(2)
    expect(reader.ids).toEqual(['1', '2'])
  })

  it('loses nothing when the server is killed and started again', async () => {
    const own = await startRedisServer(['--appendfsync always'])
    try {
      const reader = await open('orders', { url: own.url })
      const client = new Redis(own.url)
      for (const id of ['1', '2', '3']) await client.xadd('orders', '*', 'event', eventJson(id))
      await reader.has(3)
      reader.source.done(reader.messages[0]!)
      await expect.poll(async () => ((await client.xpending('orders', 'desk')) as [number])[0]).toBe(2)
      client.disconnect()
      await own.restart()
      await redisCli(own.port, 'XADD', 'orders', '*', 'event', eventJson('4'))
      await reader.has(4)
      expect(reader.ids).toEqual(['1', '2', '3', '4'])
      await reader.source.close()
    } finally {
      await own.stop()
    }
  })

  it('makes the group again when it is gone', async () => {
    const topic = newTopic()
    const reader = await open(topic)
    await put(topic, 1)
    await reader.has(1)
    await redis.del(topic)
    await put(topic, 2)
    await reader.has(2)
    expect(reader.ids).toEqual(['1', '2'])
  })

  it('waits for a topic that is no stream to become one', async () => {
    const topic = newTopic()
    await redis.set(topic, 'not a stream')
    const reader = await open(topic)
    await expect.poll(() => reader.lines.filter(line => line.includes('WRONGTYPE'))).toHaveLength(1)
    await redis.del(topic)
    await put(topic, 1)
    await reader.has(1)
  })
})

describe('closing a Redis Streams source', () => {
  it('ends a read that waits for a minute at once', async () => {
    const topic = newTopic()
    const reader = await open(topic, { blockMs: 60_000 })
    await put(topic, 1)
    await reader.has(1)
    await sleep(50)
    const startMs = performance.now()
    await reader.source.close()
    expect(performance.now() - startMs).toBeLessThan(500)
  })

  it('acknowledges what is done first, however slow the server is with that', async () => {
    const topic = newTopic()
    const reader = await open(topic)
    await put(topic, ...numbers(1, 900))
    await reader.has(900)
    await redis.client('PAUSE', 300, 'WRITE')
    for (const message of reader.messages.slice(0, 899)) reader.source.done(message)
    await reader.source.close()
    expect(await pendingOf(topic)).toBe(1)
  })

  it('ends in a while without a server, and while it is out of room', async () => {
    const topic = newTopic()
    const { reader, proxy } = await openThroughProxy(topic)
    await reader.open()
    proxy.down()
    await sleep(50)
    await reader.source.close()
    await put(topic, ...numbers(1, 10))
    const full = await open(topic, { maxUnacknowledged: 2 })
    await full.has(2)
    await full.source.close()
    expect(full.source.next()).toBeNull()
  })

  it('may be called while it opens, and before', async () => {
    const topic = newTopic()
    const reader = readerOf(topic)
    await reader.source.close()
    await Promise.all([reader.open(), reader.source.close()])
    await put(topic, 1)
    await sleep(100)
    expect(reader.messages).toEqual([])
  })
})

it.each([
  [{ url: 'http://localhost' }, 'redis://host:port/db'],
  [{ url: 'redis://user:secret@localhost?prefix=x' }, 'redis://host:port/db'],
  [{ topics: [] }, 'topics'],
  [{ topics: ['a', 'a'] }, 'topics'],
  [{ group: '' }, 'group'],
  [{ consumer: '' }, 'consumer'],
  [{ claimIdleMs: 99 }, 'claimIdleMs'],
  [{ maxUnacknowledged: 1 }, 'maxUnacknowledged'],
  [{ maxUnacknowledged: 1_001 }, 'maxUnacknowledged'],
  [{ blockMs: 0 }, 'blockMs'],
  [{ unavailableAfterMs: 0.5 }, 'unavailableAfterMs'],
])('refuses %j, saying what to write instead', (wrong, text) => {
  const options = { url: 'redis://localhost', topics: ['a'], group: 'g', consumer: 'c', ...wrong }
  expect(() => redisStreamSource(options)).toThrow(
    expect.objectContaining({ code: 'SOURCE_MISCONFIGURED', message: expect.stringContaining(text) }),
  )
  expect(() => redisStreamSource(options)).not.toThrow(/secret/)
})
