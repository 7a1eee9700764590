import { isRuntimeError } from '../../base/errors.ts'
import type { Append, AppendResult, Cursors, Journal, Snapshot, StoredAppend } from '../../persistence/journal.ts'
import { type MemoryStore, memoryJournal, memoryStore } from '../../persistence/memory-journal.ts'
import { type Fault, failureOf } from '../faults/fault.ts'
import { Faults } from '../faults/faults.ts'
import type { JournalOperation } from '../faults/faulty-journal.ts'
import { plainCopy } from './plain-copy.ts'
import type { SimulatedHost } from './simulated-host.ts'
import { SimulatedLink } from './simulated-link.ts'
import type { SimulatedWorld } from './simulated-world.ts'
import { streamOf } from './streams.ts'

/**
 * A store on the network of a simulated world: every process may open it, and the last one to do so fences the others. It
 * survives all of them.
 *
 * **Order**: what one journal writes arrives in its order, whether or not its process lives by then, and so does what it
 * reads; a read may overtake a write that is under way, as it does in a store that is flushing. **Durability**: what has
 * arrived is stored for ever, also where its answer is lost.
 */
export class SimulatedStore {
  /** Of everybody's operations, on their way here and back. */
  readonly faults: Faults<JournalOperation>
  private readonly world: SimulatedWorld
  private readonly memory: MemoryStore

  constructor(world: SimulatedWorld, partitions: number) {
    this.world = world
    this.memory = memoryStore(partitions)
    this.faults = new Faults({ random: streamOf(world.seed, `store ${world.stores.length}`) })
  }

  get partitions(): number {
    return this.memory.partitions.length
  }

  /** A journal for what runs on that host. */
  journal(host: SimulatedHost): Journal {
    return new SimulatedJournal(this.world, host, this.memory, this.faults)
  }

  /** All that is stored, partition by partition, as nobody in the world could see it at once. */
  *log(): Iterable<StoredAppend> {
    for (const { log } of this.memory.partitions) yield* log
  }

  /** What a partition holds from a position on; an append that begins before it is left out. */
  *logFrom(partition: number, position: number): Iterable<StoredAppend> {
    const log = this.memory.partitions[partition]?.log ?? []
    let first = log.length
    while (first > 0 && (log[first - 1] as StoredAppend).position >= position) first--
    for (let i = first; i < log.length; i++) yield log[i] as StoredAppend
  }

  /** Records that are stored. */
  get records(): number {
    return this.memory.partitions.reduce((sum, { lastPosition }) => sum + lastPosition, 0)
  }
}

class SimulatedJournal implements Journal {
  readonly name = 'simulated'
  readonly durability = 'A resolved write has arrived at the simulated store and survives every process of its world.'
  readonly partitions: number
  private readonly world: SimulatedWorld
  private readonly writing: SimulatedLink
  private readonly reading: SimulatedLink
  private readonly inner: Journal
  private readonly faults: Faults<JournalOperation>

  constructor(world: SimulatedWorld, host: SimulatedHost, memory: MemoryStore, faults: Faults<JournalOperation>) {
    this.world = world
    this.writing = new SimulatedLink(world, host)
    this.reading = new SimulatedLink(world, host)
    this.inner = memoryJournal({ store: memory })
    this.partitions = this.inner.partitions
    this.faults = faults
  }

  open(): Promise<void> {
    return this.ask('open', '', () => this.inner.open())
  }

  commit(partition: number, appends: readonly Append[], cursors?: Cursors): Promise<readonly AppendResult[]> {
    const sent = appends.map(copyOfAppend)
    const moved = cursors === undefined ? undefined : new Map(cursors)
    const what = `${partition}: ${sent.length} from ${sent[0]?.appendId ?? 'nobody'}`
    return this.ask('commit', what, () => this.inner.commit(partition, sent, moved))
  }

  lastSequenceNr(persistenceId: string): Promise<number> {
    return this.ask('lastSequenceNr', persistenceId, async () => this.inner.lastSequenceNr(persistenceId))
  }

  async *read(persistenceId: string, fromSequenceNr: number): AsyncIterable<StoredAppend> {
    yield* await this.ask('read', persistenceId, () => all(this.inner.read(persistenceId, fromSequenceNr)))
  }

  readLog(partition: number, fromPosition: number, limit: number): Promise<readonly StoredAppend[]> {
    return this.ask('readLog', `${partition} from ${fromPosition}`, () =>
      this.inner.readLog(partition, fromPosition, limit),
    )
  }

  lastPosition(partition: number): Promise<number> {
    return this.ask('lastPosition', `${partition}`, () => this.inner.lastPosition(partition))
  }

  saveSnapshot(snapshot: Snapshot, keep: number): Promise<void> {
    const sent = plainCopy(snapshot)
    return this.ask('saveSnapshot', snapshot.persistenceId, () => this.inner.saveSnapshot(sent, keep))
  }

  async *loadSnapshots(persistenceId: string, onUnreadable: (error: Error) => void): AsyncIterable<Snapshot> {
    yield* await this.ask('loadSnapshots', persistenceId, () =>
      all(this.inner.loadSnapshots(persistenceId, onUnreadable)),
    )
  }

  deleteTo(persistenceId: string, sequenceNr: number): Promise<void> {
    return this.ask('deleteTo', `${persistenceId} to ${sequenceNr}`, async () =>
      this.inner.deleteTo?.(persistenceId, sequenceNr),
    )
  }

  tombstone(persistenceId: string): Promise<void> {
    return this.ask('tombstone', persistenceId, async () => this.inner.tombstone?.(persistenceId))
  }

  loadCursors(partition: number): Promise<Cursors> {
    return this.ask('loadCursors', `${partition}`, () => this.inner.loadCursors(partition))
  }

  saveCursors(partition: number, cursors: Cursors): Promise<void> {
    const sent = new Map(cursors)
    return this.ask('saveCursors', `${partition}`, () => this.inner.saveCursors(partition, sent))
  }

  close(): Promise<void> {
    return this.ask('close', '', () => this.inner.close())
  }

  private ask<Result>(operation: JournalOperation, of: string, run: () => Promise<Result>): Promise<Result> {
    const link = WRITES.has(operation) ? this.writing : this.reading
    const { host } = link
    const fault = this.faults.plan(operation) ?? NONE
    const what = `${host.id} ${operation} ${of}`
    return new Promise((resolve, reject) => {
      const arrived = (): void => {
        if (fault.crash?.at === 'before') {
          fault.crash.run()
          host.crash()
          return
        }
        if (fault.hang === 'before') return
        if (fault.fail === 'before' || fault.drop === true) {
          link.giveUp(`${what} failed before`, () => reject(failureOf(operation, { fail: 'before', ...fault })))
          return
        }
        const done = fault.duplicate === true ? run().then(run) : run()
        done.then(
          result => this.answer(link, what, fault, operation, () => resolve(result), reject),
          error => this.answer(link, what, fault, operation, () => this.refuse(host, error, reject), reject),
        )
        if (fault.crash?.at === 'after') {
          fault.crash.run()
          host.crash()
        }
      }
      link.send(`${what} arrives`, arrived, fault.delayMs)
    })
  }

  private answer(
    link: SimulatedLink,
    what: string,
    fault: Fault,
    operation: JournalOperation,
    settle: () => void,
    reject: (error: Error) => void,
  ): void {
    if (fault.hang === 'after') return
    if (fault.fail === 'after') link.giveUp(`${what} failed after`, () => reject(failureOf(operation, fault)))
    else link.answer(`${what} answered`, settle, fault.answerDelayMs)
  }

  private refuse(host: SimulatedHost, error: unknown, reject: (error: unknown) => void): void {
    if (isRuntimeError(error, 'JOURNAL_FENCED')) host.fencedAtMs ??= this.world.nowMs
    reject(error)
  }
}

const WRITES: ReadonlySet<JournalOperation> = new Set([
  'open',
  'commit',
  'saveSnapshot',
  'deleteTo',
  'tombstone',
  'saveCursors',
  'close',
])

const NONE: Fault = Object.freeze({})

/** What a writer's object holds beside the append stays with the writer. */
const copyOfAppend = (append: Append): Append => ({
  persistenceId: append.persistenceId,
  expectedSequenceNr: append.expectedSequenceNr,
  appendId: append.appendId,
  timeMs: append.timeMs,
  causationId: append.causationId,
  correlationId: append.correlationId,
  traceParent: append.traceParent,
  principal: append.principal,
  handled: plainCopy(append.handled),
  compensates: append.compensates,
  records: plainCopy(append.records),
})

const all = async <T>(items: AsyncIterable<T>): Promise<readonly T[]> => {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
