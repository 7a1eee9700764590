/** Who reads a log by position keeps what it has yet to come to, however long it stands still: only after it things go for good. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { lmdbJournal, lmdbViews } from '../../src/adapters/lmdb/index.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import { logSource } from '../../src/messaging/index.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import { projection, readModel, update } from '../../src/projection/index.ts'
import { append } from '../persistence/journal-contract.ts'

let folder: string
let store: EventStore

const open = async (): Promise<void> => {
  const archive = { folder: join(folder, 'archive'), segmentBytes: 2_048 }
  store = await EventStore.open(lmdbJournal({ path: join(folder, 'store'), archive }), { logger: silentLogger })
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-dropped-'))
  await open()
})

afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Writes beside the event store, which is opened anew to know of it. */
const fill = async (id: string, from: number, to: number): Promise<void> => {
  for (let nr = from; nr < to; nr++)
    await store.journal.commit(0, [append(id, 4 * nr, 'Added', 'Added', 'Added', 'Added')])
  await store.close()
  await open()
}

/** All of `id` is deleted, and what of the log held nothing else is dropped. */
const drop = async (id: string): Promise<number> => {
  await store.deleteTo(id, Number.MAX_SAFE_INTEGER)
  return (await store.rollOut()).dropped
}

const counts = projection<{ readonly type: 'Added' }, { readonly count: number }>({
  name: 'counts',
  events: ['Added'],
  project: () => [update('all', row => ({ count: (row?.count ?? 0) + 1 }))],
})

/** What the view says once it reflects all of the log; it runs no longer than that. */
const counted = async (): Promise<number> => {
  const views = lmdbViews({ path: join(folder, 'views') })
  const model = readModel(counts, store, views)
  const system = ActorSystem.start({ name: 'views', logger: silentLogger })
  system.spawn(model.behavior)
  await model.reached({ partition: 0, position: store.lastPosition(0) })
  const row = await model.get('all')
  await system.terminate()
  await views.close()
  return row!.count
}

it('a view that stood still finds what was deleted meanwhile', async () => {
  await fill('a', 0, 20)
  expect(await counted()).toBe(80)
  await fill('a', 20, 300)
  await fill('b', 0, 5)
  expect(await drop('a')).toBeGreaterThan(0)
  // What it has seen is gone, and what it has not is there.
  expect((await store.journal.readLog(0, 1, 1))[0]!.position).toBeGreaterThan(1)
  expect((await store.journal.readLog(0, 81, 1))[0]!.position).toBe(81)
  expect(await counted()).toBe(1_220)
})

it('a view whose last record was dropped goes on as it is', async () => {
  await fill('a', 0, 20)
  expect(await counted()).toBe(80)
  await fill('b', 0, 5)
  expect(await drop('a')).toBeGreaterThan(0)
  expect((await store.journal.readLog(0, 80, 1))[0]!.position).toBeGreaterThan(80)
  expect(await counted()).toBe(100)
})

it('a reader that was given nothing yet keeps the log from its begin on', async () => {
  const source = logSource(store, 'slow', { events: ['Added'] })
  await source.open(
    () => undefined,
    () => undefined,
  )
  await vi.waitFor(async () => expect((await store.journal.loadCursors(0)).get('slow')).toBe(0))
  await source.close()
  await fill('a', 0, 20)
  await fill('b', 0, 5)
  expect(await drop('a')).toBe(0)
})
