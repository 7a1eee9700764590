import type { Journal } from 'troupe'
import { journalContract } from 'troupe/testkit'
import { describe, expect, test } from 'vitest'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'

/** Names of the cases that a journal breaks which is right but for `changes`. */
const brokenBy = async (change: (inner: Journal) => Partial<Journal>): Promise<readonly string[]> => {
  const cases = journalContract(
    async () => {
      const store = memoryStore(2)
      return {
        journal: () => {
          const inner = memoryJournal({ store })
          const changed = change(inner)
          return new Proxy(inner, {
            get: (target, name) => {
              const own = (changed as Record<string | symbol, unknown>)[name]
              if (own !== undefined) return own
              const value: unknown = Reflect.get(target, name, target)
              return typeof value === 'function' ? value.bind(target) : value
            },
          })
        },
        breakNewestSnapshot: null,
        remove: async () => undefined,
      }
    },
    { secondOpen: 'fences', modelRuns: 5 },
  )
  const broken: string[] = []
  for (const { name, run } of cases) await run().catch(() => broken.push(name))
  return broken
}

describe('the contract of a journal', () => {
  test('is fulfilled by one that is right', async () => {
    expect(await brokenBy(() => ({}))).toEqual([])
  })

  test.each<readonly [what: string, case_: RegExp, change: (inner: Journal) => Partial<Journal>]>([
    [
      'writes nothing',
      /writes appends in order/,
      () => ({
        commit: async (_p, appends) => appends.map((_, i) => ({ status: 'written', position: i + 1, repeated: false })),
      }),
    ],
    ['forgets cursors', /cursors/, inner => ({ commit: (partition, appends) => inner.commit(partition, appends) })],
    ['reads one too many', /reads an id/, inner => ({ read: (id, from) => inner.read(id, from - 1) })],
    [
      'reads the log from the next position',
      /reads the log/,
      inner => ({ readLog: (p, from, n) => inner.readLog(p, from + 1, n) }),
    ],
    [
      'keeps one snapshot too many',
      /newest snapshots/,
      inner => ({ saveSnapshot: (s, keep) => inner.saveSnapshot(s, keep + 1) }),
    ],
    ['does not close', /refuses every call after close/, () => ({ close: async () => undefined })],
    [
      'does not say that an append is repeated',
      /recognises an append/,
      inner => ({
        commit: async (p, appends, cursors) =>
          (await inner.commit(p, appends, cursors)).map(result =>
            result.status === 'written' ? { ...result, repeated: false } : result,
          ),
      }),
    ],
    [
      'takes no epoch',
      /fences the older writer/,
      inner => ({
        commit: async (p, appends, cursors) => {
          try {
            return await inner.commit(p, appends, cursors)
          } catch {
            return []
          }
        },
      }),
    ],
    [
      'puts all into one partition',
      /keeps the partitions apart/,
      inner => ({ readLog: (_p, from, n) => inner.readLog(0, from, n) }),
    ],
  ])('finds one that %s', async (_what, name, change) => {
    expect(await brokenBy(change)).toContainEqual(expect.stringMatching(name))
  })

  test('says which random run failed', async () => {
    const cases = journalContract(
      async () => ({
        journal: () =>
          ({ ...memoryJournal(), open: async () => undefined, close: async () => undefined, partitions: 1 }) as Journal,
        breakNewestSnapshot: null,
        remove: async () => undefined,
      }),
      { secondOpen: 'fences', modelRuns: 3, seed: 70 },
    )
    await expect(cases.at(-1)!.run()).rejects.toThrow(/^seed 7/)
  })
})
