/** Backups of stores that have forgotten: deleted, ended, rolled out and dropped, in any order, from engine to engine. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { verifyBackup } from '../../../src/adapters/backup/read-backup.ts'
import { type MakeStore, restore } from '../../../src/adapters/backup/restore.ts'
import { makeRedisStore } from '../../../src/adapters/redis/restoring.ts'
import { isRuntimeError } from '../../../src/base/errors.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import type { Journal } from '../../../src/persistence/journal.ts'
import { partitionOf } from '../../../src/persistence/partition.ts'
import { append, collect, written } from '../../persistence/journal-contract.ts'
import { startCuttingProxy } from '../../support/cutting-proxy.ts'
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts'
import { KINDS, NOW, type Place, Places } from './places.ts'

const PARTITIONS = 2
const IDS = ['a', 'b', 'c', 'd', 'e'] as const

let server: RedisServer
let folder: string
let places: Places
const journals: Journal[] = []

beforeAll(async () => {
  server = await startRedisServer(['--appendfsync no'])
  folder = mkdtempSync(join(tmpdir(), 'troupe-forgotten-'))
  places = new Places(folder, server.url)
})

afterEach(async () => {
  for (const journal of journals.splice(0)) await journal.close()
})

afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

const opened = async (place: Place): Promise<Journal> => {
  const journal = place.journal()
  journals.push(journal)
  await journal.open()
  return journal
}

const made = async (place: Place): Promise<Journal> => {
  await (await place.make(PARTITIONS, 1)).finish()
  return opened(place)
}

const lastOf = async (journal: Journal, id: string): Promise<number | string> => {
  try {
    return await journal.lastSequenceNr(id)
  } catch (error) {
    if (isRuntimeError(error, 'JOURNAL_TOMBSTONED')) return error.code
    throw error
  }
}

/** All that anybody can read of a store. */
const everythingIn = async (journal: Journal): Promise<{ readonly partitions: unknown; readonly ids: unknown }> => {
  const partitions = []
  for (let nr = 0; nr < journal.partitions; nr++) {
    const last = await journal.lastPosition(nr)
    const cursors = [...(await journal.loadCursors(nr))].sort()
    const log = await journal.readLog(nr, 1, 10_000)
    const middle = await journal.readLog(nr, Math.ceil(last / 2), 1)
    partitions.push({ cursors, last, log, middle })
  }
  const ids = []
  for (const id of IDS) {
    const last = await lastOf(journal, id)
    if (typeof last === 'string') ids.push(last)
    else
      ids.push({
        last,
        read: await collect(journal.read(id, 1)),
        end: await collect(journal.read(id, last)),
        snapshots: await collect(journal.loadSnapshots(id, error => expect.fail(error.message))),
      })
  }
  return { partitions, ids }
}

/** `count` records of an id, each in a commit of its own. */
const write = async (journal: Journal, id: string, count: number): Promise<void> => {
  const last = await lastOf(journal, id)
  if (typeof last === 'string') return
  for (let i = 0; i < count; i++) await journal.commit(partitionOf(id, journal.partitions), [append(id, last + i)])
}

/** Both answer alike what is written to them now, and say the same of it, also after a roll-out and opened again. */
const expectGoOnAlike = async (both: readonly [Journal, Journal], places: readonly [Place, Place]): Promise<void> => {
  for (const id of IDS) {
    const nr = partitionOf(id, PARTITIONS)
    const last = await lastOf(both[0], id)
    const [stored] = (await both[0].readLog(nr, 1, 10_000)).filter(each => each.persistenceId === id)
    const appends = [
      append(id, typeof last === 'number' ? last : 0),
      append(id, 0),
      ...(stored === undefined ? [] : [stored]),
    ]
    for (const each of appends) {
      const [one, other] = [await both[0].commit(nr, [each]), await both[1].commit(nr, [each])]
      expect(written(other)).toEqual(written(one))
    }
  }
  expect(await everythingIn(both[1])).toEqual(await everythingIn(both[0]))
  const after: unknown[] = []
  for (const [i, journal] of both.entries()) {
    // What is deleted may be dropped from one log, and lie in the other's files already: ids read the same.
    await journal.rollOut!()
    await journal.close()
    after.push((await everythingIn(await opened(places[i]!))).ids)
  }
  expect(after[1]).toEqual(after[0])
}

describe.each(KINDS.flatMap(from => KINDS.map(to => ({ from, to }))))('from $from to $to', ({ from, to }) => {
  it('what was deleted, ended, rolled out and dropped stays so, between what was not', async () => {
    const place = places.make(from)
    const journal = await made(place)
    const nr = partitionOf('a', PARTITIONS)
    const [gone, kept] = ['b', 'c', 'd', 'e', 'f', 'g', 'h'].filter(id => partitionOf(id, PARTITIONS) === nr) as [
      string,
      string,
    ]
    await write(journal, 'a', 20)
    await write(journal, gone, 40)
    await write(journal, kept, 20)
    await journal.saveSnapshot({ persistenceId: kept, sequenceNr: 15, timeMs: 0, payload: 'fifteen' }, 1)
    await journal.deleteTo!(kept, 10)
    await journal.deleteTo!(gone, 40)
    await journal.saveCursors(nr, new Map([['reader', 70]]))
    const rolled = await journal.rollOut!()
    expect(rolled.dropped).toBeGreaterThan(1)
    expect(rolled.archived).toBeGreaterThan(2)
    const summary = await places.backedUp(place)
    expect(summary.totals).toMatchObject({ horizons: 2, dropped: rolled.dropped, snapshots: 1 })
    expect(await verifyBackup(summary.file)).toEqual({ ...summary, file: undefined })

    const other = places.make(to)
    const refused = { code: 'JOURNAL_MISCONFIGURED', message: expect.stringContaining('archive') }
    await expect(restore(summary.file, other.makeWithoutArchive, NOW)).rejects.toMatchObject(refused)
    expect(await other.isEmpty()).toBe(true)
    await restore(summary.file, other.make, NOW)
    const restored = await opened(other)
    expect(await everythingIn(restored)).toEqual(await everythingIn(journal))
    expect(written(await restored.commit(nr, [append(gone, 39)]))).toEqual(['deleted to 40'])
    expect(written(await restored.commit(nr, [append(gone, 40)]))).toEqual(['81'])
  })

  it('a store is restored as it was whatever was done to it before', { timeout: 200_000 }, async () => {
    const id = fc.constantFrom(...IDS)
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(fc.constant('write' as const), id, fc.integer({ min: 1, max: 12 })) },
      { weight: 3, arbitrary: fc.tuple(fc.constant('delete' as const), id, fc.integer({ min: 1, max: 30 })) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('end' as const), id, fc.constant(0)) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('snapshot' as const), id, fc.constant(0)) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('rollOut' as const), id, fc.constant(0)) },
    )
    const seen = { horizons: 0, dropped: 0 }
    const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 25 }), async steps => {
      const place = places.make(from)
      const journal = await made(place)
      for (const [what, id, count] of steps) {
        const last = await lastOf(journal, id)
        if (what === 'write') await write(journal, id, count)
        else if (what === 'delete') await journal.deleteTo!(id, count)
        else if (what === 'end') await journal.tombstone!(id)
        else if (what === 'rollOut') await journal.rollOut!()
        else if (typeof last === 'number' && last > 0)
          await journal.saveSnapshot({ persistenceId: id, sequenceNr: last, timeMs: 0, payload: { last } }, 2)
      }
      const { file, totals } = await places.backedUp(place)
      seen.horizons += totals.horizons
      seen.dropped += totals.dropped
      const other = places.make(to)
      await restore(file, other.make, NOW)
      const restored = await opened(other)
      expect(await everythingIn(restored)).toEqual(await everythingIn(journal))
      // A backup of what was restored holds the same.
      const again = await places.backedUp(other)
      expect({ ...again.totals, dropped: 0 }).toEqual({ ...totals, dropped: 0 })
      await expectGoOnAlike([journal, restored], [place, other])
      for (const each of journals.splice(0)) await each.close()
    })
    await fc.assert(property, { numRuns: 12 })
    expect(seen.horizons).toBeGreaterThan(0)
    expect(seen.dropped).toBeGreaterThan(0)
  })
})

it.each(KINDS)('a store in %s that forgets while it is backed up can be recovered from every backup', async kind => {
  const place = places.make(kind)
  const journal = await made(place)
  const nr = partitionOf('a', PARTITIONS)
  await write(journal, 'a', 10)
  let over = false
  const forgetting = (async () => {
    for (let last = 10; !over; last += 10) {
      await write(journal, 'a', 10)
      await journal.saveSnapshot({ persistenceId: 'a', sequenceNr: last, timeMs: 0, payload: last }, 1)
      await journal.deleteTo!('a', last)
      await journal.tombstone!(`of ${last}`)
      if (last % 50 === 0) await journal.rollOut!()
    }
  })()
  const seen = new Set<number>()
  let refused = 0
  for (const endMs = Date.now() + 6_000; Date.now() < endMs && (seen.size < 12 || refused === 0); ) {
    const file = await places.backedUp(place).then(
      backup => backup.file,
      error => {
        expect(error).toMatchObject({ code: 'BACKUP_FAILED', retryable: true })
        refused++
        return null
      },
    )
    if (file === null) continue
    const other = places.lmdb()
    await restore(file, other.make, NOW)
    const restored = await opened(other)
    const last = (await restored.lastSequenceNr('a')) as number
    const [snapshot] = await collect(restored.loadSnapshots('a', error => expect.fail(error.message)))
    const events = await collect(restored.read('a', (snapshot?.sequenceNr ?? 0) + 1))
    expect((snapshot?.sequenceNr ?? 0) + events.length).toBe(last)
    expect(written(await restored.commit(nr, [append('a', last)]))).toHaveLength(1)
    seen.add(last)
    await restored.close()
  }
  over = true
  await forgetting
  expect(seen.size).toBeGreaterThan(2)
})

it.each(KINDS)(
  'a segment that leaves a store in %s while it is read is read all the same, or the backup refused',
  async kind => {
    const place = places.make(kind)
    const journal = await made(place)
    const nr = partitionOf('a', PARTITIONS)
    await write(journal, 'a', 40)
    await journal.saveSnapshot({ persistenceId: 'a', sequenceNr: 20, timeMs: 0, payload: 20 }, 1)
    const positions = async (whileRead: () => Promise<unknown>): Promise<readonly number[]> => {
      const reader = await place.reader()
      const found: number[] = []
      try {
        for await (const entry of reader.entries()) {
          if (entry.kind === 'snapshot') await whileRead()
          if (entry.kind === 'block' && entry.partition === nr) found.push(entry.firstPosition)
        }
      } finally {
        await reader.close()
      }
      return found
    }
    const rollOut = async (): Promise<void> => {
      expect(await journal.rollOut!()).toMatchObject({ archived: expect.any(Number), dropped: 0 })
    }
    const all = Array.from({ length: 40 }, (_, i) => i + 1)
    expect(await positions(rollOut)).toEqual(all)
    expect(await positions(rollOut)).toEqual(all)
    await write(journal, 'a', 40)
    const more = [...all, ...all.map(position => position + 40)]
    const drop = async (): Promise<void> => {
      await journal.deleteTo!('a', 75)
      await journal.saveSnapshot({ persistenceId: 'a', sequenceNr: 80, timeMs: 0, payload: 80 }, 1)
      expect((await journal.rollOut!()).dropped).toBeGreaterThan(1)
    }
    if (kind === 'LMDB') expect(await positions(drop)).toEqual(more)
    else await expect(positions(drop)).rejects.toMatchObject({ code: 'BACKUP_FAILED', retryable: true })
  },
)

it.each(['loseAnswerTo', 'loseRequest'] as const)(
  'is restored to a server where %s cuts the connection, every step once',
  { timeout: 60_000 },
  async how => {
    const place = places.lmdb()
    const journal = await made(place)
    for (const id of ['a', 'b', 'c', 'd']) await write(journal, id, 30)
    await journal.deleteTo!('b', 30)
    await journal.tombstone!('c')
    await journal.rollOut!()
    for (const id of ['a', 'b', 'd']) await write(journal, id, 30)
    const { file } = await places.backedUp(place)
    const proxy = await startCuttingProxy(server.port)
    const other = places.redis()
    const url = `redis://127.0.0.1:${proxy.port}?prefix=${other.prefix}`
    const make = makeRedisStore({ url, archive: other.archive, logger: silentLogger })
    const cutting: MakeStore = async (partitions, incarnation) => {
      const store = await make(partitions, incarnation)
      for (const step of ['forget', 'put', 'saveCursors', 'finish'] as const) {
        const done = store.filling[step].bind(store.filling) as (...args: unknown[]) => Promise<void>
        Object.assign(store.filling, {
          [step]: (...args: unknown[]) => {
            proxy[how]('EVALSHA')
            return done(...args)
          },
        })
      }
      return store
    }
    await restore(file, cutting, NOW)
    expect(proxy.lost).toBeGreaterThan(4)
    await proxy.stop()
    expect(await everythingIn(await opened(other))).toEqual(await everythingIn(journal))
  },
)
