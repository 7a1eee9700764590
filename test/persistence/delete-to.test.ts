import { describe, expect, it } from 'vitest'
import type { Journal } from '../../src/persistence/journal.ts'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { append, collect, written } from './journal-contract.ts'

interface Deletable {
  /** A journal on the same store, opened. The one before is closed. */
  reopen(): Promise<Journal>
  remove(): Promise<void>
}

const memory = async (): Promise<Deletable> => {
  const store = memoryStore()
  return {
    reopen: async () => {
      const journal = memoryJournal({ store })
      await journal.open()
      return journal
    },
    remove: async () => undefined,
  }
}

describe.each([['memory', memory]])('a journal in %s forgets what is deleted', (_name, make) => {
  const numbers = async (journal: Journal, from = 1): Promise<readonly number[]> =>
    (await collect(journal.read('a', from))).map(({ expectedSequenceNr }) => expectedSequenceNr + 1)

  const filled = async () => {
    const place = await make()
    const journal = await place.reopen()
    const appends = [append('a', 0, 'A', 'B'), append('b', 0), append('a', 2, 'C'), append('a', 3, 'D', 'E')]
    await journal.commit(0, appends)
    return { place, journal, appends }
  }

  it('up to a number, appends as a whole, and its numbering goes on', async () => {
    const { place, journal } = await filled()
    await journal.deleteTo!('a', 4)
    expect(await numbers(journal)).toEqual([4])
    expect(await numbers(journal, 2)).toEqual([4])
    expect(await journal.lastSequenceNr('a')).toBe(5)
    expect(written(await journal.commit(0, [append('a', 5)]))).toEqual(['7'])
    await journal.deleteTo!('a', 1_000)
    expect(await numbers(journal)).toEqual([])
    expect(await journal.lastSequenceNr('a')).toBe(6)
    expect(written(await journal.commit(0, [append('a', 0), append('a', 6)]))).toEqual([
      'conflict at 6',
      'conflict at 6',
    ])
    expect(written(await journal.commit(0, [append('a', 6)]))).toEqual(['8'])
    expect(await numbers(journal)).toEqual([7])
    await journal.close()
    await place.remove()
  })

  it('for ever: not a lower number, nor what is sent again, nor another opening brings it back', async () => {
    const { place, journal, appends } = await filled()
    await journal.deleteTo!('a', 3)
    await journal.deleteTo!('a', 1)
    expect(await numbers(journal)).toEqual([4])
    expect(written(await journal.commit(0, [appends[0]!]))).toEqual(['conflict at 5'])
    expect(written(await journal.commit(0, [appends[3]!]))).toEqual(['5 again'])
    await journal.close()
    const reopened = await place.reopen()
    expect(await numbers(reopened)).toEqual([4])
    expect(await reopened.lastSequenceNr('a')).toBe(5)
    expect(written(await reopened.commit(0, [appends[0]!]))).toEqual(['conflict at 5'])
    await reopened.close()
    await place.remove()
  })

  it('with the snapshots of before, and leaves other ids and the log by position alone', async () => {
    const { place, journal, appends } = await filled()
    for (const sequenceNr of [2, 3, 5])
      await journal.saveSnapshot({ persistenceId: 'a', sequenceNr, timeMs: 0, payload: null }, 9)
    await journal.deleteTo!('a', 3)
    const left = await collect(journal.loadSnapshots('a', () => undefined))
    expect(left.map(({ sequenceNr }) => sequenceNr)).toEqual([5, 3])
    expect(await collect(journal.read('b', 1))).toHaveLength(1)
    expect((await journal.readLog(0, 1, 10)).map(({ appendId }) => appendId)).toEqual(
      appends.map(({ appendId }) => appendId),
    )
    await journal.deleteTo!('nobody', 7)
    expect(await journal.lastSequenceNr('nobody')).toBe(0)
    expect(written(await journal.commit(0, [append('nobody', 0)]))).toEqual(['7'])
    expect(await collect(journal.read('nobody', 1))).toHaveLength(1)
    await journal.close()
    await place.remove()
  })
})
