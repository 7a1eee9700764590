/** What the store of snapshots promises, which is a part of the journal. */

import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { isRuntimeError } from '../../base/errors.ts'
import { collect } from './journal-appends.ts'
import { idIn, type JournalTest } from './journal-scene.ts'

export const journalSnapshots: Readonly<Record<string, JournalTest>> = {
  'keeps the newest snapshots of an id, newest first': async scene => {
    const store = await scene.make()
    const journal = await scene.open(store)
    const id = idIn(journal, 'a')
    const snapshot = (sequenceNr: number) => ({
      persistenceId: id,
      sequenceNr,
      timeMs: 1_000 + sequenceNr,
      payload: { count: sequenceNr, text: 'é' },
    })
    for (const sequenceNr of [10, 20, 30, 30]) await journal.saveSnapshot(snapshot(sequenceNr), 2)
    await journal.saveSnapshot({ ...snapshot(5), persistenceId: `${id}x` }, 2)
    deepStrictEqual(await collect(journal.loadSnapshots(id, () => undefined)), [snapshot(30), snapshot(20)])
    await journal.close()
    const reopened = await scene.open(store)
    deepStrictEqual(await collect(reopened.loadSnapshots(id, () => undefined)), [snapshot(30), snapshot(20)])
    strictEqual((await collect(reopened.loadSnapshots(`${id}x`, () => undefined))).length, 1)
  },

  'leaves out a snapshot that cannot be read, says so, and gives the one before': async scene => {
    const store = await scene.make()
    if (store.breakNewestSnapshot === null) return 'skipped'
    const journal = await scene.open(store)
    const id = idIn(journal, 'a')
    for (const sequenceNr of [1, 2])
      await journal.saveSnapshot({ persistenceId: id, sequenceNr, timeMs: 0, payload: 'x' }, 2)
    await journal.close()
    await store.breakNewestSnapshot(id)
    const errors: Error[] = []
    const left = await collect((await scene.open(store)).loadSnapshots(id, error => errors.push(error)))
    deepStrictEqual(
      left.map(snapshot => snapshot.sequenceNr),
      [1],
    )
    strictEqual(errors.length, 1)
    strictEqual(isRuntimeError(errors[0], 'JOURNAL_CORRUPT'), true)
    ok(errors[0]!.message.includes(id))
    return 'passed'
  },
}
