import { type Database, open as openEnvironment } from 'lmdb'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lmdbJournal } from '../../../src/adapters/lmdb/index.ts'
import { logKey } from '../../../src/adapters/lmdb/keys.ts'
import type { Journal } from '../../../src/persistence/journal.ts'
import { append, collect } from '../../persistence/journal-contract.ts'
import { intoTable, type LmdbTestStore, lmdbStore } from './lmdb-store.ts'

let store: LmdbTestStore
let journal: Journal

/** Three blocks: positions 1, 3 and 4. */
beforeEach(async () => {
  store = lmdbStore()
  journal = store.journal()
  await journal.open()
  await journal.commit(0, [append('a', 0), append('b', 0)])
  await journal.commit(0, [append('a', 1)])
  await journal.commit(0, [append('b', 1)])
  await journal.close()
  journal = store.journal()
})

afterEach(async () => {
  await journal.close()
  await store.remove()
})

const change = (name: string, doing: (table: Database<Buffer, Buffer>) => Promise<unknown>): Promise<void> =>
  intoTable(store.path, name, async table => {
    await doing(table)
  })

const flip = (position: number): Promise<void> =>
  change('log', table => {
    const block = Buffer.from(table.getBinary(logKey(0, position))!)
    block[block.length >> 1]! ^= 4
    return table.put(logKey(0, position), block)
  })

/** As after a crash before the index was ever written: everything is read from the log at start. */
const forgetIndex = async (): Promise<void> => {
  const root = openEnvironment({ path: store.path, noSubdir: false, overlappingSync: false, maxDbs: 8 })
  await root.openDB('checkpoints', { encoding: 'binary', keyEncoding: 'uint32' }).clearAsync()
  await root.openDB('heads', { encoding: 'binary', keyEncoding: 'binary' }).clearAsync()
  await root.close()
}

const corrupt = (...parts: string[]) =>
  expect.objectContaining({
    code: 'JOURNAL_CORRUPT',
    message: expect.stringMatching(new RegExp(parts.map(part => part.replaceAll('/', '\\/')).join('.*'))),
  })

describe('a flipped bit in a block is JOURNAL_CORRUPT and names store, partition and position', () => {
  it('for a reader of the log; what stands before it is served', async () => {
    await flip(3)
    await journal.open()
    expect(await journal.readLog(0, 1, 1)).toHaveLength(2)
    await expect(journal.readLog(0, 3, 10)).rejects.toEqual(corrupt(store.path, 'partition 0', 'position 3'))
  })

  it('for a reader of an id, with the id; other ids are served', async () => {
    await flip(3)
    await journal.open()
    await expect(collect(journal.read('a', 1))).rejects.toEqual(corrupt(store.path, 'partition 0', 'position 3', 'a'))
    expect(await collect(journal.read('b', 1))).toHaveLength(2)
  })

  it('at start, where the log is read', async () => {
    await forgetIndex()
    await flip(3)
    await expect(journal.open()).rejects.toEqual(corrupt(store.path, 'partition 0', 'position 3'))
  })
})

describe('a hole in the log is JOURNAL_CORRUPT and names the missing position', () => {
  it('for a reader of the log', async () => {
    await change('log', table => table.remove(logKey(0, 3)))
    await journal.open()
    await expect(journal.readLog(0, 1, 10)).rejects.toEqual(corrupt('position 3', 'missing'))
  })

  it('for a reader of an id', async () => {
    await change('log', table => table.remove(logKey(0, 3)))
    await journal.open()
    await expect(collect(journal.read('a', 1))).rejects.toEqual(corrupt('position 3', 'missing'))
  })

  it('at start, in the middle', async () => {
    await forgetIndex()
    await change('log', table => table.remove(logKey(0, 3)))
    await expect(journal.open()).rejects.toEqual(corrupt('position 4', 'position 3 is missing'))
  })

  it('at start, at the end', async () => {
    await change('log', table => table.remove(logKey(0, 4)))
    await expect(journal.open()).rejects.toEqual(corrupt('complete up to position 4', 'no block ends there'))
  })
})

it('a start from the log alone finds the same heads', async () => {
  await forgetIndex()
  await journal.open()
  expect([await journal.lastSequenceNr('a'), await journal.lastSequenceNr('b'), await journal.lastPosition(0)]).toEqual(
    [2, 2, 4],
  )
})

describe('the description of the store', () => {
  const describeAs = async (text: string): Promise<void> => {
    const root = openEnvironment({ path: store.path, noSubdir: false, overlappingSync: false, maxDbs: 8 })
    await root.openDB<string, string>('meta', { encoding: 'string' }).put('store', text)
    await root.close()
  }

  it('of a later format is JOURNAL_FORMAT', async () => {
    await describeAs('{"format":2,"partitions":1}')
    await expect(journal.open()).rejects.toMatchObject({
      code: 'JOURNAL_FORMAT',
      message: expect.stringContaining('format 2'),
    })
  })

  it.each(['{"format":1,"parti', '{"format":1,"partitions":0}', 'null'])(
    'that reads %s is JOURNAL_CORRUPT',
    async text => {
      await describeAs(text)
      await expect(journal.open()).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
    },
  )

  it('fixes the number of partitions; a store without wishes takes what is there', async () => {
    await expect(lmdbJournal({ path: store.path, partitions: 4 }).open()).rejects.toMatchObject({
      code: 'JOURNAL_MISCONFIGURED',
      message: expect.stringContaining('made with 1 partitions, 4 were asked for'),
    })
    journal = lmdbJournal({ path: store.path })
    await journal.open()
    expect(journal.partitions).toBe(1)
  })

  it.each([0, 65, 1.5])('is never made with %s partitions', partitions => {
    expect(() => lmdbJournal({ path: store.path, partitions })).toThrow(
      expect.objectContaining({ code: 'JOURNAL_MISCONFIGURED' }),
    )
  })
})

it('a writer whose epoch was taken is fenced, though no lock told it', async () => {
  await journal.open()
  // As another machine would on the same volume: the next epoch, without the lock that only this one sees.
  const root = openEnvironment({ path: store.path, noSubdir: false, overlappingSync: false, maxDbs: 8 })
  const epochs = root.openDB<Buffer, number>('epochs', { encoding: 'binary', keyEncoding: 'uint32', useVersions: true })
  const taken = epochs.getEntry(0)!.version! + 1
  await epochs.put(0, Buffer.alloc(0), taken)
  const fenced = { code: 'JOURNAL_FENCED', message: expect.stringContaining(`epoch ${taken}`) }
  await expect(journal.commit(0, [append('a', 2)])).rejects.toMatchObject(fenced)
  await expect(journal.commit(0, [])).rejects.toMatchObject(fenced)
  await expect(journal.saveCursors(0, new Map([['risk', 1]]))).rejects.toMatchObject(fenced)
  expect(await journal.lastSequenceNr('a')).toBe(2)
  expect(await journal.loadCursors(0)).toEqual(new Map())
})
