/** Opening, taking over and closing. */

import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from 'node:assert/strict'
import type { Append } from '../../persistence/journal.ts'
import { append, codeOf, collect, written } from './journal-appends.ts'
import { idIn, type JournalTest } from './journal-scene.ts'

export const journalLife: Readonly<Record<string, JournalTest>> = {
  'says its name, what durable means, and its partitions': async scene => {
    const journal = await scene.fresh()
    notStrictEqual(journal.name, '')
    match(journal.durability, /\.$/)
    ok(journal.partitions >= 1)
  },

  'goes on where it was after it is opened again': async scene => {
    const store = await scene.make()
    let journal = await scene.open(store)
    const [a, b] = [idIn(journal, 'a'), idIn(journal, 'b')]
    const appends: Append[] = []
    for (let start = 0; start < 4; start++) {
      for (let i = 0; i < 3; i++) {
        const pair = [append(a, start * 3 + i), append(b, (start * 3 + i) * 2, 'X', 'Y')]
        appends.push(...pair)
        deepStrictEqual(written(await journal.commit(0, pair)), [
          `${(start * 3 + i) * 3 + 1}`,
          `${(start * 3 + i) * 3 + 2}`,
        ])
      }
      await journal.close()
      journal = await scene.open(store)
      strictEqual(await journal.lastPosition(0), (start + 1) * 9)
      strictEqual(await journal.lastSequenceNr(b), (start + 1) * 6)
      deepStrictEqual(written(await journal.commit(0, [append(a, 0)])), [`conflict at ${(start + 1) * 3}`])
    }
    const log = await journal.readLog(0, 1, 1_000)
    deepStrictEqual(
      log.map(stored => stored.appendId),
      appends.map(each => each.appendId),
    )
  },

  'refuses every call after close; closing again does nothing': async scene => {
    const journal = await scene.fresh()
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
      ...(journal.deleteTo === undefined ? [] : [async () => journal.deleteTo?.(id, 1)]),
      ...(journal.tombstone === undefined ? [] : [async () => journal.tombstone?.(id)]),
    ]
    for (const call of calls) strictEqual(await codeOf(call), 'JOURNAL_CLOSED')
  },

  'finishes what is under way before it closes': async scene => {
    const store = await scene.make()
    const journal = await scene.open(store)
    const committing = journal.commit(0, [append(idIn(journal, 'a'), 0)])
    await journal.close()
    deepStrictEqual(written(await committing), ['1'])
    strictEqual(await (await scene.open(store)).lastPosition(0), 1)
  },
}

export const journalRefusesSecond: Readonly<Record<string, JournalTest>> = {
  'refuses a second opener at once, and serves one after close': async scene => {
    const store = await scene.make()
    const first = await scene.open(store)
    strictEqual(await codeOf(() => store.journal().open()), 'JOURNAL_LOCKED')
    deepStrictEqual(written(await first.commit(0, [append(idIn(first, 'a'), 0)])), ['1'])
    await first.close()
    strictEqual(await (await scene.open(store)).lastPosition(0), 1)
  },
}

export const journalFencesFirst: Readonly<Record<string, JournalTest>> = {
  'fences the older writer from its first try on': async scene => {
    const store = await scene.make()
    const older = await scene.open(store)
    const id = idIn(older, 'a')
    const first = append(id, 0)
    await older.commit(0, [first])
    const newer = await scene.open(store)
    strictEqual(await codeOf(() => older.commit(0, [append(id, 1)], new Map([['risk', 1]]))), 'JOURNAL_FENCED')
    strictEqual(await codeOf(() => older.commit(0, [first])), 'JOURNAL_FENCED')
    strictEqual(await codeOf(() => older.commit(0, [])), 'JOURNAL_FENCED')
    strictEqual(await codeOf(() => older.saveCursors(0, new Map([['risk', 1]]))), 'JOURNAL_FENCED')
    strictEqual(
      await codeOf(() => older.saveSnapshot({ persistenceId: id, sequenceNr: 1, timeMs: 0, payload: 1 }, 2)),
      'JOURNAL_FENCED',
    )
    strictEqual(await newer.lastPosition(0), 1)
    deepStrictEqual(await newer.loadCursors(0), new Map())
    deepStrictEqual(await collect(newer.loadSnapshots(id, () => undefined)), [])
    deepStrictEqual(written(await newer.commit(0, [append(id, 1)])), ['2'])
  },

  'fences the older writer in every partition, whichever it writes to first': async scene => {
    const store = await scene.make()
    const older = await scene.open(store)
    const newer = await scene.open(store)
    for (let partition = older.partitions - 1; partition >= 0; partition--) {
      const id = idIn(older, 'a', partition)
      const snapshot = { persistenceId: id, sequenceNr: 1, timeMs: 0, payload: 1 }
      for (const write of [
        () => older.commit(partition, [append(id, 0)]),
        () => older.saveCursors(partition, new Map([['risk', 0]])),
        () => older.saveSnapshot(snapshot, 2),
      ])
        deepStrictEqual([partition, await codeOf(write)], [partition, 'JOURNAL_FENCED'])
      strictEqual(await newer.lastPosition(partition), 0)
      deepStrictEqual(await newer.loadCursors(partition), new Map())
      deepStrictEqual(await collect(newer.loadSnapshots(id, () => undefined)), [])
      deepStrictEqual(written(await newer.commit(partition, [append(id, 0)])), ['1'])
    }
  },
}
