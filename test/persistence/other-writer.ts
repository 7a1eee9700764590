import { type MemoryStore, memoryJournal } from '../../src/persistence/memory-journal.ts'

let appends = 0

/** A writer without an epoch, as functions are: it fences nobody. The memory journal takes its commit at once. */
export const append = (
  store: MemoryStore,
  persistenceId: string,
  expectedSequenceNr: number,
  labels: string[],
): void => {
  const epochs = store.partitions.map(partition => partition.epoch)
  const journal = memoryJournal({ store })
  void journal.open()
  void journal.commit(0, [
    {
      persistenceId,
      expectedSequenceNr,
      appendId: `other-${++appends}`,
      timeMs: 0,
      causationId: null,
      correlationId: null,
      traceParent: null,
      principal: null,
      compensates: null,
      handled: null,
      records: labels.map(label => ({ kind: 'event', type: 'Added', version: 1, payload: { type: 'Added', label } })),
    },
  ])
  store.partitions.forEach((partition, nr) => {
    partition.epoch = epochs[nr]!
  })
}
