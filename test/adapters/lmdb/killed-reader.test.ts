import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import type { Journal } from '../../../src/persistence/journal.ts'
import { append } from '../../persistence/journal-contract.ts'
import { lmdbStore } from './lmdb-store.ts'

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const SNAPSHOT_BYTES = 200_000
const WRITES = 60

/** Each write makes the value of the one before free, unless somebody still reads it. */
const overwrite = async (journal: Journal): Promise<void> => {
  for (let i = 0; i < WRITES; i++)
    await journal.saveSnapshot({ persistenceId: 'a', sequenceNr: 1, timeMs: i, payload: 'x'.repeat(SNAPSHOT_BYTES) }, 1)
}

it('what a reader held back is used again once it was killed', async () => {
  const store = lmdbStore()
  const journal = store.journal()
  cleanups.push(
    () => store.remove(),
    () => journal.close(),
  )
  await journal.open()
  await journal.commit(0, [append('a', 0)])
  await overwrite(journal)
  const size = (): number => statSync(`${store.path}/data.mdb`).size
  const before = size()
  expect(before).toBeLessThan((WRITES / 4) * SNAPSHOT_BYTES)

  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', 'tsx', `${import.meta.dirname}/reading-child.ts`, store.path],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  cleanups.push(() => child.kill('SIGKILL'))
  await once(child.stdout!, 'data')
  await overwrite(journal)
  const during = size()
  expect(during).toBeGreaterThan(before + (WRITES / 2) * SNAPSHOT_BYTES)

  child.kill('SIGKILL')
  await once(child, 'exit')
  for (let i = 0; i < 4; i++) await overwrite(journal)
  // Room in the file that is there is used before it grows.
  expect(size()).toBeLessThan(during + WRITES * SNAPSHOT_BYTES)
})
