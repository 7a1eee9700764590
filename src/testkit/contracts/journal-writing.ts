/** What `commit` promises: order, numbers, conflicts, repeats, cursors, partitions. */

import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import { type Append, lastSequenceNr } from '../../persistence/journal.ts'
import { partitionOf } from '../../persistence/partition.ts'
import { append, at, codeOf, collect, written } from './journal-appends.ts'
import { idIn, type JournalTest } from './journal-scene.ts'

export const journalWriting: Readonly<Record<string, JournalTest>> = {
  'writes appends in order, numbers their records without a gap, and gives them back as they were': async scene => {
    const journal = await scene.fresh()
    const [a, b] = [idIn(journal, 'a'), idIn(journal, 'b')]
    const first = append(a, 0, 'Opened', '->risk')
    const second = append(b, 0, 'Opened')
    const third = append(a, 2, 'Closed')
    deepStrictEqual(written(await journal.commit(0, [first, second])), ['1', '3'])
    deepStrictEqual(written(await journal.commit(0, [third])), ['4'])
    strictEqual(await journal.lastPosition(0), 4)
    strictEqual(await journal.lastSequenceNr(a), 3)
    deepStrictEqual(await collect(journal.read(a, 1)), [at(first, 0, 1), at(third, 0, 4)])
    deepStrictEqual(await collect(journal.read(b, 1)), [at(second, 0, 3)])
    deepStrictEqual(await journal.readLog(0, 1, 10), [at(first, 0, 1), at(second, 0, 3), at(third, 0, 4)])
  },

  'takes several appends of one id in one commit where each builds on the one before': async scene => {
    const journal = await scene.fresh()
    const id = idIn(journal, 'a')
    const appends = [append(id, 0, 'A', 'B'), append(id, 2, 'C'), append(id, 3, 'D')]
    deepStrictEqual(written(await journal.commit(0, appends)), ['1', '3', '4'])
    deepStrictEqual(
      (await collect(journal.read(id, 1))).map(stored => stored.appendId),
      appends.map(each => each.appendId),
    )
  },

  'refuses an append with another sequence number, names the actual one, and writes the others': async scene => {
    const journal = await scene.fresh()
    const [a, b, c] = [idIn(journal, 'a'), idIn(journal, 'b'), idIn(journal, 'c')]
    await journal.commit(0, [append(a, 0, 'One', 'Two')])
    const results = await journal.commit(0, [append(b, 0), append(a, 1), append(c, 5), append(c, 0), append(a, 7)])
    deepStrictEqual(written(results), ['3', 'conflict at 2', 'conflict at 0', 'conflict at 0', 'conflict at 2'])
    strictEqual(await journal.lastPosition(0), 3)
    strictEqual(await journal.lastSequenceNr(c), 0)
  },

  'refuses what builds on a refused append of the same commit, even where the number fits': async scene => {
    const journal = await scene.fresh()
    const id = idIn(journal, 'a')
    await journal.commit(0, [append(id, 0, 'One', 'Two')])
    deepStrictEqual(written(await journal.commit(0, [append(id, 0, 'X', 'Y'), append(id, 2, 'Z')])), [
      'conflict at 2',
      'conflict at 2',
    ])
    strictEqual(await journal.lastSequenceNr(id), 2)
  },

  'recognises an append that is sent again: at once, later, after a restart, and beside new ones': async scene => {
    const store = await scene.make()
    const journal = await scene.open(store)
    const [a, b] = [idIn(journal, 'a'), idIn(journal, 'b')]
    const first = append(a, 0, 'One', 'Two')
    const second = append(b, 0)
    await journal.commit(0, [first, second])
    deepStrictEqual(written(await journal.commit(0, [first])), ['1 again'])
    const third = append(a, 2)
    deepStrictEqual(written(await journal.commit(0, [second, first, third])), ['3 again', '1 again', '4'])
    for (let i = 3; i < 30; i++) await journal.commit(0, [append(a, i)])
    deepStrictEqual(written(await journal.commit(0, [first, third])), ['1 again', '4 again'])
    await journal.close()
    const reopened = await scene.open(store)
    deepStrictEqual(written(await reopened.commit(0, [first, append(b, 1), third])), ['1 again', '32', '4 again'])
    strictEqual(await reopened.lastSequenceNr(a), 30)
  },

  'does not take another append at the same place for a repeated one': async scene => {
    const journal = await scene.fresh()
    const id = idIn(journal, 'a')
    const first = append(id, 0, 'One', 'Two')
    await journal.commit(0, [first])
    const other = append(id, 0, 'One', 'Two')
    const shorter = { ...first, records: first.records.slice(0, 1) }
    const inside = { ...first, expectedSequenceNr: 1, records: first.records.slice(1) }
    for (const each of [other, shorter, inside])
      deepStrictEqual(written(await journal.commit(0, [each])), ['conflict at 2'])
  },

  'writes as many appends as there are into one commit': async scene => {
    const journal = await scene.fresh()
    const ids = Array.from({ length: 7 }, (_, i) => idIn(journal, `many${i}-`))
    const next = new Map(ids.map(id => [id, 0]))
    const appends = Array.from({ length: 1_000 }, (_, i) => {
      const id = ids[i % 7]!
      const made = append(id, next.get(id)!, ...(i % 3 === 0 ? ['A', 'B'] : ['A']))
      next.set(id, lastSequenceNr(made))
      return made
    })
    const results = await journal.commit(0, appends)
    strictEqual(
      results.every(result => result.status === 'written' && !result.repeated),
      true,
    )
    for (const id of ids) {
      const stored = await collect(journal.read(id, 1))
      deepStrictEqual(
        stored.map(each => each.appendId),
        appends.filter(each => each.persistenceId === id).map(each => each.appendId),
      )
    }
    strictEqual(
      written(await journal.commit(0, appends)).every(text => String(text).endsWith('again')),
      true,
    )
    strictEqual((await journal.readLog(0, 1, 2_000)).length, 1_000)
  },

  'stores cursors in the same write as the appends, or alone': async scene => {
    const store = await scene.make()
    const journal = await scene.open(store)
    const ten = Array.from({ length: 10 }, (_, i) => `E${i}`)
    await journal.commit(0, [append(idIn(journal, 'a'), 0, ...ten)], new Map([['risk', 7]]))
    await journal.commit(0, [], new Map([['rating', 3]]))
    await journal.saveCursors(
      0,
      new Map([
        ['risk', 9],
        ['__proto__', 1],
      ]),
    )
    const expected = new Map([
      ['risk', 9],
      ['rating', 3],
      ['__proto__', 1],
    ])
    deepStrictEqual(await journal.loadCursors(0), expected)
    await journal.close()
    deepStrictEqual(await (await scene.open(store)).loadCursors(0), expected)
  },

  'keeps the cursors of each partition apart': async scene => {
    const store = await scene.make()
    let journal = await scene.open(store)
    // The same group everywhere, one that only some have, and one a partition.
    const cursorsOf = (partition: number): ReadonlyMap<string, number> =>
      new Map([
        ['risk', 1 + (partition % 3)],
        [`only ${partition}`, 1],
        ...(partition % 2 === 1 ? ([['odd', 2]] as const) : []),
      ])
    for (let partition = 0; partition < journal.partitions; partition++) {
      const appends = [append(idIn(journal, 'a', partition), 0, 'A', 'B', 'C')]
      if (partition % 2 === 0) await journal.commit(partition, appends, cursorsOf(partition))
      else {
        await journal.commit(partition, appends)
        await journal.saveCursors(partition, cursorsOf(partition))
      }
    }
    for (let round = 0; round < 2; round++) {
      for (let partition = 0; partition < journal.partitions; partition++)
        deepStrictEqual([partition, await journal.loadCursors(partition)], [partition, cursorsOf(partition)])
      await journal.close()
      journal = await scene.open(store)
    }
  },

  'takes group names of up to 512 bytes, and refuses others before anything is written': async scene => {
    const store = await scene.make()
    const journal = await scene.open(store)
    const id = idIn(journal, 'a')
    const longest = 'é'.repeat(256)
    await journal.commit(0, [append(id, 0)], new Map([[longest, 1]]))
    for (const group of ['', 'x'.repeat(513), 'é'.repeat(257), '\ud800']) {
      const cursors = new Map([
        ['risk', 1],
        [group, 1],
      ])
      strictEqual(await codeOf(() => journal.commit(0, [append(id, 1)], cursors)), 'JOURNAL_MISCONFIGURED')
      strictEqual(await codeOf(() => journal.saveCursors(0, cursors)), 'JOURNAL_MISCONFIGURED')
    }
    strictEqual(await journal.lastPosition(0), 1)
    deepStrictEqual(await journal.loadCursors(0), new Map([[longest, 1]]))
    deepStrictEqual(written(await journal.commit(0, [append(id, 1)])), ['2'])
    await journal.close()
    deepStrictEqual(await (await scene.open(store)).loadCursors(0), new Map([[longest, 1]]))
  },

  'refuses cursors that are no position or beyond the end of the log, and opens again': async scene => {
    const store = await scene.make()
    const journal = await scene.open(store)
    const id = idIn(journal, 'a')
    await journal.commit(0, [append(id, 0)], new Map([['risk', 1]]))
    for (const wrong of [Number.NaN, -1, 0.5, '1', undefined, 3]) {
      const cursors = new Map([['risk', wrong as number]])
      strictEqual(await codeOf(() => journal.commit(0, [append(id, 1)], cursors)), 'JOURNAL_MISCONFIGURED')
      strictEqual(await codeOf(() => journal.saveCursors(0, cursors)), 'JOURNAL_MISCONFIGURED')
    }
    strictEqual(await journal.lastPosition(0), 1)
    await journal.close()
    const again = await scene.open(store)
    deepStrictEqual(await again.loadCursors(0), new Map([['risk', 1]]))
    deepStrictEqual(written(await again.commit(0, [append(id, 1)], new Map([['risk', 2]]))), ['2'])
  },

  'checks an append of no records and writes nothing for it': async scene => {
    const journal = await scene.fresh()
    const [a, b] = [idIn(journal, 'a'), idIn(journal, 'b')]
    const none = (id: string, expectedSequenceNr: number): Append => ({
      ...append(id, expectedSequenceNr),
      records: [],
    })
    const commit = async (...appends: readonly Append[]) => written(await journal.commit(0, appends))
    deepStrictEqual(await commit(none(a, 0)), ['0'])
    deepStrictEqual(await commit(append(a, 0), none(a, 1), append(a, 1), none(a, 2)), ['1', '0', '2', '0'])
    // What builds on a refused one is refused, also where it is empty.
    deepStrictEqual(await commit(none(a, 1), append(a, 2), append(b, 0), none(b, 0)), [
      'conflict at 2',
      'conflict at 2',
      '3',
      'conflict at 1',
    ])
    strictEqual(await journal.lastPosition(0), 3)
    const log = await journal.readLog(0, 1, 10)
    deepStrictEqual(
      log.map(stored => stored.persistenceId),
      [a, a, b],
    )
    strictEqual((await collect(journal.read(a, 1))).length, 2)
  },

  'takes an append for a repeated one only where it is the same at the same place': async scene => {
    const store = await scene.make()
    const journal = await scene.open(store)
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
      deepStrictEqual([what, written(await journal.commit(0, [other]))], [what, ['conflict at 4']])
    // Partly equal: what is repeated keeps its place, what is not is a conflict, and so is all behind it.
    deepStrictEqual(written(await journal.commit(0, [first, append(id, 2, 'C', 'D'), append(id, 4)])), [
      '1 again',
      'conflict at 4',
      'conflict at 4',
    ])
    deepStrictEqual(written(await journal.commit(0, [first, second, append(id, 4)])), ['1 again', '3 again', '5'])
    await journal.close()
    deepStrictEqual(written(await (await scene.open(store)).commit(0, [second, first])), ['3 again', '1 again'])
  },

  'refuses ids that are empty, longer than 512 bytes or no text, and nothing of their commit is stored':
    async scene => {
      const journal = await scene.fresh()
      const id = idIn(journal, 'a')
      for (const wrong of ['', 'x'.repeat(513), 'é'.repeat(257), '\ud800'])
        strictEqual(await codeOf(() => journal.commit(0, [append(id, 0), append(wrong, 0)])), 'PERSISTENCE_ID_INVALID')
      strictEqual(await journal.lastPosition(0), 0)
      deepStrictEqual(written(await journal.commit(0, [append(id, 0)])), ['1'])
    },

  'refuses a commit with an event that cannot be encoded, or an append that is too large, as a whole': async scene => {
    const store = await scene.make()
    if (store.breakNewestSnapshot === null) return 'skipped'
    const journal = await scene.open(store)
    const [a, b] = [idIn(journal, 'a'), idIn(journal, 'b')]
    const first = append(a, 0, 'One')
    await journal.commit(0, [first])
    const noData = {
      get field(): never {
        throw new Error('it has no value')
      },
    }
    const withLast = (payload: unknown): Append => {
      const whole = append(b, 0, 'Two', 'Three')
      return { ...whole, records: [whole.records[0]!, { ...whole.records[1]!, payload }] }
    }
    const cursors = new Map([['risk', 1]])
    for (const [payload, code] of [
      [noData, 'EVENT_NOT_STORABLE'],
      ['x'.repeat(67_108_864), 'EVENT_TOO_LARGE'],
    ] as const)
      strictEqual(await codeOf(() => journal.commit(0, [append(a, 1), withLast(payload)], cursors)), code)
    strictEqual(await journal.lastPosition(0), 1)
    strictEqual(await journal.lastSequenceNr(b), 0)
    deepStrictEqual(await journal.loadCursors(0), new Map())
    deepStrictEqual(await collect(journal.read(a, 1)), [at(first, 0, 1)])
    deepStrictEqual(written(await journal.commit(0, [append(a, 1), withLast(7)])), ['2', '3'])
    return 'passed'
  },

  'takes an empty commit': async scene => {
    const journal = await scene.fresh()
    deepStrictEqual(await journal.commit(0, []), [])
    strictEqual(await journal.lastPosition(0), 0)
  },

  'takes ids that spell anything': async scene => {
    const store = await scene.make()
    let journal = await scene.open(store)
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
        deepStrictEqual(
          stored.map(each => each.records[0]!.type),
          ['One', 'Two'],
        )
        strictEqual(
          stored.every(each => each.persistenceId === id),
          true,
        )
        const snapshots = await collect(journal.loadSnapshots(id, () => undefined))
        deepStrictEqual(snapshots, [{ persistenceId: id, sequenceNr: 2, timeMs: 5, payload: { id } }])
      }
      await journal.close()
      journal = await scene.open(store)
    }
  },

  'keeps the partitions apart': async scene => {
    const journal = await scene.fresh()
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
      deepStrictEqual(
        log,
        appends.map((each, i) => at(each, partition, i + 1)),
      )
    }
  },
}
