import { RuntimeError } from '../../src/base/errors.ts'
import type { Append, AppendResult, Cursors, Journal, Snapshot, StoredAppend } from '../../src/persistence/journal.ts'

export type Operation =
  | 'commit'
  | 'lastSequenceNr'
  | 'read'
  | 'readLog'
  | 'lastPosition'
  | 'saveSnapshot'
  | 'loadSnapshots'
  | 'loadCursors'
  | 'saveCursors'

export interface Fault {
  /** Waited for before the operation reaches the journal. */
  readonly wait?: Promise<unknown>
  /** Waited for between the effect and the answer. */
  readonly hold?: Promise<unknown>
  /** `before`: the journal never sees it. `after`: it is done and the answer is lost. */
  readonly fail?: 'before' | 'after'
}

/** Asked for every operation. */
export type FaultPlan = (operation: Operation) => Fault | null

/** A journal between a store and the journal that it really has, which fails and tarries as its plan says. */
export class FaultyJournal implements Journal {
  plan: FaultPlan
  private readonly inner: Journal

  constructor(inner: Journal, plan: FaultPlan = () => null) {
    this.inner = inner
    this.plan = plan
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
    return this.inner.open()
  }
  close(): Promise<void> {
    return this.inner.close()
  }

  commit(partition: number, appends: readonly Append[], cursors?: Cursors): Promise<readonly AppendResult[]> {
    return this.within('commit', () => this.inner.commit(partition, appends, cursors))
  }
  lastSequenceNr(persistenceId: string): Promise<number> {
    return this.within('lastSequenceNr', async () => this.inner.lastSequenceNr(persistenceId))
  }
  readLog(partition: number, fromPosition: number, limit: number): Promise<readonly StoredAppend[]> {
    return this.within('readLog', () => this.inner.readLog(partition, fromPosition, limit))
  }
  lastPosition(partition: number): Promise<number> {
    return this.within('lastPosition', () => this.inner.lastPosition(partition))
  }
  saveSnapshot(snapshot: Snapshot, keep: number): Promise<void> {
    return this.within('saveSnapshot', () => this.inner.saveSnapshot(snapshot, keep))
  }
  loadCursors(partition: number): Promise<Cursors> {
    return this.within('loadCursors', () => this.inner.loadCursors(partition))
  }
  saveCursors(partition: number, cursors: Cursors): Promise<void> {
    return this.within('saveCursors', () => this.inner.saveCursors(partition, cursors))
  }

  async *read(persistenceId: string, fromSequenceNr: number): AsyncIterable<StoredAppend> {
    await this.within('read', async () => undefined)
    yield* this.inner.read(persistenceId, fromSequenceNr)
  }
  async *loadSnapshots(persistenceId: string, onUnreadable: (error: Error) => void): AsyncIterable<Snapshot> {
    await this.within('loadSnapshots', async () => undefined)
    yield* this.inner.loadSnapshots(persistenceId, onUnreadable)
  }

  private async within<Result>(operation: Operation, run: () => Promise<Result>): Promise<Result> {
    const fault = this.plan(operation)
    if (fault === null) return run()
    if (fault.wait !== undefined) await fault.wait
    if (fault.fail === 'before') throw lost(operation)
    const result = await run()
    if (fault.hold !== undefined) await fault.hold
    if (fault.fail === 'after') throw lost(operation)
    return result
  }
}

const lost = (operation: Operation): RuntimeError =>
  new RuntimeError('JOURNAL_UNAVAILABLE', `${operation}: no answer`, { retryable: true })
