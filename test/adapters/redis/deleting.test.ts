import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type RedisJournalOptions, redisJournal } from '../../../src/adapters/redis/index.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import type { Journal } from '../../../src/persistence/journal.ts'
import { append, collect, written } from '../../persistence/journal-contract.ts'
import { type CuttingProxy, startCuttingProxy } from '../../support/cutting-proxy.ts'
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts'

let server: RedisServer
let redis: Redis
let prefix: string
let stores = 0
const opened: Journal[] = []
const proxies: CuttingProxy[] = []

const open = async (options: Partial<RedisJournalOptions> = {}): Promise<Journal> => {
  const journal = redisJournal({ url: server.url, prefix, partitions: 1, logger: silentLogger, ...options })
  opened.push(journal)
  await journal.open()
  return journal
}

beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
})

afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

/** Three records of `a`, and a snapshot of the second. */
beforeEach(async () => {
  prefix = `deleting${++stores}`
  const journal = await open()
  for (let nr = 0; nr < 3; nr++) await journal.commit(0, [append('a', nr)])
  await journal.saveSnapshot({ persistenceId: 'a', sequenceNr: 2, timeMs: 0, payload: 1 }, 2)
  await journal.close()
})

afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close()
  for (const proxy of proxies.splice(0)) await proxy.stop()
})

const keyOf = (name: string): string => `{${prefix}:0}:${name}`

const startsOf = async (journal: Journal): Promise<readonly number[]> =>
  (await collect(journal.read('a', 1))).map(({ expectedSequenceNr }) => expectedSequenceNr + 1)

it.each(['loseAnswerTo', 'loseRequest'] as const)(
  'deletes once, and ends once, where %s cuts the connection',
  async how => {
    const proxy = await startCuttingProxy(server.port)
    proxies.push(proxy)
    const journal = await open({ url: `redis://127.0.0.1:${proxy.port}` })
    proxy[how]('EVALSHA')
    await journal.deleteTo!('a', 2)
    expect(await startsOf(journal)).toEqual([3])
    proxy[how]('EVALSHA')
    await journal.tombstone!('a')
    expect(proxy.lost).toBe(2)
    expect(await redis.hget(keyOf('state'), 'horizons')).toBe('1')
    expect(await redis.exists(keyOf('snapshots:a'))).toBe(0)
    await expect(startsOf(await open())).rejects.toMatchObject({ code: 'JOURNAL_TOMBSTONED' })
  },
)

it('tells a guest at once what its owner has deleted, and lets it delete nothing', async () => {
  const owner = await open()
  const guest = await open({ writer: 'guest' })
  expect(await startsOf(guest)).toEqual([1, 2, 3])
  await owner.deleteTo!('a', 2)
  expect(await startsOf(guest)).toEqual([3])
  expect(written(await guest.commit(0, [append('a', 1)]))).toEqual(['deleted to 2'])
  for (const refused of [guest.deleteTo!('a', 3), guest.tombstone!('a')])
    await expect(refused).rejects.toMatchObject({ code: 'JOURNAL_MISCONFIGURED' })
  await owner.tombstone!('a')
  // Its own head is from before.
  expect(written(await guest.commit(0, [append('a', 3), append('b', 0)]))).toEqual(['tombstoned', '4'])
  await expect(
    guest.saveSnapshot({ persistenceId: 'a', sequenceNr: 3, timeMs: 0, payload: 1 }, 2),
  ).rejects.toMatchObject({ code: 'JOURNAL_TOMBSTONED' })
})

it('ends an id that a guest goes on writing to meanwhile', async () => {
  const owner = await open()
  const guest = await open({ writer: 'guest' })
  let last = 3
  const writing = (async () => {
    for (;;) {
      const [result] = await guest.commit(0, [append('a', last)])
      if (result!.status === 'tombstoned') return
      expect(result!.status).toBe('written')
      last++
    }
  })()
  await owner.tombstone!('a')
  await writing
  expect((await owner.readLog(0, 1, 10_000)).length).toBe(last)
  await expect(startsOf(owner)).rejects.toMatchObject({ code: 'JOURNAL_TOMBSTONED' })
})

it('forgets on a server without memory, so that there is some again', async () => {
  const journal = await open()
  await redis.config('SET', 'maxmemory', '1mb')
  try {
    await expect(journal.commit(0, [append('a', 3)])).rejects.toMatchObject({ code: 'JOURNAL_FULL' })
    await journal.deleteTo!('a', 3)
    expect(await redis.exists(keyOf('snapshots:a'))).toBe(0)
  } finally {
    await redis.config('SET', 'maxmemory', '0')
  }
})

it('does not open where a horizon is gone, and does not read where it has another value', async () => {
  const journal = await open()
  await journal.deleteTo!('a', 2)
  await journal.close()
  const horizon = (await redis.hget(keyOf('horizons'), 'a'))!
  await redis.hset(keyOf('horizons'), 'a', horizon.replace('2:', '1:'))
  const reader = await open()
  await expect(startsOf(reader)).rejects.toMatchObject({
    code: 'JOURNAL_CORRUPT',
    message: expect.stringContaining('horizon of a'),
  })
  await redis.hdel(keyOf('horizons'), 'a')
  await expect(open()).rejects.toMatchObject({
    code: 'JOURNAL_CORRUPT',
    message: expect.stringContaining('horizons has 0 entries of 1'),
  })
})
