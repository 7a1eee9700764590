/**
 * A process that writes and rolls segments out until it is killed: `node --import tsx rolling-out-child.ts PLACE FOLDER`,
 * where PLACE is `lmdb:PATH` or a URL of Redis and FOLDER the archive. After each commit that resolved it prints the
 * position of its last record, and `rolled` after each roll-out that took something. What it writes follows from the
 * positions: `numbered` of `lmdb/writing-child.ts`.
 */

import { lmdbJournal } from '../../src/adapters/lmdb/index.ts'
import { redisJournal } from '../../src/adapters/redis/index.ts'
import type { Journal } from '../../src/persistence/journal.ts'
import { numbered } from './lmdb/writing-child.ts'

export const archivingJournal = (place: string, folder: string): Journal => {
  const archive = { folder, segmentBytes: 16_384 }
  return place.startsWith('lmdb:')
    ? lmdbJournal({ path: place.slice('lmdb:'.length), archive })
    : redisJournal({ url: place, partitions: 1, archive })
}

if (import.meta.filename === process.argv[1]) {
  const journal = archivingJournal(process.argv[2]!, process.argv[3]!)
  await journal.open()
  const say = (line: string): void => void process.stdout.write(`${line}\n`)
  const rollOut = async (): Promise<never> => {
    for (;;) if ((await journal.rollOut!()).archived > 0) say('rolled')
  }
  const write = async (): Promise<never> => {
    for (let nr = await journal.lastPosition(0); ; ) {
      const appends = Array.from({ length: 1 + (nr % 97) }, (_, i) => numbered(nr + i))
      await journal.commit(0, appends)
      nr += appends.length
      say(`${nr}`)
      // So that the log is no longer than what is rolled out.
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }
  await Promise.all([write(), rollOut()])
}
