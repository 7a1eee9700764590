import { afterAll, beforeAll, expect, test } from 'vitest'
import { redisViews } from '../../../src/adapters/redis/index.ts'
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
