import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { open as openEnvironment } from 'lmdb'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { append } from '../../persistence/journal-contract.ts'
import { type LmdbTestStore, lmdbStore } from './lmdb-store.ts'

let store: LmdbTestStore
let file: string
let pages: { pageSize: number; lastPageNumber: number }

/** Some hundred blocks in a store that was closed. */
beforeEach(async () => {
  store = lmdbStore()
  file = join(store.path, 'data.mdb')
  const journal = store.journal()
  await journal.open()
  for (let i = 0; i < 200; i++) await journal.commit(0, [append('a', i), append(`b${i}`, 0)])
  await journal.close()
  const root = openEnvironment({ path: store.path, noSubdir: false, overlappingSync: false, maxDbs: 8 })
  pages = root.getStats() as typeof pages
  await root.close()
})

afterEach(() => store.remove())

const opens = async (): Promise<number> => {
  const journal = store.journal()
  try {
    await journal.open()
    return await journal.lastPosition(0)
  } finally {
    await journal.close()
  }
}

const refused = (text: string) => ({ code: 'JOURNAL_CORRUPT', message: expect.stringMatching(`${file}: ${text}`) })

/** Writes bytes over the file's own. */
const overwrite = (at: number, bytes: Buffer): void => {
  const whole = readFileSync(file)
  bytes.copy(whole, at)
  writeFileSync(file, whole)
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

describe('a database file that was cut short is JOURNAL_CORRUPT', () => {
  it('within a meta page', async () => {
    truncateSync(file, 100)
    await expect(opens()).rejects.toMatchObject(refused('meta page 0 is missing, the file ends at 100 bytes'))
  })

  it('after the first meta page', async () => {
    truncateSync(file, pages.pageSize)
    await expect(opens()).rejects.toMatchObject(refused('meta page 1 is missing'))
  })

  it('by the last page in use', async () => {
    const needed = (pages.lastPageNumber + 1) * pages.pageSize
    expect(statSync(file).size).toBeGreaterThanOrEqual(needed)
    truncateSync(file, needed - 1)
    await expect(opens()).rejects.toMatchObject(refused(`the file has ${needed - 1} bytes of ${needed}`))
  })

  it('to nothing, and when it is missing: it is no new store', async () => {
    truncateSync(file, 0)
    await expect(opens()).rejects.toMatchObject(refused('the file is empty, and a store was made here'))
    rmSync(file)
    await expect(opens()).rejects.toMatchObject(refused('the file is missing, and a store was made here'))
  })

  it('and one with all pages in use opens', async () => {
    truncateSync(file, (pages.lastPageNumber + 1) * pages.pageSize)
    expect(await opens()).toBe(400)
  })
})

describe('a database file that is not what LMDB wrote is JOURNAL_CORRUPT', () => {
  it('all of it', async () => {
    writeFileSync(file, Buffer.alloc(200_000, 'no database '))
    await expect(opens()).rejects.toMatchObject(refused("meta page 0 is none of LMDB's"))
  })

  it.each([
    ['magic', 24, 'meta page 0 is none of LMDB'],
    ['version', 28, 'meta page 0 has version 4294901760|meta page 0 has version 65535'],
    ['size of a page', 48, 'meta page 0 says that pages have 4294967295 bytes'],
    ['root of the tables', 140, 'meta page 0 names page \\d+ as a root'],
    ['root of the free pages', 92, 'meta page 0 names page \\d+ as a root'],
  ])('its %s', async (_, at, text) => {
    overwrite(at, u32(0xffff_ffff))
    await expect(opens()).rejects.toMatchObject(refused(text))
  })

  it('its second meta page', async () => {
    overwrite(pages.pageSize + 24, u32(0))
    await expect(opens()).rejects.toMatchObject(refused("meta page 1 is none of LMDB's"))
  })

  it('a last page beyond the end', async () => {
    for (const page of [0, 1]) overwrite(page * pages.pageSize + 144, u32(1_000_000))
    await expect(opens()).rejects.toMatchObject(refused('the file has \\d+ bytes of 4096004096'))
  })
})

describe('a page of a tree that is not what it should be is JOURNAL_CORRUPT at open, with its number', () => {
  const kindOf = (page: number, whole: Buffer): 'branch' | 'leaf' | 'value' => {
    const at = page * pages.pageSize
    const flags = whole.readUInt16LE(at + 18)
    if (Number(whole.readBigUInt64LE(at)) !== page || (flags !== 1 && flags !== 2)) return 'value'
    return flags === 1 ? 'branch' : 'leaf'
  }

  /** How opening ends with each page of a kind replaced in turn: the codes, and how often. */
  const endings = async (kind: string, replace: (page: Buffer) => void): Promise<Record<string, number>> => {
    const whole = readFileSync(file)
    const found: Record<string, number> = {}
    for (let page = 2; page <= pages.lastPageNumber; page++) {
      if (kindOf(page, whole) !== kind) continue
      const damaged = Buffer.from(whole)
      replace(damaged.subarray(page * pages.pageSize, (page + 1) * pages.pageSize))
      writeFileSync(file, damaged)
      const ending = await opens().then(
        () => 'opened',
        error => (error.message.includes(`page ${page} is damaged`) ? error.code : error.message),
      )
      found[ending] = (found[ending] ?? 0) + 1
    }
    writeFileSync(file, whole)
    return found
  }

  // Pages that are free, from earlier commits, look like leaves too: damage there is none.
  it.each([
    ['zeros', (page: Buffer) => page.fill(0)],
    ['noise', (page: Buffer) => page.fill(0xa5)],
    ["another page's number", (page: Buffer) => page.writeUInt32LE(1, 0)],
    ['another kind', (page: Buffer) => page.writeUInt16LE(4, 18)],
    ['pointers without end', (page: Buffer) => page.writeUInt16LE(0xffff, 20)],
  ])('%s', async (_, replace) => {
    const branches = await endings('branch', replace)
    expect(branches.JOURNAL_CORRUPT).toBeGreaterThanOrEqual(1)
    expect(Object.keys(branches).filter(code => code !== 'JOURNAL_CORRUPT' && code !== 'opened')).toEqual([])
    const leaves = await endings('leaf', replace)
    expect(leaves.JOURNAL_CORRUPT).toBeGreaterThanOrEqual(6)
    expect(Object.keys(leaves).filter(code => code !== 'JOURNAL_CORRUPT' && code !== 'opened')).toEqual([])
  })

  it('a node that lies outside its page', async () => {
    const outcomes = await endings('branch', page => page.fill(0xff, 24, 26))
    expect(Object.keys(outcomes).filter(code => code !== 'JOURNAL_CORRUPT' && code !== 'opened')).toEqual([])
    expect(outcomes.JOURNAL_CORRUPT).toBeGreaterThanOrEqual(1)
  })
})

it('a store whose making was cut short before it held anything is made', async () => {
  const other = lmdbStore()
  mkdirSync(other.path, { recursive: true })
  // LMDB makes its lock first, then an empty file.
  copyFileSync(join(store.path, 'lock.mdb'), join(other.path, 'lock.mdb'))
  writeFileSync(join(other.path, 'data.mdb'), '')
  const journal = other.journal()
  await journal.open()
  expect(await journal.lastPosition(0)).toBe(0)
  await journal.close()
  await other.remove()
})
