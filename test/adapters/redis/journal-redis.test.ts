import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FORMAT } from '../../../src/adapters/codec/frame.ts'
import { destroyRedisStore, redisJournal } from '../../../src/adapters/redis/index.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import type { Journal } from '../../../src/persistence/journal.ts'
import { partitionOf } from '../../../src/persistence/partition.ts'
import { append, collect, journalContract, type TestStore, written } from '../../persistence/journal-contract.ts'
import { type CuttingProxy, startCuttingProxy } from '../../support/cutting-proxy.ts'
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts'

let server: RedisServer
let redis: Redis
let stores = 0
let archives: string

beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
  archives = mkdtempSync(join(tmpdir(), 'troupe-archives-'))
})

afterAll(async () => {
  redis.disconnect()
  await server.stop()
  rmSync(archives, { recursive: true, force: true })
})

const newPrefix = (): string => `test${++stores}`

const redisStore = (partitions: number): TestStore => {
  const prefix = newPrefix()
  return {
    journal: () =>
      redisJournal({
        url: server.url,
        prefix,
        partitions,
        logger: silentLogger,
        archive: { folder: join(archives, prefix), segmentBytes: 4_096 },
      }),
    async breakNewestSnapshot(persistenceId) {
      const key = `{${prefix}:${partitionOf(persistenceId, partitions)}}:snapshots:${persistenceId}`
      const newest = (await redis.hkeys(key)).sort((a, b) => Number(b) - Number(a))[0]!
      const packed = (await redis.hgetBuffer(key, newest))!
      packed[packed.length - 1]! ^= 1
      await redis.hset(key, newest, packed)
    },
    // The server is the tests' own and goes with its folder.
    remove: async () => undefined,
  }
}

journalContract('redisJournal', async () => redisStore(16), { secondOpen: 'fences', modelRuns: 15 })
journalContract('redisJournal of 1 partition', async () => redisStore(1), { secondOpen: 'fences', modelRuns: 15 })

describe('redisJournal', () => {
  const opened: Journal[] = []
  const proxies: CuttingProxy[] = []

  const open = async (options: Partial<Parameters<typeof redisJournal>[0]> = {}): Promise<Journal> => {
    const journal = redisJournal({
      url: server.url,
      prefix: newPrefix(),
      partitions: 1,
      logger: silentLogger,
      ...options,
    })
    opened.push(journal)
    await journal.open()
    return journal
  }

  const openThroughProxy = async (unavailableAfterMs = 5_000): Promise<{ journal: Journal; proxy: CuttingProxy }> => {
    const proxy = await startCuttingProxy(server.port)
    proxies.push(proxy)
    return { journal: await open({ url: `redis://127.0.0.1:${proxy.port}`, unavailableAfterMs }), proxy }
  }

  const close = async (): Promise<void> => {
    for (const journal of opened.splice(0)) await journal.close()
    for (const proxy of proxies.splice(0)) await proxy.stop()
  }

  const using = (doing: () => Promise<void>) => async () => {
    try {
      await doing()
    } finally {
      await close()
    }
  }

  describe('when the connection is cut', () => {
    it(
      'finds a commit whose answer was lost, and writes it once',
      using(async () => {
        const { journal, proxy } = await openThroughProxy()
        await journal.commit(0, [append('a', 0)])
        proxy.loseAnswerTo('EVALSHA')
        const results = await journal.commit(0, [append('a', 1, 'One', 'Two'), append('b', 0)], new Map([['risk', 4]]))
        expect(proxy.lost).toBe(1)
        expect(written(results)).toEqual(['2 again', '4 again'])
        expect(await journal.lastPosition(0)).toBe(4)
        expect(await journal.loadCursors(0)).toEqual(new Map([['risk', 4]]))
        expect(written(await journal.commit(0, [append('a', 3)]))).toEqual(['5'])
        expect(await journal.readLog(0, 1, 100)).toHaveLength(4)
      }),
    )

    it(
      'writes a commit that had not reached the server',
      using(async () => {
        const { journal, proxy } = await openThroughProxy()
        await journal.commit(0, [append('a', 0)])
        proxy.loseRequest('EVALSHA')
        expect(written(await journal.commit(0, [append('a', 1), append('b', 0)]))).toEqual(['2', '3'])
        expect(proxy.lost).toBe(1)
        expect(await journal.lastPosition(0)).toBe(3)
      }),
    )

    it(
      'is fenced if somebody took over meanwhile',
      using(async () => {
        const prefix = newPrefix()
        const proxy = await startCuttingProxy(server.port)
        proxies.push(proxy)
        const older = await open({ url: `redis://127.0.0.1:${proxy.port}`, prefix })
        proxy.loseRequest('EVALSHA')
        proxy.down()
        const committing = older.commit(0, [append('a', 0)]).catch((error: unknown) => error)
        const newer = await open({ prefix })
        proxy.up()
        expect(await committing).toMatchObject({ code: 'JOURNAL_FENCED' })
        expect(await newer.lastPosition(0)).toBe(0)
      }),
    )

    it(
      'reads on after it',
      using(async () => {
        const { journal, proxy } = await openThroughProxy()
        await journal.commit(0, [append('a', 0)])
        proxy.loseAnswerTo('XRANGE')
        expect(await journal.readLog(0, 1, 10)).toHaveLength(1)
        proxy.loseAnswerTo('HMGET')
        expect(await journal.lastSequenceNr('a')).toBe(1)
        expect(proxy.lost).toBe(2)
      }),
    )
  })

  describe('when the server stays away', () => {
    it(
      'fails with JOURNAL_UNAVAILABLE within the limit, and goes on when it is back',
      using(async () => {
        const { journal, proxy } = await openThroughProxy(700)
        await journal.commit(0, [append('a', 0)])
        proxy.down()
        const startedMs = performance.now()
        const next = append('a', 1)
        await expect(journal.commit(0, [next])).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE', retryable: true })
        await expect(journal.lastSequenceNr('a')).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' })
        expect(performance.now() - startedMs).toBeLessThan(6_000)
        proxy.up()
        expect(written(await journal.commit(0, [next]))).toEqual(['2'])
      }),
    )

    it(
      'fails as well when it holds the connection and says nothing',
      using(async () => {
        const { journal, proxy } = await openThroughProxy(500)
        await journal.commit(0, [append('a', 0)])
        proxy.freeze()
        const next = append('a', 1)
        await expect(journal.commit(0, [next])).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' })
        proxy.down()
        proxy.up()
        expect(written(await journal.commit(0, [next]))).toEqual(['2'])
      }),
    )

    it('cannot be opened, and says so', async () => {
      const journal = redisJournal({ url: 'redis://127.0.0.1:1', unavailableAfterMs: 200 })
      await expect(journal.open()).rejects.toMatchObject({
        code: 'JOURNAL_UNAVAILABLE',
        message: expect.stringContaining('ECONNREFUSED'),
      })
    })
  })

  it(
    'goes on after its scripts were flushed',
    using(async () => {
      const journal = await open()
      await journal.commit(0, [append('a', 0)])
      await redis.script('FLUSH')
      expect(written(await journal.commit(0, [append('a', 1)]))).toEqual(['2'])
      await redis.script('FLUSH')
      await journal.saveSnapshot({ persistenceId: 'a', sequenceNr: 2, timeMs: 0, payload: 1 }, 2)
      expect(await collect(journal.loadSnapshots('a', () => undefined))).toHaveLength(1)
    }),
  )

  it(
    'has what it wrote after the server was killed and started again',
    using(async () => {
      const own = await startRedisServer(['--appendfsync always'])
      try {
        const prefix = newPrefix()
        const journal = await open({ url: own.url, prefix })
        expect(journal.durability).toContain('flushed')
        for (let i = 0; i < 20; i++) await journal.commit(0, [append('a', i)])
        await own.kill()
        const committing = journal.commit(0, [append('a', 20)])
        await own.restart()
        expect(written(await committing)).toEqual(['21'])
        const again = await open({ url: own.url, prefix })
        expect(await collect(again.read('a', 1))).toHaveLength(21)
      } finally {
        await own.stop()
      }
    }),
  )

  it(
    'goes on where another writer without an epoch has written in between, and names what conflicts',
    using(async () => {
      const prefix = newPrefix()
      const journal = await open({ prefix })
      await journal.commit(0, [append('a', 0), append('b', 0), append('c', 0)])
      // A block that somebody else puts there, as a function would that recovers one id: checked by its sequence number.
      const { position } = await foreignAppend(prefix, 'b', 1)
      expect(position).toBe(4)
      expect(written(await journal.commit(0, [append('a', 1), append('b', 1), append('c', 1)]))).toEqual([
        '5',
        'conflict at 2',
        '6',
      ])
      expect(await journal.lastPosition(0)).toBe(6)
      await foreignAppend(prefix, 'c', 2)
      // What builds on the foreign one is accepted although this writer has an older head in memory.
      expect(written(await journal.commit(0, [append('c', 3), append('c', 4)]))).toEqual(['8', '9'])
      expect((await collect(journal.read('c', 1))).map(stored => stored.position)).toEqual([3, 6, 7, 8, 9])
    }),
  )

  /** Commits through a second journal without leaving its epoch behind. */
  const foreignAppend = async (
    prefix: string,
    persistenceId: string,
    expected: number,
  ): Promise<{ position: number }> => {
    const state = `{${prefix}:0}:state`
    const epoch = await redis.hget(state, 'epoch')
    const other = redisJournal({ url: server.url, prefix, partitions: 1, logger: silentLogger })
    await other.open()
    const [result] = await other.commit(0, [append(persistenceId, expected)])
    await other.close()
    await redis.hset(state, 'epoch', epoch!)
    if (result?.status !== 'written') throw new Error('the foreign append was refused')
    return { position: result.position }
  }

  describe('finds damage', () => {
    const damaged = async (doing: (log: string, prefix: string) => Promise<unknown>): Promise<{ prefix: string }> => {
      const prefix = newPrefix()
      const journal = await open({ prefix })
      await journal.commit(0, [append('a', 0), append('b', 0)])
      await journal.commit(0, [append('a', 1)])
      await journal.commit(0, [append('b', 1)])
      await journal.close()
      await doing(`{${prefix}:0}:log`, prefix)
      return { prefix }
    }

    it(
      'a flipped bit in a block, for readers of the log and of an id',
      using(async () => {
        // A stream cannot be changed in place: the same entries are put into another one, which takes its name.
        const { prefix } = await damaged(async log => {
          for (const [id, [, packed]] of await redis.xrangeBuffer(log, '-', '+')) {
            if (id.toString() === '3-0') packed![packed!.length >> 1]! ^= 8
            await redis.xadd(`${log}:copy`, id.toString(), 'b', packed!)
          }
          await redis.rename(`${log}:copy`, log)
        })
        const journal = await open({ prefix })
        const expected = (id: string) =>
          expect.objectContaining({
            code: 'JOURNAL_CORRUPT',
            message: expect.stringMatching(new RegExp(`prefix=${prefix}, partition 0, position 3${id}`)),
          })
        await expect(journal.readLog(0, 3, 10)).rejects.toEqual(expected(''))
        await expect(collect(journal.read('a', 1))).rejects.toEqual(expected(', a'))
        expect(await collect(journal.read('b', 1))).toHaveLength(2)
      }),
    )

    it(
      'a flipped bit in a block of others, which an id whose blocks are read by the page does not meet',
      using(async () => {
        const prefix = newPrefix()
        const writer = await open({ prefix })
        for (let i = 0; i < 40; i++) await writer.commit(0, [append(i % 2 === 0 ? 'a' : 'b', i >> 1)])
        await writer.close()
        const log = `{${prefix}:0}:log`
        for (const [id, [, packed]] of await redis.xrangeBuffer(log, '-', '+')) {
          if (id.toString() === '20-0') packed![packed!.length >> 1]! ^= 8
          await redis.xadd(`${log}:copy`, id.toString(), 'b', packed!)
        }
        await redis.rename(`${log}:copy`, log)
        const journal = await open({ prefix })
        expect(await collect(journal.read('a', 1))).toHaveLength(20)
        await expect(collect(journal.read('b', 1))).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
      }),
    )

    it(
      'a missing block',
      using(async () => {
        const { prefix } = await damaged(async () => undefined)
        const journal = await open({ prefix })
        await redis.xdel(`{${prefix}:0}:log`, '3-0')
        await expect(journal.readLog(0, 1, 10)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
        await expect(collect(journal.read('a', 1))).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
      }),
    )

    it('a log that ends before its time, at start', async () => {
      const { prefix } = await damaged(log => redis.xdel(log, '4-0'))
      await expect(open({ prefix })).rejects.toMatchObject({
        code: 'JOURNAL_CORRUPT',
        message: expect.stringContaining('ends at position 3, and should at 4'),
      })
    })

    it.each(['{"format":', `{"format":${FORMAT}}`])('a description that reads %s', async text => {
      const { prefix } = await damaged((_, of) => redis.set(`${of}:meta`, text))
      await expect(open({ prefix })).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
    })

    it('a later format, another number of partitions', async () => {
      const { prefix } = await damaged((_, of) => redis.set(`${of}:meta`, `{"format":${FORMAT + 1},"partitions":1}`))
      await expect(open({ prefix })).rejects.toMatchObject({ code: 'JOURNAL_FORMAT' })
      const other = await damaged(async () => undefined)
      await expect(open({ prefix: other.prefix, partitions: 4 })).rejects.toMatchObject({
        code: 'JOURNAL_MISCONFIGURED',
        message: expect.stringContaining('made with 1 partitions, 4 were asked for'),
      })
    })
  })

  it(
    'is removed with all it holds, and who had it open is fenced, also after it was made anew',
    using(async () => {
      const prefix = `${newPrefix()}*[x]`
      const other = await open({ prefix: `${prefix}y` })
      await other.commit(0, [append('a', 0)])
      const older = await open({ prefix, partitions: 4 })
      for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) {
        await older.commit(partitionOf(id, 4), [append(id, 0)], new Map([['risk', 1]]))
        await older.saveSnapshot({ persistenceId: id, sequenceNr: 1, timeMs: 0, payload: 1 }, 2)
      }
      const place = `${server.url}?prefix=${encodeURIComponent(prefix)}`
      await destroyRedisStore({ url: place })
      await destroyRedisStore({ url: place })
      const left = (await redis.keys('*')).filter(key => key.includes(`${prefix}:`))
      expect(left.sort()).toEqual([0, 1, 2, 3].map(nr => `{${prefix}:${nr}}:state`))
      const newer = await open({ prefix, partitions: 4 })
      await expect(older.commit(0, [])).rejects.toMatchObject({ code: 'JOURNAL_FENCED' })
      for (const nr of [0, 1, 2, 3]) expect(await newer.lastPosition(nr)).toBe(0)
      expect(await newer.lastSequenceNr('a')).toBe(0)
      expect(await other.lastPosition(0)).toBe(1)
    }),
  )

  it(
    'names neither user nor password',
    using(async () => {
      const journal = redisJournal({ url: `redis://someone:secret@127.0.0.1:${server.port}`, unavailableAfterMs: 200 })
      expect(journal.name).not.toMatch(/someone|secret/)
      await expect(journal.open()).rejects.toMatchObject({ message: expect.not.stringContaining('secret') })
    }),
  )
})
