import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { lmdbViews } from '../../../src/adapters/lmdb/index.ts'
import { RecordingLogger } from '../../../src/testkit/recording-logger.ts'
import { viewStoreContract } from '../../projection/view-store-contract.ts'
import { intoTable } from './lmdb-store.ts'

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'troupe-views-'))

viewStoreContract('LMDB', () => {
  const path = newFolder()
  return {
    views: () => lmdbViews({ path }),
    keeps: true,
    remove: async () => rmSync(path, { recursive: true, force: true }),
  }
})

test('a second store on the same folder is refused', async () => {
  const path = newFolder()
  const first = lmdbViews({ path })
  await first.open()
  await expect(lmdbViews({ path }).open()).rejects.toMatchObject({ code: 'JOURNAL_LOCKED' })
  await first.close()
  rmSync(path, { recursive: true })
})

test('rows of a build that was replaced are removed from the disk', async () => {
  const path = newFolder()
  const views = lmdbViews({ path })
  await views.open()
  for (let i = 0; i < 3; i++) {
    const build = await views.begin('quotes', 1)
    const changes = Array.from({ length: 50 }, (_, nr) => ({
      key: `${nr}`,
      row: { nr },
      entries: [`by\0${nr}\0${nr}`],
    }))
    await views.write(build, 0, 0, { position: 1, appendId: 'a' }, changes)
    await views.promote(build)
  }
  await views.close()
  // The end may have cut the removal short: then the next start goes on with it.
  await vi.waitFor(async () => {
    const again = lmdbViews({ path })
    await again.open()
    await again.close()
    for (const table of ['rows', 'entries'])
      await intoTable(path, table, async rows => expect([...rows.getKeys()]).toHaveLength(50))
  })
  rmSync(path, { recursive: true })
})

test('a row with a flipped bit is JOURNAL_CORRUPT, and never data', async () => {
  const path = newFolder()
  let views = lmdbViews({ path })
  await views.open()
  const build = await views.begin('quotes', 1)
  await views.write(build, 0, 0, { position: 1, appendId: 'a' }, [{ key: 'k', row: { value: 1 }, entries: [] }])
  await views.close()
  await intoTable(path, 'rows', async rows => {
    for (const { key, value } of rows.getRange()) {
      value[value.length - 1]! ^= 1
      await rows.put(key, value)
    }
  })
  views = lmdbViews({ path })
  await views.open()
  await expect(views.get(build, ['k'])).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
  await views.close()
  rmSync(path, { recursive: true })
})

test('says so when the rows of a replaced build cannot be removed', async () => {
  const path = newFolder()
  const first = lmdbViews({ path })
  await first.open()
  await first.begin('quotes', 1)
  await first.close()
  await intoTable(path, 'builds', async builds => {
    for (const key of builds.getKeys()) await builds.put(key, Buffer.from('{ no json'))
  })
  const logger = new RecordingLogger()
  const views = lmdbViews({ path, logger })
  await views.open()
  await vi.waitFor(() => expect(logger.texts('warn')).toEqual([expect.stringContaining('old rows of view quotes')]))
  await views.close()
  rmSync(path, { recursive: true })
})
