/** What the golden files hold, as it was given to the codec that wrote them. */
import type { Append, Snapshot } from '../../../../src/persistence/journal.ts'

/** Partition and first position of the blocks. */
export const PARTITION = 3
export const FIRST_POSITION = 101

export const appends: readonly Append[] = [
  {
    persistenceId: 'account|Zürich 1',
    expectedSequenceNr: 4,
    appendId: 'writer-1',
    timeMs: 1_700_000_000_000,
    causationId: 'request-7',
    correlationId: 'flow-7',
    traceParent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    principal: 'user:42',
    handled: { source: 'bridge', partition: 0, position: 17, outstanding: [12, 15] },
    compensates: 'writer-0.1',
    records: [
      { kind: 'event', type: 'Deposited', version: 2, payload: { type: 'Deposited', cents: 1_250, note: 'grüezi' } },
      { kind: 'command', type: 'notify', version: 1, payload: { to: ['a', 'b'], urgent: false } },
    ],
  },
  {
    persistenceId: 'account|2',
    expectedSequenceNr: 0,
    appendId: 'writer-2',
    timeMs: 1_700_000_000_001,
    causationId: null,
    correlationId: null,
    traceParent: null,
    principal: null,
    handled: { source: 'topic', position: null, id: 'event 9' },
    compensates: null,
    records: [
      {
        kind: 'event',
        type: 'Measured',
        version: 1,
        payload: {
          exact: 2n ** 70n,
          rate: 0.125,
          at: new Date(1_600_000_000_000),
          bytes: new Uint8Array([0, 1, 255]),
          none: null,
          nested: { list: [1, 'two', { three: 3 }] },
        },
      },
    ],
  },
  {
    persistenceId: 'account|Zürich 1',
    expectedSequenceNr: 6,
    appendId: 'writer-3',
    timeMs: 1_700_000_000_002,
    causationId: null,
    correlationId: null,
    traceParent: null,
    principal: null,
    handled: { source: 'bridge', partition: 1, position: 2, outstanding: [] },
    compensates: null,
    records: [{ kind: 'event', type: 'Deposited', version: 2, payload: { type: 'Deposited', cents: -5, note: '' } }],
  },
]

export const snapshot: Snapshot = {
  persistenceId: 'account|Zürich 1',
  sequenceNr: 7,
  timeMs: 1_700_000_000_003,
  payload: {
    version: 1,
    state: { cents: 1_245, at: new Date(1_600_000_000_000), 'by note': { grüezi: 1 } },
    inbox: [
      ['bridge', 0, 17, [12, 15]],
      ['topic', ['event 8', 'event 9']],
    ],
  },
}
