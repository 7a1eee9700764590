import { type Database, open as openEnvironment } from 'lmdb'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FORMAT } from '../../../src/adapters/codec/frame.ts'
import { lmdbJournal } from '../../../src/adapters/lmdb/index.ts'
import { cursorKey, logKey } from '../../../src/adapters/lmdb/keys.ts'
import { describeStore } from '../../../src/adapters/packed/description.ts'
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
  await journal.commit(0, [append('b', 1)], new Map([['risk', 2]]))
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
  await root.openDB<string, string>('meta', { encoding: 'string' }).remove('numbers')
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
    await journal.open()
    await change('log', table => table.remove(logKey(0, 3)))
    await expect(journal.readLog(0, 1, 10)).rejects.toEqual(corrupt('position 3', 'missing'))
  })

  it('for a reader of an id', async () => {
    await journal.open()
    await change('log', table => table.remove(logKey(0, 3)))
    await expect(collect(journal.read('a', 1))).rejects.toEqual(corrupt('position 3', 'missing'))
  })

  it('at start, in the middle, by the number of blocks', async () => {
    await change('log', table => table.remove(logKey(0, 3)))
    await expect(journal.open()).rejects.toEqual(corrupt(store.path, 'hold 2 blocks, and should hold 3'))
  })

  it('at start, where the log begins', async () => {
    await change('log', async table => {
      await table.put(logKey(0, 2), Buffer.from(table.getBinary(logKey(0, 1))!))
      await table.remove(logKey(0, 1))
    })
    await expect(journal.open()).rejects.toEqual(corrupt(store.path, 'partition 0', 'begins at position 2'))
  })

  it('at start, after the index', async () => {
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

describe('beside the log', () => {
  /** Flips one bit of what stands under a key. */
  const flipIn = (name: string, key: Buffer, byte: number): Promise<void> =>
    change(name, table => {
      const value = Buffer.from(table.getBinary(key)!)
      value[byte]! ^= 1
      return table.put(key, value)
    })
  const partition0 = Buffer.alloc(4)

  it.each([0, 7, 12, 19])('a head whose byte %s changed is JOURNAL_CORRUPT for whoever asks for its id', async byte => {
    await flipIn('heads', Buffer.from('a'), byte)
    await journal.open()
    expect(() => journal.lastSequenceNr('a')).toThrow(corrupt(store.path, 'partition 0', 'head of a'))
    await expect(journal.commit(0, [append('a', 2)])).rejects.toEqual(corrupt('head of a'))
    expect(journal.lastSequenceNr('b')).toBe(2)
  })

  it('the head of one id is none for another', async () => {
    await change('heads', table => table.put(Buffer.from('a'), Buffer.from(table.getBinary(Buffer.from('b'))!)))
    await journal.open()
    expect(() => journal.lastSequenceNr('a')).toThrow(corrupt('head of a'))
  })

  it('a cursor that changed is JOURNAL_CORRUPT', async () => {
    await flipIn('cursors', cursorKey(0, 'risk'), 0)
    await journal.open()
    await expect(journal.loadCursors(0)).rejects.toEqual(corrupt(store.path, 'partition 0', 'cursor of risk'))
  })

  it('a checkpoint that changed is JOURNAL_CORRUPT at start', async () => {
    await flipIn('checkpoints', partition0, 1)
    await expect(journal.open()).rejects.toEqual(corrupt(store.path, 'partition 0', 'checkpoint'))
  })

  it.each([
    ['heads', 'there are 0 heads of 2'],
    ['cursors', 'there are 0 cursors of 1'],
  ])('%s that are gone are JOURNAL_CORRUPT at start', async (name, text) => {
    await change(name, table => table.clearAsync())
    await expect(journal.open()).rejects.toEqual(corrupt(store.path, text))
  })

  it('one head that is gone is JOURNAL_CORRUPT at start', async () => {
    await change('heads', table => table.remove(Buffer.from('b')))
    await expect(journal.open()).rejects.toEqual(corrupt(store.path, 'there are 1 heads of 2'))
  })

  it('an epoch that is gone, or not the one that was taken, is JOURNAL_CORRUPT at start', async () => {
    const epochs = (doing: (table: Database<Buffer, number>) => Promise<unknown>) => withEpochs(store.path, doing)
    await epochs(table => table.put(0, Buffer.from(table.getBinary(0)!), 1_000))
    await expect(journal.open()).rejects.toEqual(corrupt(store.path, 'partition 0', 'epoch reads 1000'))
    await epochs(table => table.remove(0))
    await expect(journal.open()).rejects.toEqual(corrupt(store.path, 'partition 0', 'epoch is missing'))
  })

  const withEpochs = async (
    path: string,
    doing: (table: Database<Buffer, number>) => Promise<unknown>,
  ): Promise<void> => {
    const root = openEnvironment({ path, noSubdir: false, overlappingSync: false, maxDbs: 8 })
    await doing(root.openDB('epochs', { encoding: 'binary', keyEncoding: 'uint32', useVersions: true }))
    await root.close()
  }
})

describe('the description of the store', () => {
  const describeAs = async (text: string | null): Promise<void> => {
    const root = openEnvironment({ path: store.path, noSubdir: false, overlappingSync: false, maxDbs: 8 })
    const meta = root.openDB<string, string>('meta', { encoding: 'string' })
    await (text === null ? meta.remove('store') : meta.put('store', text))
    await root.close()
  }

  it.each([FORMAT - 1, FORMAT + 1])('of format %s is JOURNAL_FORMAT', async format => {
    await describeAs(`{"format":${format},"partitions":1}`)
    await expect(journal.open()).rejects.toMatchObject({
      code: 'JOURNAL_FORMAT',
      message: expect.stringContaining(`format ${format}`),
    })
  })

  it.each([
    `{"format":${FORMAT},"parti`,
    `{"format":${FORMAT},"partitions":0}`,
    describeStore({ partitions: 2, state: 'made' }).replace('"partitions":2', '"partitions":1'),
    'null',
    '{"format":"2"}',
  ])('that reads %s is JOURNAL_CORRUPT', async text => {
    await describeAs(text)
    await expect(journal.open()).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
  })

  it('that is gone is JOURNAL_CORRUPT, and no new store', async () => {
    await describeAs(null)
    await expect(journal.open()).rejects.toEqual(corrupt(store.path, 'description is missing'))
  })

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
  expect(await journal.loadCursors(0)).toEqual(new Map([['risk', 2]]))
})

describe('what is deleted', () => {
  beforeEach(async () => {
    await journal.open()
    await journal.deleteTo!('a', 1)
    await journal.tombstone!('b')
    await journal.close()
    journal = store.journal()
  })

  it.each(['a', 'b'])('does not come back where the horizon of %s is gone: the store does not open', async id => {
    await change('horizons', table => table.remove(Buffer.from(id)))
    await expect(journal.open()).rejects.toEqual(corrupt('there are 1 horizons', 'should be 2'))
  })

  it('does not come back where a horizon has another value', async () => {
    await change('horizons', table => {
      const stored = Buffer.from(table.getBinary(Buffer.from('a'))!)
      stored.writeDoubleLE(0, 0)
      return table.put(Buffer.from('a'), stored)
    })
    await journal.open()
    await expect(collect(journal.read('a', 1))).rejects.toEqual(corrupt('horizon of a'))
    await expect(journal.commit(0, [append('a', 0)])).rejects.toEqual(corrupt('horizon of a'))
  })

  it('is found after a crash that took the index, also of an id that was ended', async () => {
    await forgetIndex()
    await journal.open()
    await expect(collect(journal.read('b', 1))).rejects.toMatchObject({ code: 'JOURNAL_TOMBSTONED' })
    expect((await collect(journal.read('a', 1))).map(({ expectedSequenceNr }) => expectedSequenceNr)).toEqual([1])
  })
})
