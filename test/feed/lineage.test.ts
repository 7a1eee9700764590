import { Redis } from 'ioredis'
import { afterEach, expect, it } from 'vitest'
import { redisJournal } from '../../src/adapters/redis/index.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { type RedisServer, startRedisServer } from '../support/redis-server.ts'
import { FeedOffice } from './support.ts'

let server: RedisServer | null = null

afterEach(async () => {
  await server?.stop()
  server = null
})

it('is the same incarnation for each process on one run of a Redis server, and another after that was promoted', async () => {
  server = await startRedisServer()
  const { url } = server
  const open = () => FeedOffice.open(redisJournal({ url, logger: silentLogger }))
  const first = await open()
  await first.publish(25)
  const { incarnation } = first.stream.log
  await first.close()
  const second = await open()
  expect(second.stream.log.incarnation).toBe(incarnation)
  await second.close()
  // As a replica is that takes over: it may lack what its master had acknowledged.
  const admin = new Redis(url)
  await admin.replicaof('127.0.0.1', 1)
  await admin.replicaof('NO', 'ONE')
  admin.disconnect()
  const third = await open()
  expect(third.stream.log.incarnation).not.toBe(incarnation)
  expect(third.stream.log.agreesTo(incarnation)).toBe(25)
  await third.publish(5, 'note|2')
  expect(third.stream.last).toBe(30)
  await third.close()
}, 30_000)
