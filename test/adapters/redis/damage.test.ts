import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hashOf, sealAsText } from '../../../src/adapters/codec/checksum.ts'
import { destroyRedisStore, redisJournal } from '../../../src/adapters/redis/index.ts'
import { cursorName } from '../../../src/adapters/redis/keys.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import type { Journal } from '../../../src/persistence/journal.ts'
import { partitionOf } from '../../../src/persistence/partition.ts'
import { append } from '../../persistence/journal-contract.ts'
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts'
import { type CountingProxy, startCountingProxy } from './counting-proxy.ts'

const PARTITIONS = 4

let server: RedisServer
let redis: Redis
let prefix: string
let stores = 0
const opened: Journal[] = []
const proxies: CountingProxy[] = []

beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
  await knowScripts()
})

/** So that the server knows all scripts of a removal, and each is one call. */
const knowScripts = async (): Promise<void> => {
  const url = `${server.url}?prefix=warm`
  const journal = redisJournal({ url, logger: silentLogger })
  await journal.open()
  await journal.close()
  await destroyRedisStore({ url })
}

/** Passes on so many calls of scripts. */
const passing = async (calls: number, then: 'cut' | 'hold'): Promise<CountingProxy> => {
  const proxy = await startCountingProxy(server.port, 'EVALSHA', calls, then)
  proxies.push(proxy)
  return proxy
}

afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

const open = async (): Promise<Journal> => {
  const journal = redisJournal({ url: server.url, prefix, logger: silentLogger })
  opened.push(journal)
  await journal.open()
  return journal
}

const idsOf = (nr: number): string[] =>
  Array.from({ length: 100 }, (_, i) => `id-${i}`).filter(id => partitionOf(id, PARTITIONS) === nr)

/** Every partition has blocks, heads, a cursor and snapshots. */
beforeEach(async () => {
  prefix = `damage${++stores}`
  const journal = redisJournal({ url: server.url, prefix, partitions: PARTITIONS, logger: silentLogger })
  opened.push(journal)
  await journal.open()
  for (let nr = 0; nr < PARTITIONS; nr++) {
    const ids = idsOf(nr)
    for (const id of ids) await journal.commit(nr, [append(id, 0)], new Map([['risk', 1]]))
    for (const id of ids) await journal.saveSnapshot({ persistenceId: id, sequenceNr: 1, timeMs: 0, payload: 1 }, 1)
  }
  await journal.close()
})

afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close()
  for (const proxy of proxies.splice(0)) await proxy.stop()
})

const keyOf = (name: string): string => `{${prefix}:1}:${name}`

const corrupt = (...parts: string[]) =>
  expect.objectContaining({
    code: 'JOURNAL_CORRUPT',
    message: expect.stringMatching(new RegExp([prefix, ...parts].join('.*'))),
  })

describe('a log that has gone back while its writer was at work', () => {
  /** As it is when the server comes back from a file that is older than what it answered. */
  const goBack = async (journal: Journal): Promise<void> => {
    const names = ['state', 'heads', 'log', 'cursors'].map(keyOf)
    const dumps = await Promise.all(names.map(name => redis.dumpBuffer(name)))
    await journal.commit(1, [append(idsOf(1)[0]!, 1)])
    for (const [i, name] of names.entries()) await redis.restore(name, 0, dumps[i]!, 'REPLACE')
  }
  const refused = expect.objectContaining({
    code: 'JOURNAL_FENCED',
    message: expect.stringMatching(/partition 1: the log ends at position \d+, and \d+ had been written/),
  })

  it('fences the writer also where another partition has, once the server was started again', async () => {
    const own = await startRedisServer(['--appendfsync always'])
    const client = new Redis(own.url)
    const journal = redisJournal({ url: own.url, prefix, partitions: PARTITIONS, logger: silentLogger })
    try {
      await journal.open()
      for (const nr of [0, 1]) await journal.commit(nr, [append(idsOf(nr)[0]!, 0)])
      const names = ['state', 'heads', 'log'].map(keyOf)
      const dumps = await Promise.all(names.map(name => client.dumpBuffer(name)))
      await journal.commit(1, [append(idsOf(1)[0]!, 1)])
      for (const [i, name] of names.entries()) await client.restore(name, 0, dumps[i]!, 'REPLACE')
      await own.restart()
      const [id] = idsOf(0)
      const lost = expect.objectContaining({
        code: 'JOURNAL_FENCED',
        message: expect.stringMatching(/partition 1: the log ends at position 1, and 2 had been written/),
      })
      await expect(journal.commit(0, [append(id!, 1)])).rejects.toEqual(lost)
      await expect(
        journal.saveSnapshot({ persistenceId: id!, sequenceNr: 1, timeMs: 0, payload: 1 }, 1),
      ).rejects.toEqual(lost)
      expect(await journal.lastPosition(0)).toBe(1)
    } finally {
      await journal.close()
      client.disconnect()
      await own.stop()
    }
  })

  it('goes on where a server that was started again has all of it', async () => {
    const own = await startRedisServer(['--appendfsync always'])
    const journal = redisJournal({ url: own.url, prefix, partitions: PARTITIONS, logger: silentLogger })
    try {
      await journal.open()
      await journal.commit(1, [append(idsOf(1)[0]!, 0)])
      await own.restart()
      await journal.commit(0, [append(idsOf(0)[0]!, 0)])
      expect(await journal.lastPosition(0)).toBe(1)
    } finally {
      await journal.close()
      await own.stop()
    }
  })

  it('is not what a server is taken for that forgets its scripts while others are written to', async () => {
    const journal = await open()
    const position = await journal.lastPosition(1)
    const [id] = idsOf(1)
    const written: Promise<unknown>[] = []
    for (let i = 1; i <= 200; i++) {
      const commit = journal.commit(1, [append(id!, i)])
      const own = idsOf(0)[i % idsOf(0).length]!
      if (i % 5 === 0) await redis.script('FLUSH')
      written.push(journal.saveSnapshot({ persistenceId: own, sequenceNr: 1, timeMs: 0, payload: i }, 1))
      await commit
    }
    await Promise.all(written)
    expect(await journal.lastPosition(1)).toBe(position + 200)
    await knowScripts()
  })

  it('fences the writer before it stores records, cursors or a snapshot', async () => {
    const [id] = idsOf(1)
    const writes: readonly ((journal: Journal) => Promise<unknown>)[] = [
      journal => journal.commit(1, [append(id!, 2)]),
      journal => journal.saveCursors(1, new Map([['risk', 7]])),
      journal => journal.saveSnapshot({ persistenceId: id!, sequenceNr: 2, timeMs: 0, payload: 2 }, 1),
    ]
    for (const write of writes) {
      const journal = await open()
      await goBack(journal)
      await expect(write(journal)).rejects.toEqual(refused)
      await expect(journal.commit(1, [append(id!, 1)])).rejects.toEqual(refused)
      const next = await open()
      expect((await next.loadCursors(1)).get('risk')).toBe(1)
      expect(await next.lastSequenceNr(id!)).toBe(1)
    }
  })
})

describe('what was deleted or changed by hand is JOURNAL_CORRUPT at open, with the key', () => {
  it.each([
    ['state', 'state is missing.*backup'],
    ['heads', 'heads has 0 entries of \\d+'],
    ['log', 'ends at position 0, and should at \\d+'],
    ['cursors', 'cursors has 0 entries of 1'],
  ])('all of %s', async (name, text) => {
    await redis.del(keyOf(name))
    await expect(open()).rejects.toEqual(corrupt('partition 1', text))
    // And again: the first look has changed nothing.
    await expect(open()).rejects.toEqual(corrupt('partition 1', text))
  })

  it('a whole partition', async () => {
    await redis.del(...(await redis.keys(`{${prefix}:1}:*`)))
    await expect(open()).rejects.toEqual(corrupt('partition 1', 'state is missing'))
  })

  it('one head', async () => {
    await redis.hdel(keyOf('heads'), idsOf(1)[3]!)
    await expect(open()).rejects.toEqual(corrupt('heads has \\d+ entries of \\d+'))
  })

  it('a block in the middle of the log, and the first', async () => {
    await redis.xdel(keyOf('log'), '3-0')
    await expect(open()).rejects.toEqual(corrupt('log has \\d+ entries of \\d+'))
    await redis.xdel(keyOf('log'), '1-0')
    await expect(open()).rejects.toEqual(corrupt('begins at position 2, and should at 1'))
  })

  it('the description, and no new one is left in its place', async () => {
    await redis.del(`${prefix}:meta`)
    for (let i = 0; i < 2; i++) await expect(open()).rejects.toEqual(corrupt('meta is missing', 'holds data'))
    expect(await redis.exists(`${prefix}:meta`)).toBe(0)
  })

  it('a key of another type', async () => {
    await redis.set(keyOf('heads'), 'a text')
    await expect(open()).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
  })
})

describe('what does not match its checksum is JOURNAL_CORRUPT for whoever reads it', () => {
  const changed = (text: string): string => text.replace(/\d/, digit => String((Number(digit) + 1) % 10))

  it('a head', async () => {
    const [id, other] = idsOf(1) as [string, string]
    await redis.hset(keyOf('heads'), id, changed((await redis.hget(keyOf('heads'), id))!))
    const journal = await open()
    await expect(journal.lastSequenceNr(id)).rejects.toEqual(corrupt('partition 1', `head of ${id}`))
    await expect(journal.commit(1, [append(id, 1)])).rejects.toEqual(corrupt(`head of ${id}`))
    expect(await journal.lastSequenceNr(other)).toBe(1)
  })

  it('the head of another id', async () => {
    const [id, other] = idsOf(1) as [string, string]
    await redis.hset(keyOf('heads'), id, (await redis.hget(keyOf('heads'), other))!)
    await expect((await open()).lastSequenceNr(id)).rejects.toEqual(corrupt(`head of ${id}`))
  })

  it('a cursor, also one of another partition', async () => {
    const text = (await redis.hget(keyOf('cursors'), 'risk'))!
    for (const wrong of [changed(text), (await redis.hget(`{${prefix}:2}:cursors`, 'risk'))!]) {
      await redis.hset(keyOf('cursors'), 'risk', wrong)
      await expect((await open()).loadCursors(1)).rejects.toEqual(corrupt('partition 1', 'cursor of risk'))
    }
  })

  it('the description', async () => {
    const key = `${prefix}:meta`
    await redis.set(key, (await redis.get(key))!.replace(`"partitions":${PARTITIONS}`, '"partitions":5'))
    await expect(open()).rejects.toEqual(corrupt('makes no sense'))
  })
})

it('a cursor beyond the end of the log is JOURNAL_CORRUPT', async () => {
  const journal = await open()
  await redis.hset(keyOf('cursors'), 'risk', sealAsText(hashOf(cursorName(1, 'risk')), 1_000, 0))
  await expect(journal.loadCursors(1)).rejects.toEqual(corrupt('risk has read up to position 1000', 'ends at \\d+'))
})

it('a writer whose store was deleted under it is fenced, and told so in words that are true', async () => {
  const journal = await open()
  await redis.del(...(await redis.keys(`*${prefix}:*`)))
  const gone = {
    code: 'JOURNAL_FENCED',
    message: expect.stringMatching(/no longer knows epoch 2.*keys were deleted.*backup/),
  }
  await expect(journal.commit(1, [append(idsOf(1)[0]!, 1)])).rejects.toMatchObject(gone)
  await expect(journal.commit(1, [])).rejects.toMatchObject(gone)
})

it('and so is one whose server knows an earlier epoch only, since it came back with less', async () => {
  const journal = await open()
  for (const key of await redis.keys(`*${prefix}:*:state`)) await redis.hset(key, 'epoch', 1)
  const less = {
    code: 'JOURNAL_FENCED',
    message: expect.stringMatching(/no longer knows epoch 2, only 1.*came back without/),
  }
  await expect(journal.checkOwner!()).rejects.toMatchObject(less)
  await expect(journal.commit(1, [append(idsOf(1)[0]!, 1)])).rejects.toMatchObject(less)
})

describe('a removal', () => {
  const destroy = (port = server.port): Promise<void> =>
    destroyRedisStore({ url: `redis://127.0.0.1:${port}?prefix=${prefix}`, unavailableAfterMs: 300 })
  const keysLeft = async (): Promise<string[]> => (await redis.keys(`*${prefix}:*`)).sort()
  const states = () => Array.from({ length: PARTITIONS }, (_, nr) => `{${prefix}:${nr}}:state`)
  /** Its description before and after, and each partition's epoch and keys. */
  const CALLS = 2 + 2 * PARTITIONS

  const cutShortAfter = async (calls: number): Promise<void> => {
    const proxy = await passing(calls, 'cut')
    await expect(destroy(proxy.port)).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' })
  }

  it('leaves nothing but the epochs', async () => {
    const proxy = await passing(CALLS, 'cut')
    await destroy(proxy.port)
    expect(await keysLeft()).toEqual(states())
  })

  it.each(Array.from({ length: CALLS - 1 }, (_, calls) => calls + 1))(
    'that was cut short after call %i is finished by whoever opens the store, who says so and finds a new one',
    async calls => {
      await cutShortAfter(calls)
      const warned: string[] = []
      const logger = { log: (level: string, text: string) => void (level === 'warn' && warned.push(text)) }
      const journal = redisJournal({ url: server.url, prefix, partitions: PARTITIONS, logger })
      opened.push(journal)
      await journal.open()
      expect(warned).toEqual([expect.stringMatching(new RegExp(`${prefix}: its removal was begun and not finished`))])
      for (let nr = 0; nr < journal.partitions; nr++) {
        expect(await journal.lastPosition(nr)).toBe(0)
        expect(await journal.loadCursors(nr)).toEqual(new Map())
      }
      expect(await keysLeft()).toEqual([`${prefix}:meta`, ...states()].sort())
      await journal.commit(1, [append(idsOf(1)[0]!, 0)])
    },
  )

  it('that was cut short is finished by the next one', async () => {
    await cutShortAfter(CALLS - 2)
    await destroy()
    expect(await keysLeft()).toEqual(states())
  })

  it('that was cut short is left to those who may: a guest is refused', async () => {
    await cutShortAfter(CALLS - 2)
    const guest = redisJournal({ url: server.url, prefix, logger: silentLogger, writer: 'guest' })
    opened.push(guest)
    await expect(guest.open()).rejects.toEqual(
      corrupt('removal was begun and not finished', 'next process that opens it'),
    )
  })

  it('takes the snapshots of more ids than one call has room for', async () => {
    const journal = await open()
    const ids = Array.from({ length: 12_000 }, (_, i) => `many-${i}`).filter(id => partitionOf(id, PARTITIONS) === 0)
    expect(ids.length).toBeGreaterThan(1_000)
    await Promise.all(
      ids.map(persistenceId => journal.saveSnapshot({ persistenceId, sequenceNr: 1, timeMs: 0, payload: 1 }, 1)),
    )
    await destroy()
    expect(await keysLeft()).toHaveLength(PARTITIONS)
  })

  it.each([
    ['its mark', 1],
    ['some of its epochs', 1 + PARTITIONS / 2],
    ['its epochs', 1 + PARTITIONS],
  ])('that goes on from %s after the store was made anew removes nothing of it', async (_where, calls) => {
    const proxy = await passing(calls, 'hold')
    const slow = destroyRedisStore({
      url: `redis://127.0.0.1:${proxy.port}?prefix=${prefix}`,
      unavailableAfterMs: 20_000,
    })
    const ended = slow.catch((error: unknown) => error)
    await proxy.held
    await destroy()
    const anew = redisJournal({ url: server.url, prefix, partitions: PARTITIONS, logger: silentLogger })
    opened.push(anew)
    await anew.open()
    await anew.commit(1, [append(idsOf(1)[0]!, 0)])
    proxy.release()
    expect(await ended).toMatchObject({ code: 'JOURNAL_FENCED' })
    await anew.close()
    expect(await (await open()).lastPosition(1)).toBe(1)
  })
})

it('a store whose making was cut short is made by the next one', async () => {
  prefix = `begun${++stores}`
  // Its partitions have their epochs, and its description is not what it should become.
  const proxy = await passing(PARTITIONS, 'cut')
  const url = `redis://127.0.0.1:${proxy.port}?prefix=${prefix}`
  const first = redisJournal({ url, partitions: PARTITIONS, unavailableAfterMs: 300, logger: silentLogger })
  await expect(first.open()).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' })
  const journal = await open()
  expect(journal.partitions).toBe(PARTITIONS)
  await journal.commit(1, [append(idsOf(1)[0]!, 0)])
})

it('those that make the same store at once agree on it, and on whose it is', async () => {
  prefix = `both${++stores}`
  const outcomes = await Promise.allSettled([open(), open(), open()])
  expect(outcomes).toContainEqual(expect.objectContaining({ status: 'fulfilled' }))
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'JOURNAL_FENCED' })
  expect((await open()).partitions).toBe(16)
})
