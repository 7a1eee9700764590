/** What `rollOut` promises: the log's closed segments leave the store, and nobody who reads can tell. */

import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { type Append, type Journal, lastSequenceNr, type StoredAppend } from '../../persistence/journal.ts'
import { append, at, codeOf, collect, written } from './journal-appends.ts'
import { idIn, type JournalScene, type JournalTest, type JournalTestStore } from './journal-scene.ts'

const COMMITS = 60

/** A log of some tens of kB: two ids by turns, in commits of three appends. */
const filled = async (scene: JournalScene) => {
  const store = await scene.make()
  const journal = await scene.open(store)
  const ids = [idIn(journal, 'a'), idIn(journal, 'b')] as const
  const model: StoredAppend[] = []
  for (let commit = 0; commit < COMMITS; commit++) await commitThree(journal, ids, model)
  return { store, journal, ids, model }
}

const commitThree = async (journal: Journal, ids: readonly string[], model: StoredAppend[]): Promise<void> => {
  const appends: Append[] = []
  for (let i = 0; i < 3; i++) {
    const id = ids[(model.length + i) % ids.length]!
    const last = [...model, ...appends].filter(each => each.persistenceId === id).at(-1)
    appends.push(append(id, last === undefined ? 0 : lastSequenceNr(last), 'One', 'Two'))
  }
  await journal.commit(0, appends)
  for (const each of appends) model.push(at(each, 0, 2 * model.length + 1))
}

const check = async (journal: Journal, ids: readonly string[], model: readonly StoredAppend[]): Promise<void> => {
  strictEqual(await journal.lastPosition(0), 2 * model.length)
  deepStrictEqual(await journal.readLog(0, 1, 10_000), model)
  // From every place, page by page.
  for (let from = 1; from <= 2 * model.length; from += 37) {
    const [first] = await journal.readLog(0, from, 1)
    deepStrictEqual(first, model[Math.floor((from - 1) / 2)])
  }
  for (const id of ids) {
    const ofId = model.filter(each => each.persistenceId === id)
    deepStrictEqual(await collect(journal.read(id, 1)), ofId)
    deepStrictEqual(await collect(journal.read(id, 31)), ofId.slice(15))
  }
}

const reopened = async (scene: JournalScene, store: JournalTestStore, journal: Journal): Promise<Journal> => {
  await journal.close()
  return scene.open(store)
}

export const journalRollingOut: Readonly<Record<string, JournalTest>> = {
  'reads what was rolled out as it was, by position and by id, also after it is opened again': async scene => {
    const { store, journal, ids, model } = await filled(scene)
    if (journal.rollOut === undefined) return 'skipped'
    const first = await journal.rollOut()
    ok(first.archived > 1 && first.dropped === 0, `it rolled out ${JSON.stringify(first)}`)
    deepStrictEqual(await journal.rollOut(), { archived: 0, dropped: 0, bytes: 0 })
    await check(journal, ids, model)
    const again = await reopened(scene, store, journal)
    await check(again, ids, model)
    return 'passed'
  },

  'goes on after segments were rolled out: appends, repeats, conflicts, and the next segments': async scene => {
    const { store, journal, ids, model } = await filled(scene)
    if (journal.rollOut === undefined) return 'skipped'
    await journal.rollOut()
    const { partition: _, position, ...first } = model[0]!
    deepStrictEqual(written(await journal.commit(0, [first])), [`${position} again`])
    deepStrictEqual(written(await journal.commit(0, [append(ids[0], 0)])), [`conflict at ${model.length}`])
    for (let commit = 0; commit < COMMITS; commit++) await commitThree(journal, ids, model)
    const again = await reopened(scene, store, journal)
    ok((await again.rollOut!()).archived > 1)
    for (let commit = 0; commit < 5; commit++) await commitThree(again, ids, model)
    await check(again, ids, model)
    await check(await reopened(scene, store, again), ids, model)
    return 'passed'
  },

  'rolls out while it is written and read': async scene => {
    const { store, journal, ids, model } = await filled(scene)
    if (journal.rollOut === undefined) return 'skipped'
    const rolling = journal.rollOut()
    for (let commit = 0; commit < 20; commit++) {
      await commitThree(journal, ids, model)
      if (commit % 5 === 0) await check(journal, ids, model)
    }
    await rolling
    await journal.rollOut()
    await check(journal, ids, model)
    await check(await reopened(scene, store, journal), ids, model)
    return 'passed'
  },

  'drops segments that hold nothing but what is deleted, once every cursor has passed them': async scene => {
    const { store, journal, ids, model } = await filled(scene)
    if (journal.rollOut === undefined || journal.deleteTo === undefined) return 'skipped'
    const [a, b] = ids
    await journal.saveCursors(0, new Map([['slow', 0]]))
    await journal.deleteTo(a, model.length)
    await journal.tombstone!(b)
    const middle = model.length
    await journal.saveCursors(0, new Map([['slow', middle]]))
    const rolled = await journal.rollOut()
    ok(rolled.dropped > 0 && rolled.archived > 0, `it rolled out ${JSON.stringify(rolled)}`)
    const verify = async (at: Journal): Promise<void> => {
      const left = await at.readLog(0, 1, 10_000)
      ok(left.length < model.length)
      deepStrictEqual(left, model.slice(-left.length))
      ok(left[0]!.position <= middle + 1, 'what a reader had yet to come to is gone')
      strictEqual(await at.lastPosition(0), 2 * model.length)
      strictEqual(await at.lastSequenceNr(a), model.length)
      deepStrictEqual(await collect(at.read(a, 1)), [])
      strictEqual(await codeOf(() => collect(at.read(b, 1))), 'JOURNAL_TOMBSTONED')
      deepStrictEqual(written(await at.commit(0, [{ ...model[0]! }])), [`deleted to ${model.length}`])
    }
    await verify(journal)
    const again = await reopened(scene, store, journal)
    await verify(again)
    deepStrictEqual(written(await again.commit(0, [append(a, model.length)])), [`${2 * model.length + 1}`])
    return 'passed'
  },
}

export const journalFencesRollingOut: Readonly<Record<string, JournalTest>> = {
  'fences the older writer from rolling out, and reads on where the newer one has': async scene => {
    const { store, journal: older, ids, model } = await filled(scene)
    if (older.rollOut === undefined) return 'skipped'
    const newer = await scene.open(store)
    strictEqual(await codeOf(() => older.rollOut!()), 'JOURNAL_FENCED')
    ok((await newer.rollOut!()).archived > 1)
    await check(newer, ids, model)
    await check(older, ids, model)
    return 'passed'
  },
}
