import { Redis } from 'ioredis'
import { sourceContract } from 'troupe/testkit'
import { afterAll, beforeAll } from 'vitest'
import { redisStreamSource } from '../../../src/adapters/redis/index.ts'
import { contractTests } from '../../support/contract-tests.ts'
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts'
import { eventJson } from './streams-support.ts'

let server: RedisServer
let redis: Redis
let topics = 0

beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url)
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

contractTests(
  'redisStreamSource fulfils the contract of a message source',
  sourceContract(
    async () => {
      const topic = `topic-${++topics}`
      return {
        publish: async label => {
          await redis.xadd(topic, '*', 'event', eventJson(label))
        },
        source: group => redisStreamSource({ url: server.url, topics: [topic], group, consumer: 'the-only-one' }),
        labelOf: ({ id }) => id.slice('/shop '.length),
        remove: async () => undefined,
      }
    },
    { quietPauses: 10 },
  ),
)
