import { Redis } from 'ioredis'
import { afterEach, expect, it } from 'vitest'
import { redisJournal } from '../../../src/adapters/redis/index.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import { ActorSystem } from '../../../src/kernel/system.ts'
import { eventSourced } from '../../../src/persistence/event-sourced.ts'
import { type EntityKind, entities } from '../../../src/persistence/event-sourced-entities.ts'
import { EventStore } from '../../../src/persistence/event-store.ts'
import { startRedisServer } from '../../support/redis-server.ts'

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

type Added = { readonly type: 'Added'; readonly by: number }
const counter = eventSourced<{ readonly add: number }, Added, number, number>({
  name: 'counter',
  initial: () => 0,
  decide: (count, { add }) =>
    add === 0 ? { reply: count } : { events: [{ type: 'Added', by: add }], reply: count + add },
  evolve: (count, { by }) => count + by,
})

interface Office {
  readonly store: EventStore
  readonly counters: EntityKind<{ readonly add: number }, number>
}

const office = async (url: string): Promise<Office> => {
  const store = await EventStore.open(redisJournal({ url, logger: silentLogger }), { logger: silentLogger })
  const system = ActorSystem.start({ name: 'office', logger: silentLogger })
  cleanups.push(
    () => store.close(),
    () => system.terminate(),
  )
  const counters = entities(counter, store)
  system.spawn(counters.behavior)
  return { store, counters }
}

it('a process that writes nothing learns within seconds that another one has its store, and answers nothing more', async () => {
  const server = await startRedisServer()
  cleanups.push(() => server.stop())
  const older = await office(server.url)
  expect(await older.counters.ask('a', { add: 3 })).toBe(3)
  const newer = await office(server.url)
  expect(await newer.counters.ask('a', { add: 4 })).toBe(7)
  const takenOverMs = performance.now()
  expect(await older.store.whenFenced).toMatchObject({ code: 'JOURNAL_FENCED' })
  expect(performance.now() - takenOverMs).toBeLessThan(10_000)
  await expect.poll(() => older.counters.live).toBe(0)
  await expect(older.counters.ask('a', { add: 0 })).rejects.toMatchObject({ code: 'ACTOR_STOPPED' })
  expect(await newer.counters.ask('a', { add: 0 })).toBe(7)
  expect(newer.store.fenced).toBeNull()
})

it('and so does one whose store was removed', async () => {
  const server = await startRedisServer()
  cleanups.push(() => server.stop())
  const { store } = await office(server.url)
  await server.kill()
  await server.restart()
  expect(store.fenced).toBeNull()
  const admin = new Redis(server.url)
  await admin.flushall()
  admin.disconnect()
  expect(await store.whenFenced).toMatchObject({ code: 'JOURNAL_FENCED', message: expect.stringContaining('deleted') })
})
