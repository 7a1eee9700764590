import type { RuntimeError } from '../../base/errors.ts'
import type { EventStore } from '../../persistence/event-store.ts'
import type { NewRecord } from '../../persistence/journal.ts'
import { PendingAppend } from '../../persistence/pending-append.ts'

/**
 * Appends records to an id, and resolves when they are durable. **Errors**: those of the store; JOURNAL_SEQUENCE_CONFLICT
 * where the id's last sequence number is another one.
 */
export const append = (
  store: EventStore,
  persistenceId: string,
  expectedSequenceNr: number,
  records: readonly NewRecord[],
): Promise<void> =>
  new Promise((appended, failed) => {
    const owner = { appended: () => appended(), appendFailed: (_: PendingAppend, error: RuntimeError) => failed(error) }
    store.append(
      new PendingAppend(
        {
          persistenceId,
          expectedSequenceNr,
          appendId: store.nextAppendId(),
          timeMs: store.ports.clock.nowMs(),
          causationId: null,
          correlationId: null,
          compensates: null,
          traceParent: null,
          principal: null,
          handled: null,
          records,
        },
        owner,
      ),
    )
  })
