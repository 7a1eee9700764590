import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { verifyBackup } from '../../../src/adapters/backup/read-backup.ts'
import { type MakeStore, restore } from '../../../src/adapters/backup/restore.ts'
import type { Append, Journal } from '../../../src/persistence/journal.ts'
import { partitionOf } from '../../../src/persistence/partition.ts'
import { append, collect, written } from '../../persistence/journal-contract.ts'
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts'
import { intoTable } from '../lmdb/lmdb-store.ts'
import { KINDS, NOW, type Place, Places } from './places.ts'

const PARTITIONS = 4

let server: RedisServer
let redis: Redis
let folder: string
let places: Places
const journals: Journal[] = []

beforeAll(async () => {
  server = await startRedisServer(['--appendfsync no'])
  redis = new Redis(server.url)
})

afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-backup-'))
  places = new Places(folder, server.url)
})

afterEach(async () => {
  for (const journal of journals.splice(0)) await journal.close()
  rmSync(folder, { recursive: true, force: true })
})

const opened = async (journal: Journal): Promise<Journal> => {
  journals.push(journal)
  await journal.open()
  return journal
}

const lmdbPlace = () => places.lmdb()
const redisPlace = () => places.redis()
const backedUp = (place: Place, file?: string) => places.backedUp(place, file)

const IDS = ['a', 'b|1', '🚗', '__proto__', 'e', 'f', 'g', 'h', 'i', 'j']

/** A store of some hundred records in several partitions, closed; the last append of `a` is given back. */
const filled = async (place: Place, rounds = 20): Promise<Append> => {
  const made = await place.make(PARTITIONS, 1)
  await made.finish()
  const journal = await opened(place.journal())
  let last: Append | null = null
  for (let round = 0; round < rounds; round++)
    for (const id of IDS) {
      const each = append(id, round * 2, 'Opened', '->risk')
      if (id === 'a') last = each
      const partition = partitionOf(id, PARTITIONS)
      await journal.commit(partition, [each], new Map([[`group of ${id}`, round + 1]]))
    }
  for (const id of IDS)
    for (const sequenceNr of [2, rounds])
      await journal.saveSnapshot({ persistenceId: id, sequenceNr, timeMs: 5, payload: { id, sequenceNr } }, 2)
  await journal.close()
  return last!
}

/** All that anybody can read of a store. */
const everythingIn = async (journal: Journal): Promise<unknown> => {
  const partitions = []
  for (let nr = 0; nr < journal.partitions; nr++) {
    const cursors = [...(await journal.loadCursors(nr))].sort(([a], [b]) => (a < b ? -1 : 1))
    partitions.push({ cursors, log: await journal.readLog(nr, 1, 10_000), last: await journal.lastPosition(nr) })
  }
  const ids = []
  for (const id of IDS)
    ids.push({
      last: await journal.lastSequenceNr(id),
      read: await collect(journal.read(id, 1)),
      snapshots: await collect(journal.loadSnapshots(id, error => expect.fail(error.message))),
    })
  return { partitions, ids }
}

describe.each(KINDS.flatMap(from => KINDS.map(to => ({ from, to }))))('a store in $from', ({ from, to }) => {
  it(`is restored to ${to} as it was, and goes on as a new incarnation`, async () => {
    const place = places.make(from)
    const last = await filled(place)
    const summary = await backedUp(place)
    expect(summary.totals).toMatchObject({ partitions: PARTITIONS, records: 400, ids: 10, snapshots: 20, cursors: 10 })
    expect(await verifyBackup(summary.file)).toEqual({ ...summary, file: undefined })
    const before = await opened(place.journal())
    const other = places.make(to)
    await restore(summary.file, other.make, NOW + 1)
    const after = await opened(other.journal())
    expect(await everythingIn(after)).toEqual(await everythingIn(before))
    expect(after.lineage).toContain(`restored ${NOW + 1}`)
    expect(after.lineage).not.toBe(before.lineage)
    const nr = partitionOf('a', PARTITIONS)
    const position = (await after.lastPosition(nr)) + 1
    const results = written(await after.commit(nr, [last, append('a', 40)]))
    expect(results).toEqual([expect.stringContaining('again'), `${position}`])
    await after.close()
    // Still the same one when it is opened again.
    expect((await opened(other.journal())).lineage).toContain(`restored ${NOW + 1}`)
  })
})

describe.each(KINDS)('to %s', kind => {
  it('nothing is restored from a backup that is cut short, or has a bit flipped', async () => {
    const source = lmdbPlace()
    await filled(source, 2)
    const { file } = await backedUp(source)
    const whole = readFileSync(file)
    const place = places.make(kind)
    const bad = join(folder, 'bad')
    const refused = { code: 'BACKUP_INVALID', message: expect.stringContaining(bad) }
    for (const length of [0, 5, 16, 40, whole.length >> 1, whole.length - 1]) {
      writeFileSync(bad, whole)
      truncateSync(bad, length)
      await expect(restore(bad, place.make, NOW)).rejects.toMatchObject(refused)
    }
    for (let at = 3; at < whole.length; at += whole.length >> 4) {
      const flipped = Buffer.from(whole)
      flipped[at]! ^= 1 << (at % 8)
      writeFileSync(bad, flipped)
      await expect(restore(bad, place.make, NOW)).rejects.toMatchObject(refused)
    }
    expect(await place.isEmpty()).toBe(true)
    await restore(file, place.make, NOW)
    expect(await place.isEmpty()).toBe(false)
  })

  it('a backup is not restored over a store, which stays as it is', async () => {
    const place = places.make(kind)
    await filled(place)
    const { file } = await backedUp(place)
    const journal = await opened(place.journal())
    const nr = partitionOf('a', PARTITIONS)
    await journal.commit(nr, [append('a', 40)])
    const before = await everythingIn(journal)
    const refused = { code: 'JOURNAL_MISCONFIGURED', message: expect.stringContaining('empty place only') }
    await expect(restore(file, place.make, NOW)).rejects.toMatchObject(refused)
    expect(await everythingIn(journal)).toEqual(before)
    expect(written(await journal.commit(nr, [append('a', 41)]))).toHaveLength(1)
  })

  it('a restore that was cut short leaves no store, and the next one makes it', async () => {
    const source = lmdbPlace()
    await filled(source)
    const { file } = await backedUp(source)
    const place = places.make(kind)
    const half = await place.make(PARTITIONS, NOW)
    await half.filling.forget('a', { deletedTo: 0, tombstoned: true })
    await half.filling.close()
    if (kind === 'Redis')
      await expect(opened(place.journal())).rejects.toMatchObject({
        code: 'JOURNAL_CORRUPT',
        message: expect.stringContaining('restore it again'),
      })
    await restore(file, place.make, NOW + 1)
    expect((await opened(place.journal())).partitions).toBe(PARTITIONS)
    const { totals } = await backedUp(place)
    expect(totals.records).toBe(400)
  })

  it('a failure while it writes takes away what it has made', async () => {
    const source = lmdbPlace()
    await filled(source)
    const { file } = await backedUp(source)
    const place = places.make(kind)
    const failing: MakeStore = async (partitions, incarnation) => {
      const made = await place.make(partitions, incarnation)
      const { filling } = made
      const saveCursors = filling.saveCursors.bind(filling)
      filling.saveCursors = (nr, cursors) =>
        nr === 2 ? Promise.reject(new Error('the disk')) : saveCursors(nr, cursors)
      return made
    }
    await expect(restore(file, failing, NOW)).rejects.toThrow('the disk')
    expect(await place.isEmpty()).toBe(true)
  })
})

it('every flipped bit and every missing byte of a backup is found', async () => {
  const place = lmdbPlace()
  const made = await place.make(1, 1)
  await made.finish()
  const journal = await opened(place.journal())
  await journal.commit(0, [append('a', 0), append('b', 0)], new Map([['risk', 1]]))
  await journal.saveSnapshot({ persistenceId: 'a', sequenceNr: 1, timeMs: 0, payload: 7 }, 1)
  await journal.tombstone!('b')
  await journal.close()
  const { file } = await backedUp(place)
  const whole = readFileSync(file)
  const bad = join(folder, 'bad')
  const missed: string[] = []
  const look = async (bytes: Buffer, what: string): Promise<void> => {
    writeFileSync(bad, bytes)
    await verifyBackup(bad).then(
      () => missed.push(what),
      error => expect(error).toMatchObject({ code: 'BACKUP_INVALID' }),
    )
  }
  for (let at = 0; at < whole.length; at++) {
    const flipped = Buffer.from(whole)
    flipped[at]! ^= 1 << (at % 8)
    await look(flipped, `bit ${at % 8} of byte ${at}`)
    await look(whole.subarray(0, at), `cut to ${at}`)
  }
  await look(Buffer.concat([whole, Buffer.from([0])]), 'a byte more')
  expect(missed).toEqual([])
})

it('a backup that would be older than a file of its name leaves that file alone, and a failed one leaves none', async () => {
  const place = lmdbPlace()
  await filled(place)
  const { file } = await backedUp(place)
  const before = readFileSync(file)
  await expect(backedUp(place, file)).rejects.toMatchObject({ code: 'BACKUP_FAILED' })
  expect(readFileSync(file).equals(before)).toBe(true)
  await expect(backedUp(place, join(folder, 'none', 'file'))).rejects.toMatchObject({ code: 'BACKUP_FAILED' })
  await intoTable(place.path, 'log', async table => {
    for (const { key, value } of table.getRange({ limit: 1 })) {
      value[value.length - 1]! ^= 1
      await table.put(key, value)
    }
  })
  const other = join(folder, 'other')
  await expect(backedUp(place, other)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
  expect(readdirSync(folder).filter(name => name.startsWith('other'))).toEqual([])
  expect(existsSync(file)).toBe(true)
})

it('a place without a store is no empty backup', async () => {
  await expect(lmdbPlace().reader()).rejects.toMatchObject({ code: 'JOURNAL_MISCONFIGURED' })
  await expect(redisPlace().reader()).rejects.toMatchObject({ code: 'JOURNAL_MISCONFIGURED' })
})

it('who had the store open before the server lost it is fenced by what was restored', async () => {
  const place = redisPlace()
  await filled(place)
  const { file } = await backedUp(place)
  const older = await opened(place.journal())
  const nr = partitionOf('a', PARTITIONS)
  await older.commit(nr, [append('a', 40)])
  await redis.del(...(await redis.keys(`*${place.prefix}:*`)))
  await restore(file, place.make, NOW)
  await expect(older.commit(nr, [append('a', 41)])).rejects.toMatchObject({ code: 'JOURNAL_FENCED' })
  const newer = await opened(place.journal())
  expect(await newer.lastSequenceNr('a')).toBe(40)
})

it('what led to a record is in a backup with it, and a cursor stands for what is there, while several write', async () => {
  const place = redisPlace()
  const made = await place.make(2, 1)
  await made.finish()
  const journal = await opened(place.journal())
  const [cause, effect] = [0, 1].map(nr => 'abcdefghij'.split('').find(id => partitionOf(id, 2) === nr)!) as [
    string,
    string,
  ]
  let over = false
  const writing = (async () => {
    for (let i = 0; !over; i++) {
      await journal.commit(0, [append(cause, i)])
      const handled = { source: 'bridge', partition: 0, position: i + 1, outstanding: [] }
      await journal.commit(1, [{ ...append(effect, i), handled }])
      await journal.saveCursors(0, new Map([['bridge', i + 1]]))
      await journal.saveSnapshot({ persistenceId: effect, sequenceNr: i + 1, timeMs: 0, payload: i }, 2)
    }
  })()
  const seen = new Set<number>()
  for (let i = 0; i < 12; i++) {
    const copy = lmdbPlace()
    await restore((await backedUp(place)).file, copy.make, NOW)
    const restored = await opened(copy.journal())
    const [causes, effects] = [await restored.lastPosition(0), await restored.lastPosition(1)]
    expect(effects === causes || effects === causes - 1).toBe(true)
    expect((await restored.loadCursors(0)).get('bridge') ?? 0).toBeLessThanOrEqual(effects)
    for (const { sequenceNr } of await collect(restored.loadSnapshots(effect, () => undefined)))
      expect(sequenceNr).toBeLessThanOrEqual(effects)
    seen.add(causes)
    await restored.close()
  }
  over = true
  await writing
  expect(seen.size).toBeGreaterThan(5)
})
