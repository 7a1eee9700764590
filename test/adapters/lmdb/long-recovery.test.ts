import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, expect, it } from 'vitest'
import { lmdbJournal } from '../../../src/adapters/lmdb/index.ts'
import { NO_CAUSE } from '../../../src/persistence/command-cause.ts'
import type { Append } from '../../../src/persistence/journal.ts'
import { lmdbStore } from './lmdb-store.ts'

const EVENTS = 1_000_000
const PER_APPEND = 10

const stores = [lmdbStore()].slice(1)
afterEach(async () => {
  for (const store of stores.splice(0)) await store.remove()
})

const appendAt = (nr: number): Append => ({
  ...NO_CAUSE,
  persistenceId: 'counter|long',
  expectedSequenceNr: nr * PER_APPEND,
  appendId: `append-${nr}`,
  timeMs: nr,
  handled: null,
  compensates: null,
  records: Array.from({ length: PER_APPEND }, (_, i) => ({
    kind: 'event',
    type: 'Counted',
    version: 1,
    payload: { type: 'Counted', by: i, note: `the ${i}th event of append ${nr}` },
  })),
})

it('recovers an entity of 1,000,000 events in a heap of 128 MB', async () => {
  const place = lmdbStore()
  stores.push(place)
  const journal = lmdbJournal({ path: place.path })
  await journal.open()
  for (let nr = 0; nr < EVENTS / PER_APPEND; nr += 500)
    await journal.commit(
      0,
      Array.from({ length: 500 }, (_, i) => appendAt(nr + i)),
    )
  await journal.close()
  const script = `${import.meta.dirname}/long-recovery-child.ts`
  const flags = ['--max-old-space-size=128', '--conditions=troupe-source', '--import', 'tsx']
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, place.path])
  const { state, sequenceNr, stallMs } = JSON.parse(stdout)
  expect([state, sequenceNr]).toEqual([(EVENTS / PER_APPEND) * 45, EVENTS])
  // Far above the slice, since the machine has others to serve; without turns it is as long as the recovery.
  expect(stallMs).toBeLessThan(500)
}, 120_000)
