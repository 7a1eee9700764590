import { isRuntimeError, type Journal } from 'troupe'
import { type ContractCase, journalContract } from 'troupe/testkit'
import { describe, expect, test } from 'vitest'
import type { Snapshot, StoredAppend } from '../../src/persistence/journal.ts'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'

/** How a journal differs from one that is right. */
type Change = (inner: Journal) => Partial<Journal>

const casesOf = (change: Change): readonly ContractCase[] =>
  journalContract(
    async () => {
      const store = memoryStore(4)
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

/** Names of those of the cases that it breaks. */
const brokenBy = async (change: Change, which = /./): Promise<readonly string[]> => {
  const broken: string[] = []
  for (const { name, run } of casesOf(change)) if (which.test(name)) await run().catch(() => broken.push(name))
  return broken
}

/** Makes another one of each append that is read. */
const reading =
  (changed: (stored: StoredAppend) => StoredAppend): Change =>
  inner => ({
    async *read(id, from) {
      for await (const stored of inner.read(id, from)) yield changed(stored)
    },
    readLog: async (partition, from, limit) => (await inner.readLog(partition, from, limit)).map(changed),
  })

const readingSnapshots =
  (changed: (snapshot: Snapshot) => Snapshot): Change =>
  inner => ({
    async *loadSnapshots(id, onUnreadable) {
      for await (const snapshot of inner.loadSnapshots(id, onUnreadable)) yield changed(snapshot)
    },
  })

/** Puts another value in place of each that has no parts, however deep it lies in the payloads. */
const readingValues = (changed: (value: unknown) => unknown): Change => {
  const inside = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inside)
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
      return changed(value)
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, inside(part)]))
  }
  return reading(stored => ({
    ...stored,
    records: stored.records.map(record => ({ ...record, payload: inside(record.payload) })),
  }))
}

const ofNumbers = (changed: (value: number) => number): Change =>
  readingValues(value => (typeof value === 'number' ? changed(value) : value))

/** What JSON makes of a value, with bigints as text so that it does not throw. */
const throughJson = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}` : part)) ?? 'null')

/** Does not notice that another writer has taken over, in some partitions. */
const fencedOnlyIn = (isFenced: (partition: number) => boolean): Change => {
  const unnoticed = async <T>(partition: number, call: () => Promise<T>, instead: T): Promise<T> => {
    try {
      return await call()
    } catch (error) {
      if (isRuntimeError(error, 'JOURNAL_FENCED') && !isFenced(partition)) return instead
      throw error
    }
  }
  return inner => ({
    commit: (partition, appends, cursors) => unnoticed(partition, () => inner.commit(partition, appends, cursors), []),
    saveCursors: (partition, cursors) => unnoticed(partition, () => inner.saveCursors(partition, cursors), undefined),
  })
}

describe('the contract of a journal', () => {
  test('is fulfilled by one that is right', async () => {
    expect(await brokenBy(() => ({}))).toEqual([])
  })

  test.each<readonly [what: string, case_: RegExp, change: Change]>([
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
    [
      'keeps payloads as JSON',
      /every kind of value/,
      reading(stored => ({
        ...stored,
        records: stored.records.map(record => ({ ...record, payload: throughJson(record.payload) })),
      })),
    ],
    [
      'keeps snapshots as JSON',
      /snapshots of every kind/,
      readingSnapshots(snapshot => ({ ...snapshot, payload: throughJson(snapshot.payload) })),
    ],
    ['cuts whole numbers to 32 bits', /every kind of value/, ofNumbers(it => (Number.isInteger(it) ? it | 0 : it))],
    [
      'cuts whole numbers above 32 bits',
      /every kind of value/,
      ofNumbers(it => (Number.isInteger(it) && Math.abs(it) > 2 ** 32 ? it | 0 : it)),
    ],
    [
      'keeps fractions as 32-bit floats',
      /every kind of value/,
      ofNumbers(it => (Number.isInteger(it) ? it : Math.fround(it))),
    ],
    [
      'cuts text at 64 KiB',
      /every kind of value/,
      readingValues(it => (typeof it === 'string' ? it.slice(0, 65_536) : it)),
    ],
    [
      'cuts bigints to 64 bits',
      /every kind of value/,
      readingValues(it => (typeof it === 'bigint' ? BigInt.asIntN(64, it) : it)),
    ],
    [
      'gives bytes back as a Buffer',
      /every kind of value/,
      readingValues(it => (it instanceof Uint8Array ? Buffer.from(it) : it)),
    ],
    [
      'loses who was handled where he is known by an id',
      /who, when and why/,
      reading(stored => ({ ...stored, handled: stored.handled?.position === null ? null : stored.handled })),
    ],
    [
      'loses what was outstanding',
      /who, when and why/,
      reading(stored => ({
        ...stored,
        handled:
          stored.handled === null || stored.handled.position === null
            ? stored.handled
            : { ...stored.handled, outstanding: [] },
      })),
    ],
    ['loses on whose behalf', /who, when and why/, reading(stored => ({ ...stored, principal: null }))],
    ['fences in the first partition only', /in every partition/, fencedOnlyIn(partition => partition === 0)],
    ['fences in all partitions but the last', /in every partition/, fencedOnlyIn(partition => partition < 3)],
    [
      'gives the cursors of all partitions',
      /cursors of each partition/,
      inner => ({
        async loadCursors() {
          const all = new Map<string, number>()
          for (let partition = 0; partition < inner.partitions; partition++)
            for (const [group, position] of await inner.loadCursors(partition)) all.set(group, position)
          return all
        },
      }),
    ],
    [
      'reads the log to its end, whatever is asked for',
      /about as many as asked for/,
      inner => ({ readLog: (partition, from) => inner.readLog(partition, from, 1e9) }),
    ],
  ])('finds one that %s', async (_what, name, change) => {
    expect(await brokenBy(change, name)).toContainEqual(expect.stringMatching(name))
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
