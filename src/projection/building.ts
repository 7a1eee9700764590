import type { EventStore } from '../persistence/event-store.ts'
import type { StoredAppend } from '../persistence/journal.ts'
import { type AnyProjection, fold } from './folding.ts'
import type { Build, Offset, RowChange, ViewStore } from './view-store.ts'

/** Appends read and folded at once: between two such pages others have their turn. */
const PAGE = 512
/** What one write takes in: a flush costs as much for one row as for thousands. */
const APPENDS_MAX = 8_192
/** By the bound of their encoded size. */
const ROW_BYTES_MAX = 8 * 1_048_576

/** What pages of one partition, one after another, change. */
interface Batch {
  readonly partition: number
  /** The position that it builds on. */
  readonly before: number
  after: Offset
  appends: number
  rowBytes: number
  readonly changes: Map<string, RowChange>
}

/**
 * Brings one build of a view on. While a batch is being written the next one is gathered, so rows are looked for in what is
 * gathered, then in what is being written, then in the store.
 *
 *     log  ──| written |── being written ──|── gathered ──|── yet to be read ──
 *                      ^ offsets                          ^ readTo
 *
 * It writes at the end of the log at once, and a batch at a time where it is behind. **Bounds**: two
 * batches in memory, each of 8,192 appends, 8 MiB of rows, or the store's `rowsPerWrite`, and one page more.
 */
export class Building {
  readonly build: Build
  private readonly definition: AnyProjection
  private readonly store: EventStore
  private readonly views: ViewStore
  /** As far as it is written. */
  private readonly offsets: Map<number, Offset>
  private gathered: Batch | null = null
  private writing: Batch | null = null
  /** The partition that is looked at first, so that one with no end of news leaves the others theirs. */
  private turn = 0
  /** Resolves when nothing is being written: with what that failed with, or null. */
  private written: Promise<unknown> = Promise.resolve(null)

  constructor(
    build: Build,
    offsets: ReadonlyMap<number, Offset>,
    definition: AnyProjection,
    store: EventStore,
    views: ViewStore,
  ) {
    this.build = build
    this.offsets = new Map(offsets)
    this.definition = definition
    this.store = store
    this.views = views
  }

  /** Up to where each partition is in the build, as it is stored. */
  get positions(): ReadonlyMap<number, number> {
    return new Map(Array.from(this.offsets, ([partition, { position }]) => [partition, position]))
  }

  positionOf(partition: number): number {
    return this.offsets.get(partition)?.position ?? 0
  }

  /**
   * Reads a page. Resolves with whether there is more to do; where not, all is written. **Errors**: PROJECTION_FAILED;
   * those of the stores.
   */
  async step(): Promise<boolean> {
    const partition = this.nextPartition()
    if (partition !== null) await this.gatherOrWrite(partition)
    const next = this.nextPartition()
    const { gathered } = this
    if (gathered !== null && (next !== gathered.partition || this.isFull(gathered))) await this.write(gathered)
    if (next !== null) return true
    await this.settled()
    return this.nextPartition() !== null
  }

  /** Resolves when nothing is being written. **Errors**: what the last write failed with. */
  async settled(): Promise<void> {
    const failure = await this.written
    if (failure !== null) throw failure
  }

  private get partitions(): number {
    return this.store.journal.partitions
  }

  /** The partition to read next: the one that is being gathered goes on until that is written; null: all are read. */
  private nextPartition(): number | null {
    const begun = this.gathered?.partition ?? this.turn
    for (let i = 0; i < this.partitions; i++) {
      const partition = (begun + i) % this.partitions
      if (this.readTo(partition) < this.store.lastPosition(partition)) return partition
    }
    return null
  }

  private isFull({ appends, rowBytes, changes }: Batch): boolean {
    return appends >= APPENDS_MAX || rowBytes >= ROW_BYTES_MAX || changes.size >= this.views.rowsPerWrite
  }

  private readTo(partition: number): number {
    for (const batch of [this.gathered, this.writing]) if (batch?.partition === partition) return batch.after.position
    return this.positionOf(partition)
  }

  /** What is before a page that fails is written all the same. */
  private async gatherOrWrite(partition: number): Promise<void> {
    try {
      await this.gather(partition)
    } catch (error) {
      if (this.gathered !== null) await this.write(this.gathered)
      await this.settled()
      throw error
    }
  }

  private async gather(partition: number): Promise<void> {
    const before = this.readTo(partition)
    const durable = this.store.lastPosition(partition)
    const page = await this.store.journal.readLog(partition, before + 1, PAGE)
    const appends = page.filter(append => endOf(append) <= durable)
    const last = appends.at(-1)
    if (last === undefined) return
    const changes = await fold(this.definition, appends, keys => this.rows(keys))
    const after = { position: endOf(last), appendId: last.appendId }
    this.gathered ??= { partition, before, after, appends: 0, rowBytes: 0, changes: new Map() }
    this.gathered.after = after
    this.gathered.appends += appends.length
    for (const change of changes) {
      this.gathered.rowBytes += change.bytes
      this.gathered.changes.set(change.key, change)
    }
  }

  private async rows(keys: readonly string[]): Promise<readonly unknown[]> {
    const { gathered, writing } = this
    const pending = (key: string): RowChange | undefined => gathered?.changes.get(key) ?? writing?.changes.get(key)
    const unknown = keys.filter(key => pending(key) === undefined)
    if (unknown.length === keys.length) return this.views.get(this.build, keys)
    const stored = unknown.length === 0 ? [] : await this.views.get(this.build, unknown)
    let next = 0
    return keys.map(key => {
      const change = pending(key)
      return change === undefined ? stored[next++] : change.row
    })
  }

  /** Begins to write a batch, after the one before. **Errors**: those of the one before. */
  private async write(batch: Batch): Promise<void> {
    await this.settled()
    const { partition, before, after, changes } = batch
    this.writing = batch
    this.gathered = null
    this.turn = (partition + 1) % this.partitions
    this.written = this.views.write(this.build, partition, before, after, [...changes.values()]).then(
      () => {
        this.offsets.set(partition, after)
        this.writing = null
        return null
      },
      error => error,
    )
  }
}

const endOf = (append: StoredAppend): number => append.position + append.records.length - 1
