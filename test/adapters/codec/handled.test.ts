import { expect, test } from 'vitest'
import { Block, packRecords, sealBlock } from '../../../src/adapters/codec/block.ts'
import type { Append } from '../../../src/persistence/journal.ts'

const append = (nr: number, handled: Append['handled']): Append => ({
  persistenceId: `id-${nr}`,
  expectedSequenceNr: 0,
  appendId: `append-${nr}`,
  timeMs: nr,
  causationId: null,
  correlationId: null,
  traceParent: null,
  principal: null,
  compensates: null,
  handled,
  records: [{ kind: 'event', type: 'Counted', version: 1, payload: { nr } }],
})

test('what was handled comes back from a block: by position, by id, and nothing', () => {
  const appends = [
    append(1, { source: 'log', partition: 2, position: 9, outstanding: [4, 7] }),
    append(2, { source: 'topic', position: null, id: '/shop 17' }),
    append(3, null),
  ]
  const ids = appends.map(({ persistenceId }) => persistenceId)
  const block = sealBlock(0, 1, ids, [0, 0, 0], [0, 0, 0], [1, 1, 1], packRecords(appends, 0, 3))
  expect(new Block(block, 0, 1, 'test').appends.map(({ handled }) => handled)).toEqual(
    appends.map(({ handled }) => handled),
  )
})

test('the version of an event comes back from a block, also where the event does not say its type', () => {
  const records: Append['records'] = [
    { kind: 'event', type: 'Counted', version: 7, payload: { type: 'Counted', nr: 1 } },
    { kind: 'event', type: 'Counted', version: 2, payload: { nr: 2 } },
    { kind: 'event', type: 'Counted', version: 1, payload: { type: 'Counted', nr: 3 } },
    { kind: 'command', type: 'risk', version: 1, payload: 4 },
  ]
  const block = sealBlock(0, 1, ['id'], [0], [0], [4], packRecords([{ ...append(1, null), records }], 0, 1))
  expect(new Block(block, 0, 1, 'test').appends[0]!.records).toEqual(records)
})
