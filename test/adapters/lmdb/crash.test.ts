import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { isDeepStrictEqual } from 'node:util'
import { open as openEnvironment } from 'lmdb'
import { afterEach, expect, it } from 'vitest'
import { destroyLmdbStore, lmdbJournal } from '../../../src/adapters/lmdb/index.ts'
import type { Append, Journal } from '../../../src/persistence/journal.ts'
import { append, collect, written } from '../../persistence/journal-contract.ts'
import { lmdbStore } from './lmdb-store.ts'
import { IDS, numbered } from './writing-child.ts'

const children: ChildProcess[] = []
const stores = [lmdbStore()].slice(1)
const opened: Journal[] = []

const start = (command: string, args: readonly string[]): ChildProcess => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  return child
}

const ended = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise(resolve => child.once('exit', () => resolve()))

const fresh = () => {
  const store = lmdbStore()
  stores.push(store)
  return store
}

const open = async (path: string): Promise<Journal> => {
  const journal = lmdbJournal({ path })
  opened.push(journal)
  await journal.open()
  return journal
}

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL')
    await ended(child)
  }
  for (const journal of opened.splice(0)) await journal.close()
  for (const store of stores.splice(0)) await store.remove()
})

const childScript = `${import.meta.dirname}/writing-child.ts`

/** Everything up to `end` is there as `numbered` makes it, by position and by id. */
const expectNumbered = async (journal: Journal, end: number): Promise<void> => {
  let nr = 0
  while (nr < end) {
    const page = await journal.readLog(0, nr + 1, 1_000)
    expect(page.length).toBeGreaterThan(0)
    const expected = page.map((_, i) => ({ ...numbered(nr + i), partition: 0, position: nr + i + 1 }))
    expect(isDeepStrictEqual(page, expected)).toBe(true)
    nr += page.length
  }
  expect(nr).toBe(end)
  for (let i = 0; i < IDS; i++) {
    const ofId = await collect(journal.read(`id-${i}`, 1))
    expect(ofId).toHaveLength(Math.ceil(Math.max(0, end - i) / IDS))
    expect(ofId.every((stored, k) => stored.expectedSequenceNr === k)).toBe(true)
  }
}

it.each([
  ['flushed', []],
  ['not flushed', ['no-flush']],
])(
  'has everything that had resolved %s after kill -9, again and again, and the killed one keeps no lock',
  async (_, args) => {
    const { path } = fresh()
    for (let round = 0; round < 3; round++) {
      const child = start(process.execPath, ['--import', 'tsx', childScript, path, ...args])
      let acknowledged = 0
      let lines = 0
      for await (const line of createInterface({ input: child.stdout! })) {
        acknowledged = Number(line.replace('open ', ''))
        // At once while it runs, in the middle of whatever it is doing.
        if (++lines === 60 + round * 7) child.kill('SIGKILL')
      }
      await ended(child)
      const journal = await open(path)
      const end = await journal.lastPosition(0)
      expect(end).toBeGreaterThanOrEqual(acknowledged)
      await expectNumbered(journal, end)
      expect(written(await journal.commit(0, [numbered(end)]))).toEqual([`${end + 1}`])
      await journal.close()
    }
  },
)

it('refuses a second process at once and names the one that has the store', async () => {
  const { path } = fresh()
  const child = start(process.execPath, ['--import', 'tsx', childScript, path])
  for await (const line of createInterface({ input: child.stdout! })) if (Number(line) > 0) break
  await expect(lmdbJournal({ path }).open()).rejects.toMatchObject({
    code: 'JOURNAL_LOCKED',
    message: expect.stringContaining(`pid ${child.pid}`),
  })
  child.kill('SIGKILL')
  await ended(child)
  expect(await (await open(path)).lastPosition(0)).toBeGreaterThan(0)
})

it('refuses a second open in the same process, by whatever path, and says so', async () => {
  const { path } = fresh()
  await open(path)
  await expect(lmdbJournal({ path: `${path}/../${path.split('/').at(-1)}` }).open()).rejects.toMatchObject({
    code: 'JOURNAL_LOCKED',
    message: expect.stringContaining('this process'),
  })
})

it('removes a store that nobody has open, and no folder that holds anything else', async () => {
  const { path } = fresh()
  const journal = await open(path)
  await journal.commit(0, [append('a', 0)])
  await expect(destroyLmdbStore(path)).rejects.toMatchObject({ code: 'JOURNAL_LOCKED' })
  await journal.close()
  writeFileSync(`${path}/notes.txt`, 'mine')
  await expect(destroyLmdbStore(path)).rejects.toMatchObject({ code: 'JOURNAL_MISCONFIGURED' })
  rmSync(`${path}/notes.txt`)
  await destroyLmdbStore(path)
  expect(existsSync(path)).toBe(false)
  await destroyLmdbStore(path)
  expect(await (await open(path)).lastPosition(0)).toBe(0)
})

it('opens a store whose removal was cut short as it was, or as a new one', async () => {
  const { path } = fresh()
  const journal = await open(path)
  await journal.commit(0, [append('a', 0)])
  await journal.close()
  // In the order in which they are removed; the lock's own file goes with the process.
  rmSync(`${path}/store.made`)
  const whole = await open(path)
  expect(await whole.lastPosition(0)).toBe(1)
  await whole.close()
  for (const name of ['store.made', 'data.mdb']) rmSync(`${path}/${name}`)
  expect(await (await open(path)).lastPosition(0)).toBe(0)
})

it('finds every head again after a crash with more ids than it keeps in memory', async () => {
  const { path } = fresh()
  const journal = await open(path)
  const ids = 50_000
  const batch = (from: number, round: number): Append[] =>
    Array.from({ length: 1_000 }, (_, i) => append(`many-${from + i}`, round, 'Counted'))
  // Two rounds over all ids: the first generation is written behind while the second round changes its heads again.
  for (let round = 0; round < 2; round++)
    for (let from = 0; from < ids; from += 1_000) await journal.commit(0, batch(from, round))
  await journal.commit(0, batch(0, 2))
  // A copy of the folder as it is now is what a crash would leave.
  const copy = fresh()
  cpSync(path, copy.path, { recursive: true })
  const recovered = await open(copy.path)
  expect(await recovered.lastPosition(0)).toBe(2 * ids + 1_000)
  for (let i = 0; i < ids; i += 97) {
    const last = i < 1_000 ? 3 : 2
    expect(await recovered.lastSequenceNr(`many-${i}`)).toBe(last)
    expect(await collect(recovered.read(`many-${i}`, 1))).toHaveLength(last)
  }
  await recovered.close()
  // After a close all heads are in the index.
  const again = await open(copy.path)
  for (let i = 0; i < ids; i += 997) expect(await again.lastSequenceNr(`many-${i}`)).toBe(i < 1_000 ? 3 : 2)
})

it('bounds what a start after a crash reads, also where few ids write much and every run crashes', async () => {
  let { path } = fresh()
  let last = 0
  // Each run writes fewer records than one generation of the index covers.
  for (let run = 0; run < 3; run++) {
    const journal = await open(path)
    for (let i = 0; i < 200; i++, last += 1_000)
      await journal.commit(0, [append('one', last, ...Array.from({ length: 1_000 }, () => 'Counted'))])
    const copy = fresh()
    cpSync(path, copy.path, { recursive: true })
    path = copy.path
  }
  const root = openEnvironment({ path, noSubdir: false, overlappingSync: false, maxDbs: 8 })
  const checkpoint = root
    .openDB<Buffer, number>('checkpoints', { encoding: 'binary', keyEncoding: 'uint32' })
    .getBinary(0)
  await root.close()
  expect(last - (checkpoint?.readDoubleLE(0) ?? 0)).toBeLessThan(300_000)
  expect(await (await open(path)).lastSequenceNr('one')).toBe(last)
})
