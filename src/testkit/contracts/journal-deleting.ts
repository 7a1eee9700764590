/** What `deleteTo` and `tombstone` promise: forgotten is forgotten for ever, and all else is as it was. */

import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import type { Journal, StoredAppend } from '../../persistence/journal.ts'
import { append, codeOf, collect, written } from './journal-appends.ts'
import { idIn, type JournalScene, type JournalTest, type JournalTestStore } from './journal-scene.ts'

/** Sequence numbers that an id's appends begin with. */
const starts = async (journal: Journal, id: string, from = 1): Promise<readonly number[]> =>
  (await collect(journal.read(id, from))).map(({ expectedSequenceNr }) => expectedSequenceNr + 1)

const snapshotOf = (persistenceId: string, sequenceNr: number) => ({ persistenceId, sequenceNr, timeMs: 0, payload: 1 })

const snapshotsOf = async (journal: Journal, id: string): Promise<readonly number[]> =>
  (await collect(journal.loadSnapshots(id, () => undefined))).map(({ sequenceNr }) => sequenceNr)

/** A store with two ids: of the first the records A B | C | D E, of the other one between them. */
const filled = async (scene: JournalScene) => {
  const store = await scene.make()
  const journal = await scene.open(store)
  const [id, other] = [idIn(journal, 'a'), idIn(journal, 'b')]
  const appends = [append(id, 0, 'A', 'B'), append(other, 0), append(id, 2, 'C'), append(id, 3, 'D', 'E')]
  for (const each of appends) await journal.commit(0, [each])
  return { store, journal, id, other, appends }
}

const reopened = async (scene: JournalScene, store: JournalTestStore, journal: Journal): Promise<Journal> => {
  await journal.close()
  return scene.open(store)
}

export const journalDeleting: Readonly<Record<string, JournalTest>> = {
  'forgets records up to a number, appends as a whole, and their numbering goes on': async scene => {
    const { journal, id } = await filled(scene)
    if (journal.deleteTo === undefined) return 'skipped'
    await journal.deleteTo(id, 4)
    deepStrictEqual(await starts(journal, id), [4])
    deepStrictEqual(await starts(journal, id, 2), [4])
    strictEqual(await journal.lastSequenceNr(id), 5)
    deepStrictEqual(written(await journal.commit(0, [append(id, 5)])), ['7'])
    await journal.deleteTo(id, 1_000)
    deepStrictEqual(await starts(journal, id), [])
    strictEqual(await journal.lastSequenceNr(id), 6)
    deepStrictEqual(written(await journal.commit(0, [append(id, 6)])), ['8'])
    deepStrictEqual(await starts(journal, id), [7])
    return 'passed'
  },

  'refuses to delete up to what is no whole number, and deletes nothing': async scene => {
    const { store, journal, id } = await filled(scene)
    if (journal.deleteTo === undefined) return 'skipped'
    for (const wrong of [undefined, Number.NaN, 1.5, '2', {}, Number.POSITIVE_INFINITY])
      strictEqual(await codeOf(() => journal.deleteTo!(id, wrong as number)), 'JOURNAL_MISCONFIGURED')
    await journal.deleteTo(id, -1)
    deepStrictEqual(await starts(await reopened(scene, store, journal), id), [1, 3, 4])
    return 'passed'
  },

  'tells what is sent again after the forgotten range from what is sent into it': async scene => {
    const { store, journal, id, appends } = await filled(scene)
    if (journal.deleteTo === undefined) return 'skipped'
    await journal.deleteTo(id, 4)
    const [first, , third, fourth] = appends as [StoredAppend, StoredAppend, StoredAppend, StoredAppend]
    const check = async (at: Journal): Promise<void> => {
      deepStrictEqual(written(await at.commit(0, [first])), ['deleted to 4'])
      deepStrictEqual(written(await at.commit(0, [third])), ['deleted to 4'])
      deepStrictEqual(written(await at.commit(0, [append(id, 1, 'X')])), ['deleted to 4'])
      // The last one goes on after what is forgotten, so it is still there to be compared.
      deepStrictEqual(written(await at.commit(0, [fourth])), ['5 again'])
      deepStrictEqual(written(await at.commit(0, [append(id, 3, 'D', 'E')])), ['deleted to 4'])
      deepStrictEqual(written(await at.commit(0, [append(id, 4, 'E')])), ['conflict at 5'])
      // What builds on a refused one is refused.
      deepStrictEqual(written(await at.commit(0, [first, append(id, 5)])), ['deleted to 4', 'conflict at 5'])
    }
    await check(journal)
    await check(await reopened(scene, store, journal))
    return 'passed'
  },

  'forgets the snapshots of before, and takes none that is older': async scene => {
    const { store, journal, id, other } = await filled(scene)
    if (journal.deleteTo === undefined) return 'skipped'
    for (const sequenceNr of [2, 3, 5]) await journal.saveSnapshot(snapshotOf(id, sequenceNr), 9)
    await journal.saveSnapshot(snapshotOf(other, 1), 9)
    await journal.deleteTo(id, 3)
    deepStrictEqual(await snapshotsOf(journal, id), [5, 3])
    strictEqual(await codeOf(() => journal.saveSnapshot(snapshotOf(id, 2), 9)), 'JOURNAL_DELETED')
    await journal.saveSnapshot(snapshotOf(id, 3), 9)
    const again = await reopened(scene, store, journal)
    deepStrictEqual(await snapshotsOf(again, id), [5, 3])
    deepStrictEqual(await snapshotsOf(again, other), [1])
    return 'passed'
  },

  'brings nothing back: by no lower number, and by no other opening': async scene => {
    const { store, journal, id, other, appends } = await filled(scene)
    if (journal.deleteTo === undefined) return 'skipped'
    await journal.deleteTo(id, 3)
    for (const lower of [1, 0, -5]) await journal.deleteTo(id, lower)
    deepStrictEqual(await starts(journal, id), [4])
    const again = await reopened(scene, store, journal)
    deepStrictEqual(await starts(again, id), [4])
    strictEqual(await again.lastSequenceNr(id), 5)
    await again.deleteTo!(id, 2)
    deepStrictEqual(await starts(again, id), [4])
    // Whoever reads by position, and other ids, see what they saw.
    deepStrictEqual(
      (await again.readLog(0, 1, 10)).map(({ appendId }) => appendId),
      appends.map(({ appendId }) => appendId),
    )
    deepStrictEqual(await starts(again, other), [1])
    return 'passed'
  },

  'deletes nothing of an id that has nothing': async scene => {
    const { journal } = await filled(scene)
    if (journal.deleteTo === undefined) return 'skipped'
    const nobody = idIn(journal, 'nobody')
    await journal.deleteTo(nobody, 7)
    strictEqual(await journal.lastSequenceNr(nobody), 0)
    deepStrictEqual(written(await journal.commit(0, [append(nobody, 0)])), ['7'])
    deepStrictEqual(await starts(journal, nobody), [1])
    return 'passed'
  },

  'deletes while it writes, for many ids at once': async scene => {
    const store = await scene.make()
    const journal = await scene.open(store)
    if (journal.deleteTo === undefined) return 'skipped'
    const ids = Array.from({ length: 8 }, (_, i) => idIn(journal, `many${i}-`))
    for (let nr = 0; nr < 6; nr++) {
      const deleting = ids.flatMap(id => [nr, nr - 1, nr - 2].map(to => journal.deleteTo!(id, to)))
      await journal.commit(
        0,
        ids.map(id => append(id, nr)),
      )
      await Promise.all(deleting)
    }
    const again = await reopened(scene, store, journal)
    for (const id of ids) deepStrictEqual(await starts(again, id), [6])
    return 'passed'
  },

  'ends an id for good': async scene => {
    const { store, journal, id, other, appends } = await filled(scene)
    if (journal.tombstone === undefined) return 'skipped'
    await journal.saveSnapshot(snapshotOf(id, 5), 2)
    await journal.tombstone(id)
    await journal.tombstone(id)
    const check = async (at: Journal): Promise<void> => {
      for (const expected of [0, 5, Number.MAX_SAFE_INTEGER - 1])
        deepStrictEqual(written(await at.commit(0, [append(id, expected), append(id, expected + 1)])), [
          'tombstoned',
          'tombstoned',
        ])
      deepStrictEqual(written(await at.commit(0, [{ ...append(id, 5), records: [] }, appends[0]!])), [
        'tombstoned',
        'tombstoned',
      ])
      strictEqual(await codeOf(async () => at.lastSequenceNr(id)), 'JOURNAL_TOMBSTONED')
      strictEqual(await codeOf(() => collect(at.read(id, 1))), 'JOURNAL_TOMBSTONED')
      strictEqual(await codeOf(() => snapshotsOf(at, id)), 'JOURNAL_TOMBSTONED')
      strictEqual(await codeOf(() => at.saveSnapshot(snapshotOf(id, 5), 2)), 'JOURNAL_TOMBSTONED')
      await at.deleteTo?.(id, 3)
      deepStrictEqual(await starts(at, other), [1])
      strictEqual(await at.lastPosition(0), 6)
      strictEqual((await at.readLog(0, 1, 10)).length, 4)
    }
    await check(journal)
    const again = await reopened(scene, store, journal)
    await check(again)
    deepStrictEqual(written(await again.commit(0, [append(id, 5), append(other, 1)])), ['tombstoned', '7'])
    return 'passed'
  },

  'ends an id that has nothing yet, and one whose records were deleted': async scene => {
    const { store, journal, id } = await filled(scene)
    if (journal.tombstone === undefined) return 'skipped'
    const nobody = idIn(journal, 'nobody')
    await journal.deleteTo?.(id, 5)
    await journal.tombstone(id)
    await journal.tombstone(nobody)
    const again = await reopened(scene, store, journal)
    for (const dead of [id, nobody]) {
      deepStrictEqual(written(await again.commit(0, [append(dead, 0)])), ['tombstoned'])
      strictEqual(await codeOf(async () => again.lastSequenceNr(dead)), 'JOURNAL_TOMBSTONED')
    }
    return 'passed'
  },

  'ends an id among its appends: one is written before, or refused': async scene => {
    const store = await scene.make()
    const journal = await scene.open(store)
    if (journal.tombstone === undefined) return 'skipped'
    const [id, other] = [idIn(journal, 'a'), idIn(journal, 'b')]
    let ending: Promise<void> | null = null
    let ended = -1
    for (let nr = 0; nr < 12; nr++) {
      const committing = journal.commit(0, [append(id, nr), append(other, nr)])
      if (nr === 4) ending = journal.tombstone(id)
      const [result] = written(await committing)
      if (result === 'tombstoned' && ended === -1) ended = nr
      strictEqual(result === 'tombstoned', ended !== -1)
    }
    await ending
    strictEqual(ended >= 4 && ended <= 6, true, `its appends were refused from ${ended} on`)
    const again = await reopened(scene, store, journal)
    strictEqual(await codeOf(async () => again.lastSequenceNr(id)), 'JOURNAL_TOMBSTONED')
    strictEqual((await starts(again, other)).length, 12)
    strictEqual((await again.readLog(0, 1, 100)).filter(each => each.persistenceId === id).length, ended)
    return 'passed'
  },
}

export const journalFencesDeleting: Readonly<Record<string, JournalTest>> = {
  'fences the older writer from deleting, too': async scene => {
    const { store, journal: older, id } = await filled(scene)
    const { deleteTo, tombstone } = older
    if (deleteTo === undefined || tombstone === undefined) return 'skipped'
    const newer = await scene.open(store)
    strictEqual(await codeOf(() => older.deleteTo!(id, 3)), 'JOURNAL_FENCED')
    strictEqual(await codeOf(() => older.tombstone!(id)), 'JOURNAL_FENCED')
    deepStrictEqual(await starts(newer, id), [1, 3, 4])
    return 'passed'
  },
}
