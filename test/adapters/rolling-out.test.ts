import { spawn } from 'node:child_process'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isDeepStrictEqual } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { destroyLmdbStore, lmdbJournal } from '../../src/adapters/lmdb/index.ts'
import type { Journal } from '../../src/persistence/journal.ts'
import { collect, written } from '../persistence/journal-contract.ts'
import { type RedisServer, startRedisServer } from '../support/redis-server.ts'
import { IDS, numbered } from './lmdb/writing-child.ts'
import { archivingJournal } from './rolling-out-child.ts'

const folders: string[] = []
const servers: RedisServer[] = []
const opened: Journal[] = []

afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close()
  for (const server of servers.splice(0)) await server.stop()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-rolling-out-'))
  folders.push(folder)
  return folder
}

const open = async (place: string, archive: string): Promise<Journal> => {
  const journal = archivingJournal(place, archive)
  opened.push(journal)
  await journal.open()
  return journal
}

const places: readonly [name: string, make: () => Promise<string>][] = [
  ['LMDB', async () => `lmdb:${newFolder()}`],
  [
    'Redis',
    async () => {
      const server = await startRedisServer(['--appendfsync always'])
      servers.push(server)
      return server.url
    },
  ],
]

/** What `numbered` makes of the positions up to `end`, some in a commit. */
const fill = async (journal: Journal, end: number): Promise<void> => {
  for (let nr = 0; nr < end; nr += 10)
    await journal.commit(
      0,
      Array.from({ length: 10 }, (_, i) => numbered(nr + i)),
    )
}

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
  for (let i = 0; i < IDS; i += 7) {
    const ofId = await collect(journal.read(`id-${i}`, 1))
    expect(ofId.map(stored => stored.expectedSequenceNr)).toEqual(
      Array.from({ length: Math.ceil(Math.max(0, end - i) / IDS) }, (_, k) => k),
    )
  }
}

it.each(places)(
  'loses and doubles nothing on %s when it is killed while it rolls out',
  async (_name, make) => {
    const place = await make()
    const archive = newFolder()
    let files = 0
    for (let round = 0; round < 3; round++) {
      const script = `${import.meta.dirname}/rolling-out-child.ts`
      const args = ['--import', 'tsx', script, place, archive]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      const ended = new Promise(resolve => child.once('exit', resolve))
      let acknowledged = 0
      let rolled = 0
      for await (const line of createInterface({ input: child.stdout })) {
        if (line === 'rolled') rolled++
        else acknowledged = Number(line)
        // A while after a roll-out, so at another step of the next one each time.
        if (rolled === 2 + round) setTimeout(() => child.kill('SIGKILL'), round * 5)
      }
      await ended
      const journal = await open(place, archive)
      const end = await journal.lastPosition(0)
      expect(end).toBeGreaterThanOrEqual(acknowledged)
      await expectNumbered(journal, end)
      await journal.rollOut!()
      await expectNumbered(journal, end)
      expect(written(await journal.commit(0, [numbered(end)]))).toEqual([`${end + 1}`])
      await journal.close()
      const now = readdirSync(archive).filter(name => name.endsWith('.segment')).length
      expect(now).toBeGreaterThan(files)
      files = now
    }
  },
  120_000,
)

describe.each(places)(
  'a file of the archive that is damaged is JOURNAL_CORRUPT with its path, on %s',
  (_name, make) => {
    /** A store whose first segments are rolled out, closed. */
    const rolledOut = async () => {
      const place = await make()
      const archive = newFolder()
      const journal = await open(place, archive)
      for (let nr = 0; nr < 1_000; nr += 10)
        await journal.commit(
          0,
          Array.from({ length: 10 }, (_, i) => numbered(nr + i)),
        )
      expect((await journal.rollOut!()).archived).toBeGreaterThan(2)
      await journal.close()
      const [first, second] = readdirSync(archive).sort()
      return { place, archive, first: join(archive, first!), second: join(archive, second!) }
    }

    const damages: readonly [what: string, damage: (first: string, second: string) => void][] = [
      ['missing', first => rmSync(first)],
      ['empty', first => writeFileSync(first, '')],
      ['cut short', first => truncateSync(first, 5_000)],
      ['another one', (first, second) => writeFileSync(first, readFileSync(second))],
      ['a flipped bit in its header', first => flip(first, 20)],
      ['a flipped bit in a block', first => flip(first, 300)],
      ['a flipped bit in its index', first => flip(first, -9)],
    ]

    it.each(damages)('%s', async (_what, damage) => {
      const { place, archive, first, second } = await rolledOut()
      damage(first, second)
      const journal = await open(place, archive)
      const corrupt = expect.objectContaining({ code: 'JOURNAL_CORRUPT', message: expect.stringContaining(first) })
      await expect(journal.readLog(0, 1, 1_000)).rejects.toEqual(corrupt)
      await expect(collect(journal.read('id-0', 1))).rejects.toEqual(corrupt)
      // What is elsewhere is served.
      expect((await journal.readLog(0, 900, 10)).length).toBeGreaterThan(0)
      expect(written(await journal.commit(0, [numbered(1_000)]))).toEqual(['1001'])
    })

    it('and is read again once it is back', async () => {
      const { place, archive, first } = await rolledOut()
      renameSync(first, `${first}.away`)
      const journal = await open(place, archive)
      await expect(journal.readLog(0, 1, 1)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
      renameSync(`${first}.away`, first)
      await expectNumbered(journal, 1_000)
    })
  },
)

const flip = (path: string, at: number): void => {
  const bytes = readFileSync(path)
  bytes[at < 0 ? bytes.length + at : at]! ^= 4
  writeFileSync(path, bytes)
}

it('does not open a store with files of an archive where no folder is given, and keeps no lock', async () => {
  const path = newFolder()
  const archive = newFolder()
  const journal = await open(`lmdb:${path}`, archive)
  await fill(journal, 1_000)
  await journal.rollOut!()
  await journal.close()
  await expect(lmdbJournal({ path }).open()).rejects.toMatchObject({ code: 'JOURNAL_MISCONFIGURED' })
  await expectNumbered(await open(`lmdb:${path}`, archive), 1_000)
})

it('without a folder drops what is deleted, and keeps the rest in the store', async () => {
  const path = newFolder()
  const journal = lmdbJournal({ path })
  opened.push(journal)
  await journal.open()
  const large = (nr: number) => ({
    ...numbered(nr),
    records: [{ ...numbered(nr).records[0]!, payload: 'x'.repeat(1_000_000) }],
  })
  for (let nr = 0; nr < 150; nr++) await journal.commit(0, [large(nr)])
  expect(await journal.rollOut!()).toEqual({ archived: 0, dropped: 0, bytes: 0 })
  for (let i = 0; i < IDS; i++) await journal.tombstone!(`id-${i}`)
  expect(await journal.rollOut!()).toMatchObject({ archived: 0, dropped: 2 })
  expect((await journal.readLog(0, 1, 1))[0]!.position).toBeGreaterThan(100)
})

it('a store that is made anew leaves the archive, and does not take its files for its own', async () => {
  const path = newFolder()
  const archive = newFolder()
  for (let round = 1; round <= 2; round++) {
    const journal = await open(`lmdb:${path}`, archive)
    await fill(journal, 500)
    const { archived } = await journal.rollOut!()
    await expectNumbered(journal, 500)
    await journal.close()
    expect(readdirSync(archive)).toHaveLength(round * archived)
    await destroyLmdbStore(path)
  }
})

it('a copy of a store does not write over the files of the one that it was copied from', async () => {
  const [path, copy, archive] = [newFolder(), newFolder(), newFolder()]
  const original = await open(`lmdb:${path}`, archive)
  await fill(original, 500)
  await original.rollOut!()
  await original.close()
  cpSync(path, copy, { recursive: true })
  const goingOn = await open(`lmdb:${path}`, archive)
  for (let nr = 500; nr < 1_000; nr++) await goingOn.commit(0, [numbered(nr)])
  expect((await goingOn.rollOut!()).archived).toBeGreaterThan(0)
  const copied = await open(`lmdb:${copy}`, archive)
  const otherwise = (nr: number) => ({ ...numbered(nr), appendId: `other-${nr}` })
  for (let nr = 500; nr < 1_000; nr++) await copied.commit(0, [otherwise(nr)])
  await expect(copied.rollOut!()).rejects.toMatchObject({ code: 'JOURNAL_MISCONFIGURED' })
  expect((await copied.readLog(0, 501, 1))[0]!.appendId).toBe('other-500')
  await expectNumbered(goingOn, 1_000)
  await goingOn.close()
  await expectNumbered(await open(`lmdb:${path}`, archive), 1_000)
  expect(readdirSync(archive).filter(name => name.endsWith('.partial'))).toEqual([])
})

it('an archive that cannot be written leaves the segment in the store', async () => {
  const path = newFolder()
  const archive = newFolder()
  writeFileSync(join(archive, 'file'), '')
  const journal = await open(`lmdb:${path}`, join(archive, 'file'))
  await fill(journal, 500)
  await expect(journal.rollOut!()).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE', retryable: true })
  await expectNumbered(journal, 500)
  rmSync(join(archive, 'file'))
  expect((await journal.rollOut!()).archived).toBeGreaterThan(0)
  await expectNumbered(journal, 500)
})

it.each([{ folder: '' }, { folder: '/x', segmentBytes: 1_023 }, { folder: '/x', segmentBytes: 1.5 }])(
  'refuses an archive of %j',
  archive => {
    expect(() => lmdbJournal({ path: '/nowhere', archive })).toThrow(
      expect.objectContaining({ code: 'JOURNAL_MISCONFIGURED' }),
    )
  },
)
