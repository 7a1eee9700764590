import { afterAll, beforeAll, expect, test } from 'vitest'
import { destroyRedisStore, destroyRedisViews, redisJournal, redisViews } from '../../../src/adapters/redis/index.ts'
import { viewStoreContract } from '../../projection/view-store-contract.ts'
import { type CuttingProxy, startCuttingProxy } from '../../support/cutting-proxy.ts'
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts'

let server: RedisServer
let proxy: CuttingProxy
let prefixes = 0
beforeAll(async () => {
  server = await startRedisServer()
  proxy = await startCuttingProxy(server.port)
})
afterAll(async () => {
  await proxy.stop()
  await server.stop()
})

viewStoreContract('Redis', () => {
  const prefix = `views${++prefixes}`
  return { views: () => redisViews({ url: server.url, prefix }), keeps: true, remove: async () => undefined }
})

test('a write whose answer was lost is written once', async () => {
  const views = redisViews({ url: `redis://127.0.0.1:${proxy.port}`, prefix: 'lost' })
  await views.open()
  const build = await views.begin('quotes', 1)
  await views.write(build, 0, 0, { position: 1, appendId: 'first' }, [{ key: 'k', row: { value: 1 }, entries: [] }])
  proxy.loseAnswerTo('second')
  await views.write(build, 0, 1, { position: 2, appendId: 'second' }, [{ key: 'k', row: { value: 2 }, entries: [] }])
  expect(proxy.lost).toBe(1)
  expect(await views.get(build, ['k'])).toEqual([{ value: 2 }])
  await views.close()
})

test('views are removed whole, those of another prefix and the log are left alone, and a later build is empty', async () => {
  const url = (prefix: string): string => `${server.url}?prefix=${prefix}`
  const made = async (prefix: string) => {
    const views = redisViews({ url: url(prefix) })
    await views.open()
    const build = await views.begin('quotes', 1)
    await views.promote(build)
    await views.write(build, 0, 0, { position: 1, appendId: 'a' }, [
      { key: 'k', row: { prefix }, entries: ['i\0v\0k'] },
    ])
    return { views, build }
  }
  const [gone, other] = [await made('house'), await made('house~two')]
  const journal = redisJournal({ url: url('house') })
  await journal.open()
  await destroyRedisViews({ url: url('house') })
  expect(await gone.views.builds('quotes')).toEqual({ live: null, next: null })
  await expect(gone.views.get(gone.build, ['k'])).rejects.toMatchObject({ code: 'VIEW_GONE' })
  expect(await other.views.get(other.build, ['k'])).toEqual([{ prefix: 'house~two' }])
  const anew = await gone.views.begin('quotes', 1)
  expect(await gone.views.get(anew, ['k'])).toEqual([null])
  expect(await gone.views.offsets(anew)).toEqual(new Map())
  // The log's own are as they were: it closes as its owner.
  await journal.close()
  await destroyRedisStore({ url: url('house') })
  await gone.views.close()
  await other.views.close()
})
