import { isRuntimeError, RuntimeError, shown } from '../base/errors.ts'
import { stderrLogger } from '../base/logger.ts'
import { randomId, systemPorts } from '../base/ports.ts'
import { checkCursor, checkGroupName } from './cursor.ts'
import type { Journal, RolledOut, Snapshot } from './journal.ts'
import { checkJournalOptions, misconfigured } from './journal-options.ts'
import { OwnerWatch } from './owner-watch.ts'
import { checkPersistenceId, partitionOf } from './partition.ts'
import { type EventStorePorts, type Follower, PartitionWriter } from './partition-writer.ts'
import type { PendingAppend } from './pending-append.ts'
import { Recoveries, type RecoveryOptions } from './recoveries.ts'

/** What holds for all kinds of a store. **Errors**: DEFINITION_INVALID. */
export interface EventStoreOptions {
  /** How entities are read, all kinds together. */
  readonly recovery?: RecoveryOptions
}

/**
 * A journal in use by one process: it puts the appends of all actors that come up in one turn into one write, and tells
 * followers and writers when that is durable.
 *
 * **Order**: the appends of one partition are written in the order of `append`, one write under way at a time; what comes
 * up meanwhile is the next write. **Durability**: nobody hears of an append before the journal has resolved it.
 * **Errors**: a write whose outcome is unknown fails its appends and those of the same ids behind it. Once fenced, every
 * append fails with JOURNAL_FENCED, and `whenFenced` says so, whichever write has met the other writer, and within seconds
 * where nothing is written; a second event store on the same journal, where the journal can be opened again, fences the first
 * as one in another process would.
 */
export class EventStore {
  readonly journal: Journal
  readonly ports: EventStorePorts
  readonly recoveries: Recoveries
  /** Resolves when another writer has taken the store over, or its log has lost what was in it; never otherwise. */
  readonly whenFenced: Promise<RuntimeError>
  private readonly writers: PartitionWriter[] = []
  private readonly writerId: string
  private appends = 0
  private readonly settling = new Map<string, Promise<void>>()
  private closing: Promise<void> | null = null
  private announceFenced!: (error: RuntimeError) => void
  private fencedBy: RuntimeError | null = null
  private watch: OwnerWatch | null = null
  /** Which one a journal's writes are for: the last that opened it. */
  private static readonly current = new WeakMap<Journal, EventStore>()

  private constructor(journal: Journal, ports: EventStorePorts, recovery: RecoveryOptions) {
    this.journal = journal
    this.ports = ports
    this.recoveries = new Recoveries(ports, recovery)
    this.writerId = randomId(ports.random)
    this.whenFenced = new Promise(resolve => {
      this.announceFenced = resolve
    })
  }

  /**
   * Opens the journal for writing. **Errors**: JOURNAL_MISCONFIGURED for what is no journal and for other options; those of
   * `Journal.open` and `loadCursors`; the journal is closed then. **Default** of each port: the system's; the logger writes
   * to standard error.
   */
  static async open(journal: Journal, options: Partial<EventStorePorts> & EventStoreOptions = {}): Promise<EventStore> {
    checkJournal(journal)
    checkJournalOptions('EventStore.open', options, ['recovery', 'clock', 'random', 'executor', 'logger'])
    const { recovery = {}, ...given } = options
    checkJournalOptions('EventStore.open: recovery', recovery, ['maxAtOnce', 'batchTimeoutMs'])
    const ports = { ...systemPorts, logger: stderrLogger, ...given }
    const store = new EventStore(journal, ports, recovery)
    await journal.open()
    EventStore.current.get(journal)?.overtaken()
    EventStore.current.set(journal, store)
    try {
      for (let partition = 0; partition < journal.partitions; partition++) {
        const [position, cursors] = await Promise.all([journal.lastPosition(partition), journal.loadCursors(partition)])
        const onFenced = (error: RuntimeError): void => store.fence(error)
        store.writers.push(new PartitionWriter(journal, partition, ports, position, cursors, onFenced))
      }
    } catch (error) {
      // Nobody else could: whoever asked has no store, and a store's lock must not be left behind.
      await journal.close()
      throw error
    }
    store.watchOwner()
    return store
  }

  /** Why nothing may be decided on what this process knows; null: nobody has taken the store over. */
  get fenced(): RuntimeError | null {
    return this.fencedBy
  }

  partitionOf(persistenceId: string): number {
    return partitionOf(persistenceId, this.journal.partitions)
  }

  /** An id that no other append of any writer has. */
  nextAppendId(): string {
    return `${this.writerId}-${(++this.appends).toString(36)}`
  }

  append(append: PendingAppend): void {
    append.partition = this.partitionOf(append.persistenceId)
    this.writer(append.partition).add(append)
  }

  /** Withdraws what of an id is queued, and holds `settled` back until what is under way has settled. */
  abandon(persistenceId: string): void {
    const underWay = this.writer(this.partitionOf(persistenceId)).abandon(persistenceId)
    if (underWay === null) return
    const settled = underWay.finally(() => {
      if (this.settling.get(persistenceId) === settled) this.settling.delete(persistenceId)
    })
    this.settling.set(persistenceId, settled)
  }

  /** What must be waited for before an id is recovered: its former writer's append under way; null: nothing. */
  settled(persistenceId: string): Promise<void> | null {
    return this.settling.size === 0 ? null : (this.settling.get(persistenceId) ?? null)
  }

  /** Calls `follower` for every commit of the partition from now on; the function that comes back ends that. */
  follow(partition: number, follower: Follower): () => void {
    return this.writer(partition).follow(follower)
  }

  /** The last position that is durable. */
  lastPosition(partition: number): number {
    return this.writer(partition).position
  }

  /**
   * Takes note of what other writers have added to the log, so that `lastPosition` tells of it: for a guest, whom nobody
   * tells. **Errors**: those of the journal.
   */
  async catchUp(): Promise<void> {
    const ends = await Promise.all(this.writers.map((_, partition) => this.journal.lastPosition(partition)))
    for (const [partition, writer] of this.writers.entries()) writer.reaches(ends[partition]!)
  }

  /** **Errors**: JOURNAL_MISCONFIGURED for a group name that is empty or too long. */
  cursor(partition: number, group: string): number {
    checkGroupName(group)
    return this.writer(partition).cursors.get(group) ?? 0
  }

  /**
   * Everything up to and with `position` is done: stored with the partition's next write, or a little later alone; beyond the
   * log's end, once the log has come there. **Errors**: as `cursor`; JOURNAL_MISCONFIGURED for what is no position.
   */
  moveCursor(partition: number, group: string, position: number): void {
    checkCursor(group, position)
    this.writer(partition).moveCursor(group, position)
  }

  /**
   * Forgets the events of an id up to and with `sequenceNr`, for ever: see `Journal.deleteTo`. The id of an entity is
   * `persistenceIdOf(kind, id)`. **Errors**: those of the journal; JOURNAL_MISCONFIGURED where it cannot delete.
   */
  async deleteTo(persistenceId: string, sequenceNr: number): Promise<void> {
    const { journal } = this
    checkPersistenceId(persistenceId)
    if (journal.deleteTo === undefined) throw cannot(journal, 'delete events')
    await this.beside(journal.deleteTo(persistenceId, sequenceNr))
  }

  /**
   * Ends an id for good: it stays dead. What is under way for it is stored before, or fails with JOURNAL_TOMBSTONED as all
   * that comes after; a living entity then fails, and is not recovered (RECOVERY_FAILED). **Durability**: of an append.
   * **Errors**: those of the journal; JOURNAL_MISCONFIGURED where it has no tombstones.
   */
  async tombstone(persistenceId: string): Promise<void> {
    const { journal } = this
    checkPersistenceId(persistenceId)
    if (journal.tombstone === undefined) throw cannot(journal, 'end an id for good')
    await this.beside(journal.tombstone(persistenceId))
  }

  /**
   * Takes the log's closed segments out of the store, into files and for good: see `Journal.rollOut`. **Errors**: those of the
   * journal; JOURNAL_MISCONFIGURED where it cannot.
   */
  async rollOut(): Promise<RolledOut> {
    const { journal } = this
    if (journal.rollOut === undefined) throw cannot(journal, 'roll segments out')
    return this.beside(journal.rollOut())
  }

  /** See `Journal.saveSnapshot`. **Errors**: those of the journal. */
  saveSnapshot(snapshot: Snapshot, keep: number): Promise<void> {
    return this.beside(this.journal.saveSnapshot(snapshot, keep))
  }

  /**
   * What a write beside the log has failed with: a snapshot, a deletion. One that was refused since another writer has the
   * store is news to whoever only reads from now on, and would answer with what is no longer so.
   */
  failedBeside(persistenceId: string, error: unknown): void {
    if (isRuntimeError(error, 'JOURNAL_FENCED')) this.writer(this.partitionOf(persistenceId)).fence(error)
  }

  /**
   * Writes what is queued and the cursors, then closes the journal. Cursors that cannot be stored are a warning: what they
   * stand for comes again. A second call waits for the first.
   */
  close(): Promise<void> {
    this.watch?.end()
    this.closing ??= Promise.all(this.writers.map(writer => writer.close())).then(() => this.closeJournal())
    return this.closing
  }

  /** Another one's journal goes on. */
  private async closeJournal(): Promise<void> {
    if (EventStore.current.get(this.journal) === this) await this.journal.close()
  }

  /**
   * A write beside the log. One that was refused since another writer has the store is news to whoever only reads from now
   * on, and would answer with what is no longer so.
   */
  private async beside<Result>(write: Promise<Result>): Promise<Result> {
    try {
      return await write
    } catch (error) {
      if (isRuntimeError(error, 'JOURNAL_FENCED')) this.fence(error)
      throw error
    }
  }

  private overtaken(): void {
    this.fence(
      new RuntimeError(
        'JOURNAL_FENCED',
        `${this.journal.name}: the same journal was opened by another event store, which writes to it now. Stop this one.`,
      ),
    )
  }

  /** What one partition has learned is true of all. */
  private fence(error: RuntimeError): void {
    if (this.fencedBy !== null) return
    this.fencedBy = error
    this.watch?.end()
    for (const writer of this.writers) writer.fence(error)
    this.announceFenced(error)
  }

  private watchOwner(): void {
    const check = this.journal.checkOwner?.bind(this.journal)
    if (check === undefined) return
    const onFenced = (error: RuntimeError): void => this.fence(error)
    this.watch = new OwnerWatch(check, () => this.appends, onFenced, this.ports)
  }

  private writer(partition: number): PartitionWriter {
    const writer = this.writers[partition]
    if (writer === undefined)
      throw new RuntimeError('JOURNAL_CLOSED', `${this.journal.name} has no partition ${partition}`)
    return writer
  }
}

const checkJournal = (journal: unknown): void => {
  if (typeof journal === 'object' && journal !== null && typeof (journal as Partial<Journal>).commit === 'function')
    return
  const given = typeof journal === 'function' ? 'a function: call it' : shown(journal)
  throw misconfigured(`EventStore.open: give it a journal, such as memoryJournal(), not ${given}`)
}

const cannot = (journal: Journal, what: string): RuntimeError =>
  new RuntimeError('JOURNAL_MISCONFIGURED', `${journal.name} cannot ${what}: use a journal that can`)
