/** The journal on a real cluster: each partition's keys lie in one slot, the partitions on all masters. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { destroyRedisStore, parseRedisUrl, redisJournal } from '../../../src/adapters/redis/index.ts'
import { redisStoreReader } from '../../../src/adapters/redis/store-reader.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import type { Journal } from '../../../src/persistence/journal.ts'
import { partitionOf } from '../../../src/persistence/partition.ts'
import { append, journalContract, written } from '../../persistence/journal-contract.ts'
import { type RedisCluster, startRedisCluster } from '../../support/redis-cluster.ts'

const PARTITIONS = 16

let cluster: RedisCluster
let prefixes = 0
let archives: string
const journals: Journal[] = []

beforeAll(async () => {
  archives = mkdtempSync(join(tmpdir(), 'troupe-archives-'))
  cluster = await startRedisCluster(3)
})

afterEach(async () => {
  for (const journal of journals.splice(0)) await journal.close()
})

afterAll(async () => {
  rmSync(archives, { recursive: true, force: true })
  await cluster.stop()
})

const journalOf = (prefix: string): Journal =>
  redisJournal({
    url: cluster.url,
    prefix,
    partitions: PARTITIONS,
    archive: { folder: join(archives, prefix), segmentBytes: 4_096 },
    logger: silentLogger,
  })

const opened = async (prefix: string): Promise<Journal> => {
  const journal = journalOf(prefix)
  journals.push(journal)
  await journal.open()
  return journal
}

const newPrefix = (): string => `cluster${++prefixes}`

journalContract(
  'redisJournal on a cluster of three masters',
  async () => {
    const prefix = newPrefix()
    return {
      journal: () => journalOf(prefix),
      async breakNewestSnapshot(persistenceId) {
        const key = `{${prefix}:${partitionOf(persistenceId, PARTITIONS)}}:snapshots:${persistenceId}`
        const { client } = await cluster.masterOf(key)
        const newest = (await client.hkeys(key)).sort((a, b) => Number(b) - Number(a))[0]!
        const packed = (await client.hgetBuffer(key, newest))!
        packed[packed.length - 1]! ^= 1
        await client.hset(key, newest, packed)
      },
      remove: async () => undefined,
    }
  },
  { secondOpen: 'fences', modelRuns: 5 },
)

it('the partitions of a store lie on all masters, those keys that one script touches on one', async () => {
  const prefix = newPrefix()
  const journal = await opened(prefix)
  for (let i = 0; i < 64; i++)
    await journal.commit(partitionOf(`id-${i}`, PARTITIONS), [append(`id-${i}`, 0)], new Map([['risk', 1]]))
  const perMaster = await Promise.all(cluster.masters.map(({ client }) => client.keys(`*${prefix}*`)))
  for (const keys of perMaster) expect(keys.length).toBeGreaterThan(0)
  for (let nr = 0; nr < PARTITIONS; nr++) {
    const holders = perMaster.filter(keys => keys.some(key => key.startsWith(`{${prefix}:${nr}}`)))
    expect(holders).toHaveLength(1)
  }
})

it('a store is removed from all masters', async () => {
  const prefix = newPrefix()
  const journal = await opened(prefix)
  for (let i = 0; i < 32; i++) await journal.commit(partitionOf(`id-${i}`, PARTITIONS), [append(`id-${i}`, 0)])
  await destroyRedisStore({ url: `${cluster.url}?prefix=${prefix}` })
  const left = (await Promise.all(cluster.masters.map(({ client }) => client.keys(`*${prefix}*`)))).flat()
  expect(left).toHaveLength(PARTITIONS)
  expect(left.every(key => key.endsWith(':state'))).toBe(true)
  await expect(journal.commit(0, [])).rejects.toMatchObject({ code: 'JOURNAL_FENCED' })
  expect(await (await opened(prefix)).lastPosition(0)).toBe(0)
})

/** Writes to partition 0 until `over`, one append after the other; how many there are. */
const writing = (journal: Journal, over: () => boolean): Promise<number> => {
  const id = 'abcdefghijklmnop'.split('').find(each => partitionOf(each, PARTITIONS) === 0)!
  const write = async (written: number): Promise<number> => {
    if (over()) return written
    const [result] = await journal.commit(0, [append(id, written)])
    expect(result).toMatchObject({ status: 'written', position: written + 1 })
    return write(written + 1)
  }
  return write(0)
}

it('a slot that moves to another master while its partition is written to loses and doubles nothing', async () => {
  const prefix = newPrefix()
  const journal = await opened(prefix)
  let over = false
  const counting = writing(journal, () => over)
  const slot = Number(await cluster.masters[0]!.client.cluster('KEYSLOT', `{${prefix}:0}:log`))
  for (let round = 0; round < 3; round++) {
    await sleep(100)
    const from = await cluster.masterOf(`{${prefix}:0}:log`)
    const to = cluster.masters[(cluster.masters.indexOf(from) + 1) % cluster.masters.length]!
    await cluster.moveSlot(slot, from, to)
  }
  await sleep(100)
  over = true
  const count = await counting
  expect(count).toBeGreaterThan(20)
  const log = await journal.readLog(0, 1, count + 1)
  expect(log.map(each => each.position)).toEqual(Array.from({ length: count }, (_, i) => i + 1))
})

it('a master that was killed and comes back is waited for', async () => {
  const prefix = newPrefix()
  const journal = await opened(prefix)
  const { server } = await cluster.masterOf(`{${prefix}:0}:log`)
  await journal.saveCursors(0, new Map([['risk', 0]]))
  await server.kill()
  const saving = journal.saveCursors(0, new Map([['risk', 0]]))
  await sleep(300)
  await server.restart()
  await saving
  expect(written(await journal.commit(0, []))).toEqual([])
})

it('a replica that takes over in order is written to from then on', async () => {
  const prefix = newPrefix()
  const journal = await opened(prefix)
  const replica = await cluster.replicaOf(await cluster.masterOf(`{${prefix}:0}:log`))
  let over = false
  const counting = writing(journal, () => over)
  await sleep(200)
  await replica.client.cluster('FAILOVER')
  await expect.poll(async () => (await replica.client.role())[0], { timeout: 10_000 }).toBe('master')
  await sleep(500)
  over = true
  const count = await counting
  expect((await replica.client.xlen(`{${prefix}:0}:log`)) as number).toBe(count)
  const again = await opened(prefix)
  expect(again.lineage).not.toBe(journal.lineage)
  expect(await again.lastPosition(0)).toBe(count)
})

it('what takes all partitions at one moment is refused, and says why', async () => {
  const prefix = newPrefix()
  await opened(prefix)
  await expect(redisStoreReader({ url: `${cluster.url}?prefix=${prefix}` })).rejects.toMatchObject({
    code: 'JOURNAL_MISCONFIGURED',
    message: expect.stringContaining('cluster'),
  })
})

it.each([
  ['redis-cluster://h1:1,h2:2?prefix=p&partitions=4', 'redis-cluster://h1:1,h2:2'],
  ['rediss-cluster://u:p@h1:1', 'rediss-cluster://u:p@h1:1'],
])('reads %s', (text, url) => {
  expect(parseRedisUrl(text).url).toBe(url)
})

it.each([
  'redis-cluster://h1:1,h2:x',
  'redis-cluster://h1:1,',
  'redis-cluster://h1:1/3',
  'redis-cluster://h1:1?port=2',
])('refuses %s', text => {
  expect(() => parseRedisUrl(text)).toThrowError(expect.objectContaining({ code: 'JOURNAL_MISCONFIGURED' }))
})
