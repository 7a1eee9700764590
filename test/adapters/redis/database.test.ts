import { afterAll, beforeAll, expect, test } from 'vitest'
import { destroyRedisStore, redisJournal } from '../../../src/adapters/redis/index.ts'
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())

test('a database that the server does not have is refused, and another one is neither opened nor emptied', async () => {
  const kept = redisJournal({ url: `${server.url}/0` })
  await kept.open()
  await expect(redisJournal({ url: `${server.url}/99` }).open()).rejects.toMatchObject({
    code: 'JOURNAL_MISCONFIGURED',
  })
  await expect(destroyRedisStore({ url: `${server.url}/99` })).rejects.toMatchObject({ code: 'JOURNAL_MISCONFIGURED' })
  // Not fenced either: nobody opened it.
  await kept.saveCursors(0, new Map([['group', 0]]))
  await kept.close()
})

test('a URL whose path is no number of a database is refused', () => {
  for (const path of ['/abc', '/-1', '/0/2', '/1.5'])
    expect(() => redisJournal({ url: `${server.url}${path}` })).toThrow(
      expect.objectContaining({ code: 'JOURNAL_MISCONFIGURED' }),
    )
})
