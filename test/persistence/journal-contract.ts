/**
 * The contract of a journal as tests: every implementation runs them all. A maker gives fresh stores; a store can be
 * opened again and again, as a program is that starts, stops and starts.
 */

import * as fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { isRuntimeError } from '../../src/base/errors.ts'
import {
  type Append,
  type AppendResult,
  type Journal,
  lastSequenceNr,
  type StoredAppend,
} from '../../src/persistence/journal.ts'
import { partitionOf } from '../../src/persistence/partition.ts'

export interface TestStore {
  /** Another journal on the same store, not opened yet. */
  journal(): Journal
  /** Makes the newest snapshot of an id unreadable; null where the store keeps objects and there is nothing to break. */
  readonly breakNewestSnapshot: ((persistenceId: string) => Promise<void>) | null
  remove(): Promise<void>
}

export interface ContractFlags {
  /** What a second `open` meets while the first journal is open: it is refused, or it fences the first. */
  readonly secondOpen: 'refused' | 'fences'
  readonly modelRuns: number
}

let drawn = 0

/** An append as writers make them; what a test does not care about has a value of its own kind all the same. */
export const append = (persistenceId: string, expectedSequenceNr: number, ...names: string[]): Append => {
  const nr = ++drawn
  return {
    persistenceId,
    expectedSequenceNr,
    appendId: `append-${nr}`,
    timeMs: 1_760_000_000_000 + nr,
    causationId: nr % 2 === 0 ? `append-${nr - 1}.0` : null,
    correlationId: nr % 3 === 0 ? `flow-${nr}` : null,
    traceParent: nr % 5 === 0 ? '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' : null,
    handled: nr % 2 === 0 ? { source: 'bridge', partition: 0, position: nr, outstanding: [nr - 2, nr - 1] } : null,
    records: (names.length === 0 ? ['Happened'] : names).map((name, i) => ({
      kind: name.startsWith('->') ? 'command' : 'event',
      type: name,
      version: name.startsWith('->') ? 1 : 1 + (nr % 3),
      payload: { type: name, nr, i, premium: 12.5 + nr, note: `note ${nr}`, tags: ['a', 'b'], nested: { open: true } },
    })),
  }
}

export const written = (results: readonly AppendResult[]): (number | string)[] =>
  results.map(result =>
    result.status === 'conflict'
      ? `conflict at ${result.actualSequenceNr}`
      : `${result.position}${result.repeated ? ' again' : ''}`,
  )

export const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

const at = (stored: Append, partition: number, position: number): StoredAppend => ({ ...stored, partition, position })

const codeOf = async (doing: Promise<unknown>): Promise<string> => {
  try {
    await doing
  } catch (error) {
    if (isRuntimeError(error)) return error.code
    throw error
  }
  return 'nothing'
}

export const journalContract = (name: string, makeStore: () => Promise<TestStore>, flags: ContractFlags): void => {
  describe(`${name} fulfils the contract of a journal`, () => {
    const stores: TestStore[] = []
    const opened: Journal[] = []

    const open = async (store: TestStore): Promise<Journal> => {
      const journal = store.journal()
      opened.push(journal)
      await journal.open()
      return journal
    }
    const make = async (): Promise<TestStore> => {
      const store = await makeStore()
      stores.push(store)
      return store
    }
    const fresh = async (): Promise<Journal> => open(await make())

    /** An id of partition 0, whatever their number. */
    const idIn = (journal: Journal, prefix: string): string => {
      for (let i = 0; ; i++) if (partitionOf(`${prefix}${i}`, journal.partitions) === 0) return `${prefix}${i}`
    }

    afterEach(async () => {
      for (const journal of opened.splice(0)) await journal.close()
      for (const store of stores.splice(0)) await store.remove()
    })

    it('says its name, what durable means, and its partitions', async () => {
      const journal = await fresh()
      expect(journal.name).not.toBe('')
      expect(journal.durability).toMatch(/\.$/)
      expect(journal.partitions).toBeGreaterThanOrEqual(1)
    })

    it('starts empty', async () => {
      const journal = await fresh()
      expect(await journal.lastPosition(0)).toBe(0)
      expect(await journal.lastSequenceNr('nobody')).toBe(0)
      for (const from of [0, 1]) expect(await collect(journal.read('nobody', from))).toEqual([])
      expect(await journal.readLog(0, 1, 10)).toEqual([])
      expect(await collect(journal.loadSnapshots('nobody', () => undefined))).toEqual([])
      expect(await journal.loadCursors(0)).toEqual(new Map())
    })

    it('writes appends in order, numbers their records without a gap, and gives them back as they were', async () => {
      const journal = await fresh()
      const [a, b] = [idIn(journal, 'a'), idIn(journal, 'b')]
      const first = append(a, 0, 'Opened', '->risk')
      const second = append(b, 0, 'Opened')
      const third = append(a, 2, 'Closed')
      expect(written(await journal.commit(0, [first, second]))).toEqual(['1', '3'])
      expect(written(await journal.commit(0, [third]))).toEqual(['4'])
      expect(await journal.lastPosition(0)).toBe(4)
      expect(await journal.lastSequenceNr(a)).toBe(3)
      expect(await collect(journal.read(a, 1))).toEqual([at(first, 0, 1), at(third, 0, 4)])
      expect(await collect(journal.read(b, 1))).toEqual([at(second, 0, 3)])
      expect(await journal.readLog(0, 1, 10)).toEqual([at(first, 0, 1), at(second, 0, 3), at(third, 0, 4)])
    })

    it('takes several appends of one id in one commit where each builds on the one before', async () => {
      const journal = await fresh()
      const id = idIn(journal, 'a')
      const appends = [append(id, 0, 'A', 'B'), append(id, 2, 'C'), append(id, 3, 'D')]
      expect(written(await journal.commit(0, appends))).toEqual(['1', '3', '4'])
      expect((await collect(journal.read(id, 1))).map(stored => stored.appendId)).toEqual(
        appends.map(each => each.appendId),
      )
    })

    it('refuses an append with another sequence number, names the actual one, and writes the others', async () => {
      const journal = await fresh()
      const [a, b, c] = [idIn(journal, 'a'), idIn(journal, 'b'), idIn(journal, 'c')]
      await journal.commit(0, [append(a, 0, 'One', 'Two')])
      const results = await journal.commit(0, [append(b, 0), append(a, 1), append(c, 5), append(c, 0), append(a, 7)])
      expect(written(results)).toEqual(['3', 'conflict at 2', 'conflict at 0', 'conflict at 0', 'conflict at 2'])
      expect(await journal.lastPosition(0)).toBe(3)
      expect(await journal.lastSequenceNr(c)).toBe(0)
    })

    it('refuses what builds on a refused append of the same commit, even where the number fits', async () => {
      const journal = await fresh()
      const id = idIn(journal, 'a')
      await journal.commit(0, [append(id, 0, 'One', 'Two')])
      expect(written(await journal.commit(0, [append(id, 0, 'X', 'Y'), append(id, 2, 'Z')]))).toEqual([
        'conflict at 2',
        'conflict at 2',
      ])
      expect(await journal.lastSequenceNr(id)).toBe(2)
    })

    it('recognises an append that is sent again: at once, later, after a restart, and beside new ones', async () => {
      const store = await make()
      const journal = await open(store)
      const [a, b] = [idIn(journal, 'a'), idIn(journal, 'b')]
      const first = append(a, 0, 'One', 'Two')
      const second = append(b, 0)
      await journal.commit(0, [first, second])
      expect(written(await journal.commit(0, [first]))).toEqual(['1 again'])
      const third = append(a, 2)
      expect(written(await journal.commit(0, [second, first, third]))).toEqual(['3 again', '1 again', '4'])
      for (let i = 3; i < 30; i++) await journal.commit(0, [append(a, i)])
      expect(written(await journal.commit(0, [first, third]))).toEqual(['1 again', '4 again'])
      await journal.close()
      const reopened = await open(store)
      expect(written(await reopened.commit(0, [first, append(b, 1), third]))).toEqual(['1 again', '32', '4 again'])
      expect(await reopened.lastSequenceNr(a)).toBe(30)
    })

    it('does not take another append at the same place for a repeated one', async () => {
      const journal = await fresh()
      const id = idIn(journal, 'a')
      const first = append(id, 0, 'One', 'Two')
      await journal.commit(0, [first])
      const other = append(id, 0, 'One', 'Two')
      const shorter = { ...first, records: first.records.slice(0, 1) }
      const inside = { ...first, expectedSequenceNr: 1, records: first.records.slice(1) }
      for (const each of [other, shorter, inside])
        expect(written(await journal.commit(0, [each]))).toEqual(['conflict at 2'])
    })

    it('goes on where it was after it is opened again', async () => {
      const store = await make()
      let journal = await open(store)
      const [a, b] = [idIn(journal, 'a'), idIn(journal, 'b')]
      const appends: Append[] = []
      for (let start = 0; start < 4; start++) {
        for (let i = 0; i < 3; i++) {
          const pair = [append(a, start * 3 + i), append(b, (start * 3 + i) * 2, 'X', 'Y')]
          appends.push(...pair)
          expect(written(await journal.commit(0, pair))).toEqual([
            `${(start * 3 + i) * 3 + 1}`,
            `${(start * 3 + i) * 3 + 2}`,
          ])
        }
        await journal.close()
        journal = await open(store)
        expect(await journal.lastPosition(0)).toBe((start + 1) * 9)
        expect(await journal.lastSequenceNr(b)).toBe((start + 1) * 6)
        expect(written(await journal.commit(0, [append(a, 0)]))).toEqual([`conflict at ${(start + 1) * 3}`])
      }
      const log = await journal.readLog(0, 1, 1_000)
      expect(log.map(stored => stored.appendId)).toEqual(appends.map(each => each.appendId))
    })

    it('reads an id from the append that holds a sequence number', async () => {
      const journal = await fresh()
      const id = idIn(journal, 'a')
      await journal.commit(0, [append(id, 0, 'A', 'B', 'C'), append(idIn(journal, 'b'), 0)])
      for (let i = 3; i < 20; i++) await journal.commit(0, [append(id, i)])
      const starts = async (from: number): Promise<number[]> =>
        (await collect(journal.read(id, from))).map(stored => stored.expectedSequenceNr + 1)
      expect((await starts(0))[0]).toBe(1)
      expect((await starts(3))[0]).toBe(1)
      expect((await starts(4))[0]).toBe(4)
      expect(await starts(19)).toEqual([19, 20])
      expect(await starts(20)).toEqual([20])
      expect(await starts(21)).toEqual([])
    })

    it('reads the log from the append that holds a position, about as many as asked for', async () => {
      const journal = await fresh()
      const id = idIn(journal, 'a')
      for (let i = 0; i < 10; i++)
        await journal.commit(0, [append(id, i * 6, 'A', 'B', 'C'), append(id, i * 6 + 3, 'D', 'E', 'F')])
      const positions = async (from: number, limit: number): Promise<number[]> =>
        (await journal.readLog(0, from, limit)).map(stored => stored.position)
      expect(await positions(0, 1_000)).toEqual(Array.from({ length: 20 }, (_, i) => 1 + 3 * i))
      expect((await positions(30, 3))[0]).toBe(28)
      expect((await positions(31, 3)).slice(0, 3)).toEqual([31, 34, 37])
      expect((await positions(34, 2)).slice(0, 2)).toEqual([34, 37])
      expect(await positions(60, 5)).toEqual([58])
      expect(await positions(61, 5)).toEqual([])
      // A reader that goes on after the last one it got sees everything once.
      const seen: number[] = []
      for (let from = 1; ; ) {
        const page = await journal.readLog(0, from, 4)
        if (page.length === 0) break
        seen.push(...page.map(stored => stored.position))
        from = page.at(-1)!.position + page.at(-1)!.records.length
      }
      expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => 1 + 3 * i))
    })

    it('writes as many appends as there are into one commit', async () => {
      const journal = await fresh()
      const ids = Array.from({ length: 7 }, (_, i) => idIn(journal, `many${i}-`))
      const next = new Map(ids.map(id => [id, 0]))
      const appends = Array.from({ length: 1_000 }, (_, i) => {
        const id = ids[i % 7]!
        const made = append(id, next.get(id)!, ...(i % 3 === 0 ? ['A', 'B'] : ['A']))
        next.set(id, lastSequenceNr(made))
        return made
      })
      const results = await journal.commit(0, appends)
      expect(results.every(result => result.status === 'written' && !result.repeated)).toBe(true)
      for (const id of ids) {
        const stored = await collect(journal.read(id, 1))
        expect(stored.map(each => each.appendId)).toEqual(
          appends.filter(each => each.persistenceId === id).map(each => each.appendId),
        )
      }
      expect(written(await journal.commit(0, appends)).every(text => String(text).endsWith('again'))).toBe(true)
      expect(await journal.readLog(0, 1, 2_000)).toHaveLength(1_000)
    })

    it('stores cursors in the same write as the appends, or alone', async () => {
      const store = await make()
      const journal = await open(store)
      const ten = Array.from({ length: 10 }, (_, i) => `E${i}`)
      await journal.commit(0, [append(idIn(journal, 'a'), 0, ...ten)], new Map([['risk', 7]]))
      await journal.commit(0, [], new Map([['premium', 3]]))
      await journal.saveCursors(
        0,
        new Map([
          ['risk', 9],
          ['__proto__', 1],
        ]),
      )
      const expected = new Map([
        ['risk', 9],
        ['premium', 3],
        ['__proto__', 1],
      ])
      expect(await journal.loadCursors(0)).toEqual(expected)
      await journal.close()
      expect(await (await open(store)).loadCursors(0)).toEqual(expected)
    })

    it('takes group names of up to 512 bytes, and refuses others before anything is written', async () => {
      const store = await make()
      const journal = await open(store)
      const id = idIn(journal, 'a')
      const longest = 'é'.repeat(256)
      await journal.commit(0, [append(id, 0)], new Map([[longest, 1]]))
      for (const group of ['', 'x'.repeat(513), 'é'.repeat(257), '\ud800']) {
        const cursors = new Map([
          ['risk', 1],
          [group, 1],
        ])
        expect(await codeOf(journal.commit(0, [append(id, 1)], cursors))).toBe('JOURNAL_MISCONFIGURED')
        expect(await codeOf(journal.saveCursors(0, cursors))).toBe('JOURNAL_MISCONFIGURED')
      }
      expect(await journal.lastPosition(0)).toBe(1)
      expect(await journal.loadCursors(0)).toEqual(new Map([[longest, 1]]))
      expect(written(await journal.commit(0, [append(id, 1)]))).toEqual(['2'])
      await journal.close()
      expect(await (await open(store)).loadCursors(0)).toEqual(new Map([[longest, 1]]))
    })

    it('checks an append of no records and writes nothing for it', async () => {
      const journal = await fresh()
      const [a, b] = [idIn(journal, 'a'), idIn(journal, 'b')]
      const none = (id: string, expectedSequenceNr: number): Append => ({
        ...append(id, expectedSequenceNr),
        records: [],
      })
      expect(written(await journal.commit(0, [none(a, 0)]))).toEqual(['0'])
      expect(written(await journal.commit(0, [append(a, 0), none(a, 1), append(a, 1), none(a, 2)]))).toEqual([
        '1',
        '0',
        '2',
        '0',
      ])
      // What builds on a refused one is refused, also where it is empty.
      expect(written(await journal.commit(0, [none(a, 1), append(a, 2), append(b, 0), none(b, 0)]))).toEqual([
        'conflict at 2',
        'conflict at 2',
        '3',
        'conflict at 1',
      ])
      expect(await journal.lastPosition(0)).toBe(3)
      expect((await journal.readLog(0, 1, 10)).map(stored => stored.persistenceId)).toEqual([a, a, b])
      expect(await collect(journal.read(a, 1))).toHaveLength(2)
    })

    it('takes an append for a repeated one only where it is the same at the same place', async () => {
      const store = await make()
      const journal = await open(store)
      const id = idIn(journal, 'a')
      const [first, second] = [append(id, 0, 'A', 'B'), append(id, 2, 'C', 'D')]
      await journal.commit(0, [first, second])
      const others: readonly (readonly [Append, string])[] = [
        [{ ...first, records: first.records.slice(0, 1) }, 'fewer records'],
        [{ ...first, records: [...first.records, ...second.records] }, 'more records'],
        [{ ...first, expectedSequenceNr: 1 }, 'within it'],
        [{ ...first, expectedSequenceNr: 2 }, 'at the place of another'],
        [append(id, 0, 'A', 'B'), 'another one with the same records'],
        [append(id, 7), 'ahead of the end'],
      ]
      for (const [other, what] of others)
        expect([what, written(await journal.commit(0, [other]))]).toEqual([what, ['conflict at 4']])
      // Partly equal: what is repeated keeps its place, what is not is a conflict, and so is all behind it.
      expect(written(await journal.commit(0, [first, append(id, 2, 'C', 'D'), append(id, 4)]))).toEqual([
        '1 again',
        'conflict at 4',
        'conflict at 4',
      ])
      expect(written(await journal.commit(0, [first, second, append(id, 4)]))).toEqual(['1 again', '3 again', '5'])
      await journal.close()
      expect(written(await (await open(store)).commit(0, [second, first]))).toEqual(['3 again', '1 again'])
    })

    it('takes an empty commit', async () => {
      const journal = await fresh()
      expect(await journal.commit(0, [])).toEqual([])
      expect(await journal.lastPosition(0)).toBe(0)
    })

    it('takes ids that spell anything', async () => {
      const store = await make()
      let journal = await open(store)
      const ids = [
        '__proto__',
        'constructor',
        'a|b',
        'a',
        'a|',
        '🚗 Straße',
        '\u0000',
        'a\u0000b',
        ' ',
        '{x}',
        'é',
        'e\u0301',
        'x'.repeat(512),
      ]
      for (const id of ids)
        await journal.commit(partitionOf(id, journal.partitions), [append(id, 0, 'One'), append(id, 1, 'Two')])
      for (const id of ids)
        await journal.saveSnapshot({ persistenceId: id, sequenceNr: 2, timeMs: 5, payload: { id } }, 2)
      for (let round = 0; round < 2; round++) {
        for (const id of ids) {
          const stored = await collect(journal.read(id, 1))
          expect(stored.map(each => each.records[0]!.type)).toEqual(['One', 'Two'])
          expect(stored.every(each => each.persistenceId === id)).toBe(true)
          const snapshots = await collect(journal.loadSnapshots(id, () => undefined))
          expect(snapshots).toEqual([{ persistenceId: id, sequenceNr: 2, timeMs: 5, payload: { id } }])
        }
        await journal.close()
        journal = await open(store)
      }
    })

    it('keeps the partitions apart', async () => {
      const journal = await fresh()
      const ids = Array.from({ length: 20 }, (_, i) => `spread-${i}`)
      const byPartition = new Map<number, Append[]>()
      for (const id of ids) {
        const partition = partitionOf(id, journal.partitions)
        byPartition.set(partition, [...(byPartition.get(partition) ?? []), append(id, 0)])
      }
      // One commit a partition, all partitions at once.
      await Promise.all([...byPartition].map(([partition, appends]) => journal.commit(partition, appends)))
      for (const [partition, appends] of byPartition) {
        const log = await journal.readLog(partition, 1, 100)
        expect(log).toEqual(appends.map((each, i) => at(each, partition, i + 1)))
      }
    })

    it('keeps the newest snapshots of an id, newest first', async () => {
      const store = await make()
      const journal = await open(store)
      const id = idIn(journal, 'a')
      const snapshot = (sequenceNr: number) => ({
        persistenceId: id,
        sequenceNr,
        timeMs: 1_000 + sequenceNr,
        payload: { count: sequenceNr, text: 'é' },
      })
      for (const sequenceNr of [10, 20, 30, 30]) await journal.saveSnapshot(snapshot(sequenceNr), 2)
      await journal.saveSnapshot({ ...snapshot(5), persistenceId: `${id}x` }, 2)
      expect(await collect(journal.loadSnapshots(id, () => undefined))).toEqual([snapshot(30), snapshot(20)])
      await journal.close()
      const reopened = await open(store)
      expect(await collect(reopened.loadSnapshots(id, () => undefined))).toEqual([snapshot(30), snapshot(20)])
      expect(await collect(reopened.loadSnapshots(`${id}x`, () => undefined))).toHaveLength(1)
    })

    it('leaves out a snapshot that cannot be read, says so, and gives the one before', async context => {
      const store = await make()
      if (store.breakNewestSnapshot === null) return context.skip()
      const journal = await open(store)
      const id = idIn(journal, 'a')
      for (const sequenceNr of [1, 2])
        await journal.saveSnapshot({ persistenceId: id, sequenceNr, timeMs: 0, payload: 'x' }, 2)
      await journal.close()
      await store.breakNewestSnapshot(id)
      const errors: Error[] = []
      const left = await collect((await open(store)).loadSnapshots(id, error => errors.push(error)))
      expect(left.map(snapshot => snapshot.sequenceNr)).toEqual([1])
      expect(errors).toHaveLength(1)
      expect(isRuntimeError(errors[0], 'JOURNAL_CORRUPT')).toBe(true)
      expect(errors[0]!.message).toContain(id)
    })

    it.runIf(flags.secondOpen === 'refused')(
      'refuses a second opener at once, and serves one after close',
      async () => {
        const store = await make()
        const first = await open(store)
        expect(await codeOf(store.journal().open())).toBe('JOURNAL_LOCKED')
        expect(written(await first.commit(0, [append(idIn(first, 'a'), 0)]))).toEqual(['1'])
        await first.close()
        expect(await (await open(store)).lastPosition(0)).toBe(1)
      },
    )

    it.runIf(flags.secondOpen === 'fences')('fences the older writer from its first try on', async () => {
      const store = await make()
      const older = await open(store)
      const id = idIn(older, 'a')
      const first = append(id, 0)
      await older.commit(0, [first])
      const newer = await open(store)
      expect(await codeOf(older.commit(0, [append(id, 1)], new Map([['risk', 1]])))).toBe('JOURNAL_FENCED')
      expect(await codeOf(older.commit(0, [first]))).toBe('JOURNAL_FENCED')
      expect(await codeOf(older.commit(0, []))).toBe('JOURNAL_FENCED')
      expect(await codeOf(older.saveCursors(0, new Map([['risk', 1]])))).toBe('JOURNAL_FENCED')
      expect(await codeOf(older.saveSnapshot({ persistenceId: id, sequenceNr: 1, timeMs: 0, payload: 1 }, 2))).toBe(
        'JOURNAL_FENCED',
      )
      expect(await newer.lastPosition(0)).toBe(1)
      expect(await newer.loadCursors(0)).toEqual(new Map())
      expect(await collect(newer.loadSnapshots(id, () => undefined))).toEqual([])
      expect(written(await newer.commit(0, [append(id, 1)]))).toEqual(['2'])
    })

    it('refuses every call after close; closing again does nothing', async () => {
      const journal = await fresh()
      const id = idIn(journal, 'a')
      await journal.commit(0, [append(id, 0)])
      await journal.close()
      await journal.close()
      const snapshot = { persistenceId: id, sequenceNr: 1, timeMs: 0, payload: 1 }
      const calls: (() => Promise<unknown>)[] = [
        () => journal.commit(0, [append(id, 1)]),
        async () => journal.lastSequenceNr(id),
        () => collect(journal.read(id, 1)),
        () => journal.readLog(0, 1, 1),
        () => journal.lastPosition(0),
        () => journal.saveSnapshot(snapshot, 2),
        () => collect(journal.loadSnapshots(id, () => undefined)),
        () => journal.loadCursors(0),
        () => journal.saveCursors(0, new Map()),
      ]
      for (const call of calls) expect(await codeOf(call())).toBe('JOURNAL_CLOSED')
    })

    it('finishes what is under way before it closes', async () => {
      const store = await make()
      const journal = await open(store)
      const committing = journal.commit(0, [append(idIn(journal, 'a'), 0)])
      await journal.close()
      expect(written(await committing)).toEqual(['1'])
      expect(await (await open(store)).lastPosition(0)).toBe(1)
    })

    it('does what a Map of arrays would do, over random commits, conflicts, repeats and restarts', async () => {
      const step = fc.oneof(
        {
          weight: 8,
          arbitrary: fc.record({
            does: fc.constant('commit' as const),
            appends: fc.array(
              fc.record({
                id: fc.integer({ min: 0, max: 4 }),
                records: fc.integer({ min: 1, max: 4 }),
                // 0: builds on the last; other numbers are beside it. Repeats send an earlier append again.
                beside: fc.oneof(
                  { weight: 6, arbitrary: fc.constant(0) },
                  { weight: 1, arbitrary: fc.integer({ min: -3, max: 3 }) },
                ),
                repeat: fc.oneof({ weight: 6, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat() }),
              }),
              { maxLength: 12 },
            ),
          }),
        },
        { weight: 1, arbitrary: fc.record({ does: fc.constant('reopen' as const) }) },
        {
          weight: 1,
          arbitrary: fc.record({ does: fc.constant('read' as const), from: fc.integer({ min: 1, max: 30 }) }),
        },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async steps => {
          const store = await make()
          let journal = await open(store)
          const ids = Array.from({ length: 5 }, (_, i) => idIn(journal, `model${i}-`))
          const model: StoredAppend[] = []
          const ofId = (id: string) => model.filter(stored => stored.persistenceId === id)
          const lastOf = (id: string) => ofId(id).reduce((last, stored) => Math.max(last, lastSequenceNr(stored)), 0)
          const end = () => model.reduce((sum, stored) => sum + stored.records.length, 0)
          for (const each of steps) {
            if (each.does === 'reopen') {
              await journal.close()
              journal = await open(store)
            } else if (each.does === 'read') {
              for (const id of ids)
                expect(await collect(journal.read(id, each.from))).toEqual(
                  ofId(id).filter(stored => lastSequenceNr(stored) >= each.from),
                )
              const log = await journal.readLog(0, each.from, 10_000)
              expect(log).toEqual(model.filter(stored => stored.position + stored.records.length > each.from))
            } else {
              const appends: Append[] = []
              const expected: string[] = []
              const refused = new Set<string>()
              let position = end() + 1
              const news: StoredAppend[] = []
              const sofar = new Map(ids.map(id => [id, lastOf(id)]))
              for (const wish of each.appends) {
                const old = wish.repeat === null || model.length === 0 ? null : model[wish.repeat % model.length]!
                if (old !== null) {
                  const { partition: _, position: __, ...again } = old
                  appends.push(again)
                  if (refused.has(old.persistenceId)) expected.push(`conflict at ${sofar.get(old.persistenceId)}`)
                  else expected.push(`${old.position} again`)
                  continue
                }
                const id = ids[wish.id]!
                const last = sofar.get(id)!
                const made = append(
                  id,
                  Math.max(0, last + wish.beside),
                  ...Array.from({ length: wish.records }, (_, i) => `E${i}`),
                )
                appends.push(made)
                if (refused.has(id) || made.expectedSequenceNr !== last) {
                  refused.add(id)
                  expected.push(`conflict at ${last}`)
                } else {
                  news.push(at(made, 0, position))
                  expected.push(`${position}`)
                  position += made.records.length
                  sofar.set(id, lastSequenceNr(made))
                }
              }
              expect(written(await journal.commit(0, appends))).toEqual(expected)
              model.push(...news)
            }
          }
          expect(await journal.lastPosition(0)).toBe(end())
          for (const id of ids) expect(await journal.lastSequenceNr(id)).toBe(lastOf(id))
          expect(await journal.readLog(0, 1, 10_000)).toEqual(model)
          await journal.close()
          await store.remove()
        }),
        { numRuns: flags.modelRuns },
      )
    })
  })
}
