/** What reading promises: an id, or the log, from a place on. */

import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import type { AppendPages, StoredAppend } from '../../persistence/journal.ts'
import { append, collect } from './journal-appends.ts'
import { idIn, type JournalTest } from './journal-scene.ts'

const pagesOf = async (pages: AppendPages): Promise<readonly StoredAppend[]> => {
  const appends: StoredAppend[] = []
  for (let page = await pages.next(); page !== null; page = await pages.next()) appends.push(...page)
  return appends
}

export const journalReading: Readonly<Record<string, JournalTest>> = {
  'starts empty': async scene => {
    const journal = await scene.fresh()
    strictEqual(await journal.lastPosition(0), 0)
    strictEqual(await journal.lastSequenceNr('nobody'), 0)
    for (const from of [0, 1]) deepStrictEqual(await collect(journal.read('nobody', from)), [])
    deepStrictEqual(await journal.readLog(0, 1, 10), [])
    deepStrictEqual(await collect(journal.loadSnapshots('nobody', () => undefined)), [])
    deepStrictEqual(await journal.loadCursors(0), new Map())
  },

  'reads an id from the append that holds a sequence number': async scene => {
    const journal = await scene.fresh()
    const id = idIn(journal, 'a')
    await journal.commit(0, [append(id, 0, 'A', 'B', 'C'), append(idIn(journal, 'b'), 0)])
    for (let i = 3; i < 20; i++) await journal.commit(0, [append(id, i)])
    const starts = async (from: number): Promise<number[]> =>
      (await collect(journal.read(id, from))).map(stored => stored.expectedSequenceNr + 1)
    strictEqual((await starts(0))[0], 1)
    strictEqual((await starts(3))[0], 1)
    strictEqual((await starts(4))[0], 4)
    deepStrictEqual(await starts(19), [19, 20])
    deepStrictEqual(await starts(20), [20])
    deepStrictEqual(await starts(21), [])
  },

  'finds an id as it stands, with what `read` says of it in pages': async scene => {
    const journal = await scene.fresh()
    if (journal.find === undefined) return
    const [id, other] = [idIn(journal, 'a'), idIn(journal, 'ab')]
    for (let i = 0; i < 12; i++) await journal.commit(0, [append(id, i * 2, 'A', 'B'), append(other, i)])
    const found = await journal.find(id)
    strictEqual(found.sequenceNr, 24)
    for (const from of [0, 1, 2, 3, 14, 23, 24])
      deepStrictEqual(await pagesOf(found.pages(from)), await collect(journal.read(id, from)))
    deepStrictEqual(await pagesOf(found.pages(25)), [])
    // As it stood: what comes later is for who looks again.
    await journal.commit(0, [append(id, 24)])
    strictEqual(found.sequenceNr, 24)
    strictEqual((await pagesOf(found.pages(1))).length, 12)
    strictEqual((await journal.find(id)).sequenceNr, 25)
    const givenUp = found.pages(1)
    await givenUp.next()
    givenUp.close()
    strictEqual(await givenUp.next(), null)
    const nobody = await journal.find('nobody')
    strictEqual(nobody.sequenceNr, 0)
    deepStrictEqual(await pagesOf(nobody.pages(1)), [])
  },

  'reads the log from the append that holds a position, about as many as asked for': async scene => {
    const journal = await scene.fresh()
    const id = idIn(journal, 'a')
    for (let i = 0; i < 10; i++)
      await journal.commit(0, [append(id, i * 6, 'A', 'B', 'C'), append(id, i * 6 + 3, 'D', 'E', 'F')])
    const positions = async (from: number, limit: number): Promise<number[]> =>
      (await journal.readLog(0, from, limit)).map(stored => stored.position)
    deepStrictEqual(
      await positions(0, 1_000),
      Array.from({ length: 20 }, (_, i) => 1 + 3 * i),
    )
    strictEqual((await positions(30, 3))[0], 28)
    deepStrictEqual((await positions(31, 3)).slice(0, 3), [31, 34, 37])
    deepStrictEqual((await positions(34, 2)).slice(0, 2), [34, 37])
    deepStrictEqual(await positions(60, 5), [58])
    deepStrictEqual(await positions(61, 5), [])
    // A reader that asks for few has bounded its memory by it: no more than the rest of a commit comes with them.
    for (const limit of [1, 3, 8]) {
      const { length } = await positions(1, limit)
      ok(length >= limit && length <= limit + 1, `asked for ${limit} appends, it gives ${length}`)
    }
    // A reader that goes on after the last one it got sees everything once.
    const seen: number[] = []
    for (let from = 1; ; ) {
      const page = await journal.readLog(0, from, 4)
      if (page.length === 0) break
      seen.push(...page.map(stored => stored.position))
      from = page.at(-1)!.position + page.at(-1)!.records.length
    }
    deepStrictEqual(
      seen,
      Array.from({ length: 20 }, (_, i) => 1 + 3 * i),
    )
  },
}
