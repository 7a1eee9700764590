import { NO_CAUSE } from '../../src/persistence/command-cause.ts'
import type { EventStore } from '../../src/persistence/event-store.ts'
import type { NewRecord } from '../../src/persistence/journal.ts'
import { type AppendOwner, PendingAppend } from '../../src/persistence/pending-append.ts'

/** Appends records to a store as entities do, and knows what of it was acknowledged. */
export class Writer implements AppendOwner {
  readonly written: number[] = []
  failed = 0
  private readonly sequenceNrs = new Map<string, number>()
  private readonly store: EventStore

  constructor(store: EventStore) {
    this.store = store
  }

  /** One append of an event for each of `labels`; its type is the part before a colon. */
  events(persistenceId: string, ...labels: string[]): void {
    this.records(
      persistenceId,
      labels.map(label => ({ kind: 'event', type: label.split(':')[0]!, version: 1, payload: { label } })),
    )
  }

  records(persistenceId: string, records: readonly NewRecord[]): void {
    const expectedSequenceNr = this.sequenceNrs.get(persistenceId) ?? 0
    this.sequenceNrs.set(persistenceId, expectedSequenceNr + records.length)
    this.store.append(
      new PendingAppend(
        {
          persistenceId,
          expectedSequenceNr,
          appendId: this.store.nextAppendId(),
          timeMs: 0,
          ...NO_CAUSE,
          compensates: null,
          handled: null,
          records,
        },
        this,
      ),
    )
  }

  appended(append: PendingAppend): void {
    this.written.push(append.position)
  }
  appendFailed(): void {
    this.failed++
  }
}
