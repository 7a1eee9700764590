/**
 * A process that writes to an LMDB store until it is killed: `node --import tsx writing-child.ts PATH [no-flush]`. After each commit
 * that resolved it prints the position of its last record. Ids and payloads follow from the positions, so that whoever
 * reads the store afterwards can tell what must be there.
 */

import { lmdbJournal } from '../../../src/adapters/lmdb/index.ts'
import type { Append } from '../../../src/persistence/journal.ts'

export const IDS = 50

export const numbered = (nr: number): Append => ({
  persistenceId: `id-${nr % IDS}`,
  expectedSequenceNr: Math.floor(nr / IDS),
  appendId: `append-${nr}`,
  timeMs: nr,
  causationId: null,
  correlationId: null,
  traceParent: null,
  principal: null,
  compensates: null,
  handled: null,
  records: [{ kind: 'event', type: 'Counted', version: 1, payload: { nr, text: 'x'.repeat(nr % 200) } }],
})

if (import.meta.filename === process.argv[1]) {
  const journal = lmdbJournal({ path: process.argv[2]!, flush: process.argv[3] !== 'no-flush' })
  await journal.open()
  let nr = await journal.lastPosition(0)
  process.stdout.write(`open ${nr}\n`)
  for (;;) {
    const appends = Array.from({ length: 1 + (nr % 97) }, (_, i) => numbered(nr + i))
    await journal.commit(0, appends)
    nr += appends.length
    process.stdout.write(`${nr}\n`)
  }
}
