import { type Clock, systemClock } from '../../base/ports.ts'
import type { Append, AppendResult, Cursors, Journal, Snapshot, StoredAppend } from '../../persistence/journal.ts'
import { type FaultPlan, underFault } from './fault.ts'

export type JournalOperation =
  | 'open'
  | 'commit'
  | 'lastSequenceNr'
  | 'read'
  | 'readLog'
  | 'lastPosition'
  | 'saveSnapshot'
  | 'loadSnapshots'
  | 'deleteTo'
  | 'tombstone'
  | 'loadCursors'
  | 'saveCursors'
  | 'close'

/**
 * A journal between a store and the journal that it really has, which fails and tarries as its plan says: snapshots and
 * cursors too, which are part of a journal. A commit that is dropped is answered as a conflict: nothing of it was written.
 */
export class FaultyJournal implements Journal {
  plan: FaultPlan<JournalOperation>
  /** Absent as in the journal behind it. */
  readonly deleteTo?: NonNullable<Journal['deleteTo']>
  readonly tombstone?: NonNullable<Journal['tombstone']>
  private readonly inner: Journal
  private readonly clock: Clock

  constructor(inner: Journal, plan: FaultPlan<JournalOperation> = () => null, clock: Clock = systemClock) {
    this.inner = inner
    this.plan = plan
    this.clock = clock
    if (inner.deleteTo !== undefined)
      this.deleteTo = (persistenceId, sequenceNr) =>
        this.within('deleteTo', async () => inner.deleteTo?.(persistenceId, sequenceNr), nothing)
    if (inner.tombstone !== undefined)
      this.tombstone = persistenceId => this.within('tombstone', async () => inner.tombstone?.(persistenceId), nothing)
  }

  get name(): string {
    return this.inner.name
  }
  get durability(): string {
    return this.inner.durability
  }
  get partitions(): number {
    return this.inner.partitions
  }

  open(): Promise<void> {
    return this.within('open', () => this.inner.open(), nothing)
  }
  close(): Promise<void> {
    return this.within('close', () => this.inner.close(), nothing)
  }
  commit(partition: number, appends: readonly Append[], cursors?: Cursors): Promise<readonly AppendResult[]> {
    return this.within(
      'commit',
      () => this.inner.commit(partition, appends, cursors),
      () => appends.map(append => ({ status: 'conflict', actualSequenceNr: append.expectedSequenceNr })),
    )
  }
  lastSequenceNr(persistenceId: string): Promise<number> {
    return this.within(
      'lastSequenceNr',
      async () => this.inner.lastSequenceNr(persistenceId),
      () => 0,
    )
  }
  readLog(partition: number, fromPosition: number, limit: number): Promise<readonly StoredAppend[]> {
    return this.within(
      'readLog',
      () => this.inner.readLog(partition, fromPosition, limit),
      () => [],
    )
  }
  lastPosition(partition: number): Promise<number> {
    return this.within(
      'lastPosition',
      () => this.inner.lastPosition(partition),
      () => 0,
    )
  }
  saveSnapshot(snapshot: Snapshot, keep: number): Promise<void> {
    return this.within('saveSnapshot', () => this.inner.saveSnapshot(snapshot, keep), nothing)
  }
  loadCursors(partition: number): Promise<Cursors> {
    return this.within(
      'loadCursors',
      () => this.inner.loadCursors(partition),
      () => new Map(),
    )
  }
  saveCursors(partition: number, cursors: Cursors): Promise<void> {
    return this.within('saveCursors', () => this.inner.saveCursors(partition, cursors), nothing)
  }

  async *read(persistenceId: string, fromSequenceNr: number): AsyncIterable<StoredAppend> {
    await this.within('read', async () => undefined, nothing)
    yield* this.inner.read(persistenceId, fromSequenceNr)
  }
  async *loadSnapshots(persistenceId: string, onUnreadable: (error: Error) => void): AsyncIterable<Snapshot> {
    await this.within('loadSnapshots', async () => undefined, nothing)
    yield* this.inner.loadSnapshots(persistenceId, onUnreadable)
  }

  private within<Result>(
    operation: JournalOperation,
    run: () => Promise<Result>,
    dropped: () => Result,
  ): Promise<Result> {
    return underFault(operation, this.plan(operation), this.clock, run, dropped)
  }
}

const nothing = (): undefined => undefined
