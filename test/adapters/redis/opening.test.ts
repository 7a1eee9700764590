import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { redisJournal } from '../../../src/adapters/redis/index.ts'
import { isRuntimeError } from '../../../src/base/errors.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import type { Journal } from '../../../src/persistence/journal.ts'
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts'

const PARTITIONS = 32

let server: RedisServer
let redis: Redis

beforeAll(async () => {
  server = await startRedisServer(['--appendfsync no'])
  redis = new Redis(server.url)
})

afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

const journalOf = (prefix: string): Journal =>
  redisJournal({ url: server.url, prefix, partitions: PARTITIONS, logger: silentLogger })

/** Whether it may write to every partition; JOURNAL_FENCED is the one reason for which it may not. */
const mayWrite = async (journal: Journal): Promise<boolean> => {
  try {
    for (let nr = 0; nr < PARTITIONS; nr++) await journal.saveCursors(nr, new Map([['risk', 0]]))
    return true
  } catch (error) {
    if (!isRuntimeError(error, 'JOURNAL_FENCED')) throw error
    return false
  }
}

const opensInTime = async (journal: Journal): Promise<boolean> => {
  try {
    await journal.open()
    return true
  } catch (error) {
    if (!isRuntimeError(error, 'JOURNAL_FENCED')) throw error
    return false
  }
}

it.each([
  ['made', true],
  ['new', false],
])(
  'of several that open one %s store at the same moment exactly one can write, to every partition',
  async (_, made) => {
    for (let round = 0; round < 15; round++) {
      const prefix = `${made ? 'made' : 'new'}${round}`
      if (made) {
        const first = journalOf(prefix)
        await first.open()
        await first.close()
      }
      const journals = Array.from({ length: 4 }, () => journalOf(prefix))
      const opened = await Promise.all(journals.map(opensInTime))
      const writing = await Promise.all(journals.map(async (journal, i) => opened[i]! && (await mayWrite(journal))))
      expect(writing.filter(may => may)).toHaveLength(1)
      for (const [i, journal] of journals.entries()) if (opened[i]) await journal.close()
      // One epoch for the whole store: so a writer is the writer of all of it, or of nothing.
      const epochs = await Promise.all(
        Array.from({ length: PARTITIONS }, (_, nr) => redis.hget(`{${prefix}:${nr}}:state`, 'epoch')),
      )
      expect(new Set(epochs).size).toBe(1)
    }
  },
)

it('partitions that counted their epochs by themselves are taken under one that is beyond all of them', async () => {
  const first = journalOf('apart')
  await first.open()
  for (const nr of [3, 7]) await redis.hincrby(`{apart:${nr}}:state`, 'epoch', nr)
  const second = journalOf('apart')
  await second.open()
  expect(await mayWrite(second)).toBe(true)
  expect(await mayWrite(first)).toBe(false)
  expect(await redis.hget('{apart:0}:state', 'epoch')).toBe('9')
  await first.close()
  await second.close()
})
