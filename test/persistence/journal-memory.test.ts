import { expect, it } from 'vitest'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { append, journalContract } from './journal-contract.ts'

journalContract(
  'memoryJournal',
  async () => {
    const store = memoryStore()
    return { journal: () => memoryJournal({ store }), breakNewestSnapshot: null, remove: async () => undefined }
  },
  { secondOpen: 'fences', modelRuns: 100 },
)

journalContract(
  'memoryJournal of 5 partitions',
  async () => {
    const store = memoryStore(5)
    return { journal: () => memoryJournal({ store }), breakNewestSnapshot: null, remove: async () => undefined }
  },
  { secondOpen: 'fences', modelRuns: 10 },
)

it('a memory journal keeps the objects that it was given', async () => {
  const journal = memoryJournal()
  await journal.open()
  const given = append('a', 0)
  await journal.commit(0, [given])
  const [stored] = await journal.readLog(0, 1, 1)
  expect(stored!.records[0]!.payload).toBe(given.records[0]!.payload)
})

it.each([0, 1_025, 1.5])('a memory store of %s partitions is refused', partitions => {
  expect(() => memoryStore(partitions)).toThrow(expect.objectContaining({ code: 'JOURNAL_MISCONFIGURED' }))
})
