import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { destroyLmdbStore, lmdbJournal } from '../../../src/adapters/lmdb/index.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-folder-'))
})

afterEach(() => {
  chmodSync(folder, 0o700)
  rmSync(folder, { recursive: true, force: true })
})

const refused = (...parts: string[]) => ({
  code: 'JOURNAL_MISCONFIGURED',
  message: expect.stringMatching(
    new RegExp([...parts, 'Name a folder that this user may make and write to'].join('.*')),
  ),
})

it('a file in the place of the folder is refused, and what to do is said', async () => {
  const path = join(folder, 'store')
  writeFileSync(path, 'mine')
  await expect(lmdbJournal({ path }).open()).rejects.toMatchObject(refused(path, 'it is a file', 'EEXIST'))
  await expect(destroyLmdbStore(path)).rejects.toMatchObject(refused(path, 'it is a file', 'ENOTDIR'))
})

it('so is a folder within a file, and a name that is too long', async () => {
  writeFileSync(join(folder, 'file'), 'mine')
  const within = join(folder, 'file', 'store')
  await expect(lmdbJournal({ path: within }).open()).rejects.toMatchObject(refused('a part of its path is a file'))
  const long = join(folder, 'x'.repeat(300))
  await expect(lmdbJournal({ path: long }).open()).rejects.toMatchObject(refused('its name is too long'))
})

it('so is a folder that this user may not write to, or not make', async () => {
  const path = join(folder, 'store')
  mkdirSync(path)
  chmodSync(path, 0o555)
  chmodSync(folder, 0o555)
  await asNobody(async () => {
    await expect(lmdbJournal({ path }).open()).rejects.toMatchObject(refused(path, 'may not write there', 'EACCES'))
    const other = join(folder, 'other')
    await expect(lmdbJournal({ path: other }).open()).rejects.toMatchObject(refused(other, 'may not write there'))
  })
  chmodSync(folder, 0o755)
  chmodSync(path, 0o755)
  // Nothing of the refused ones is left behind: neither a lock nor a file.
  const journal = lmdbJournal({ path })
  await journal.open()
  await journal.close()
})

/** Root may write anywhere, so it steps down for a while. */
const asNobody = async (doing: () => Promise<void>): Promise<void> => {
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid!(65_534)
  try {
    await doing()
  } finally {
    if (isRoot) process.seteuid!(0)
  }
}
