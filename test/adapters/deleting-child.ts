/**
 * A process that writes, deletes and ends ids until it is killed: `node --import tsx deleting-child.ts PLACE`, where PLACE is
 * `lmdb:PATH` or a URL of Redis. It prints a line when it begins something and another when that has resolved:
 *
 *     ? delete ID TO    ! delete ID TO    ? end ID    ! end ID    ! written POSITION
 *
 * Whoever reads the store after that can tell what must be gone, what may be, and what must be there.
 */

import { lmdbJournal } from '../../src/adapters/lmdb/index.ts'
import { redisJournal } from '../../src/adapters/redis/index.ts'
import type { Append, Journal } from '../../src/persistence/journal.ts'

export const IDS = 20

export const journalAt = (place: string): Journal =>
  place.startsWith('lmdb:')
    ? lmdbJournal({ path: place.slice('lmdb:'.length) })
    : redisJournal({ url: place, partitions: 1 })

export const one = (persistenceId: string, expectedSequenceNr: number): Append => ({
  persistenceId,
  expectedSequenceNr,
  appendId: `${persistenceId}-${expectedSequenceNr}`,
  timeMs: expectedSequenceNr,
  causationId: null,
  correlationId: null,
  traceParent: null,
  principal: null,
  compensates: null,
  handled: null,
  records: [{ kind: 'event', type: 'Counted', version: 1, payload: { text: 'x'.repeat(expectedSequenceNr % 300) } }],
})

if (import.meta.filename === process.argv[1]) {
  const journal = journalAt(process.argv[2]!)
  await journal.open()
  const say = (line: string): void => void process.stdout.write(`${line}\n`)
  const saying = async (what: string, doing: () => Promise<unknown>): Promise<void> => {
    say(`? ${what}`)
    await doing()
    say(`! ${what}`)
  }
  const generation = await journal.lastPosition(0)
  for (let round = 0; ; round++) {
    // Each id lives for thirty rounds, loses what is older than five, and is ended while others are written.
    const ids = Array.from({ length: IDS }, (_, i) => `id-${generation}-${Math.floor((round + i) / 30)}-${i}`)
    const doing: Promise<unknown>[] = []
    const appends: Append[] = []
    for (const [i, id] of ids.entries()) {
      const age = (round + i) % 30
      const first = round + i < 30 ? i : 0
      if (age === 29) doing.push(saying(`end ${id}`, () => journal.tombstone!(id)))
      else {
        appends.push(one(id, age - first))
        if (age - first > 5 && age % 3 === 0)
          doing.push(saying(`delete ${id} ${age - first - 5}`, () => journal.deleteTo!(id, age - first - 5)))
      }
    }
    const results = await journal.commit(0, appends)
    const last = results.at(-1)
    if (last?.status !== 'written') throw new Error(`an append was answered with ${JSON.stringify(last)}`)
    say(`! written ${last.position}`)
    await Promise.all(doing)
  }
}
