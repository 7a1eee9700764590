import { type Clock, systemClock } from '../../base/ports.ts'
import type {
  Append,
  AppendPages,
  AppendResult,
  Cursors,
  FoundId,
  Journal,
  RolledOut,
  Snapshot,
  StoredAppend,
} from '../../persistence/journal.ts'
import { type FaultPlan, underFault } from './fault.ts'

export type JournalOperation =
  | 'open'
  | 'checkOwner'
  | 'commit'
  | 'lastSequenceNr'
  | 'find'
  | 'read'
  | 'readLog'
  | 'lastPosition'
  | 'saveSnapshot'
  | 'loadSnapshots'
  | 'deleteTo'
  | 'tombstone'
  | 'rollOut'
  | 'loadCursors'
  | 'saveCursors'
  | 'close'

/**
 * A journal between a store and the journal that it really has, which fails and tarries as its plan says: snapshots and
 * cursors too, which are part of a journal. A commit that is dropped is answered as a conflict: nothing of it was written.
 */
export class FaultyJournal implements Journal {
  plan: FaultPlan<JournalOperation>
  // Absent as in the journal behind it.
  readonly checkOwner?: () => Promise<void>
  readonly find?: (persistenceId: string) => Promise<FoundId>
  readonly deleteTo?: (persistenceId: string, sequenceNr: number) => Promise<void>
  readonly tombstone?: (persistenceId: string) => Promise<void>
  readonly rollOut?: () => Promise<RolledOut>
  private readonly inner: Journal
  private readonly clock: Clock

  constructor(inner: Journal, plan: FaultPlan<JournalOperation> = () => null, clock: Clock = systemClock) {
    this.inner = inner
    this.plan = plan
    this.clock = clock
    const { checkOwner, find, deleteTo, tombstone, rollOut } = inner
    if (checkOwner !== undefined)
      this.checkOwner = () => this.within('checkOwner', () => checkOwner.call(inner), nothing)
    if (find !== undefined)
      this.find = persistenceId =>
        this.within(
          'find',
          async () => find.call(inner, persistenceId),
          () => NOT_FOUND,
        )
    if (deleteTo !== undefined)
      this.deleteTo = (persistenceId, sequenceNr) =>
        this.within('deleteTo', () => deleteTo.call(inner, persistenceId, sequenceNr), nothing)
    if (tombstone !== undefined)
      this.tombstone = persistenceId => this.within('tombstone', () => tombstone.call(inner, persistenceId), nothing)
    if (rollOut !== undefined)
      this.rollOut = () =>
        this.within(
          'rollOut',
          () => rollOut.call(inner),
          () => NOTHING_ROLLED_OUT,
        )
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
  get lineage(): string | null {
    return this.inner.lineage ?? null
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
const NO_PAGES: AppendPages = { next: () => null, close: nothing }
const NOT_FOUND: FoundId = { sequenceNr: 0, pages: () => NO_PAGES }
const NOTHING_ROLLED_OUT: RolledOut = { archived: 0, dropped: 0, bytes: 0 }
