import { RuntimeError } from '../base/errors.ts'
import type { EventStore } from '../persistence/event-store.ts'
import type { StoredAppend } from '../persistence/journal.ts'
import { type AnyProjection, fold } from './folding.ts'
import type { Build, Offset, ViewStore } from './view-store.ts'

/** Appends read at once. */
const PAGE = 512

/** Told of what the live view reflects. */
export interface LiveListener {
  live(build: Build, positions: ReadonlyMap<number, number>): void
}

interface Progress {
  readonly build: Build
  readonly offsets: Map<number, Offset>
}

/**
 * Brings the builds of a view on, a page a step. It keeps in memory only how far they are; what it knows of that is read
 * anew after every failure.
 *
 *     live  ████████████████████▒   kept up, and asked
 *     next  ███████▒                a rebuild: promoted once it has come as far as the live one
 */
export class Projector {
  private readonly definition: AnyProjection
  private readonly store: EventStore
  private readonly views: ViewStore
  private readonly listener: LiveListener
  private live: Progress | null = null
  private next: Progress | null = null
  private isLoaded = false

  constructor(definition: AnyProjection, store: EventStore, views: ViewStore, listener: LiveListener) {
    this.definition = definition
    this.store = store
    this.views = views
    this.listener = listener
  }

  get isRebuilding(): boolean {
    return this.next !== null
  }

  /** Does a page for each build. Resolves with whether there is more to do. **Errors**: PROJECTION_FAILED; those of the stores. */
  async step(): Promise<boolean> {
    if (!this.isLoaded) await this.load()
    try {
      const { live, next } = this
      const mustReach = next === null ? null : this.goalOf(live)
      const liveHasMore = live !== null && live.build.version === this.version && (await this.advance(live))
      const nextHasMore = next !== null && (await this.advance(next))
      if (live !== null) this.tell(live)
      if (next !== null && hasReached(next, mustReach!)) {
        await this.promote(next)
        return true
      }
      return liveHasMore || nextHasMore
    } catch (error) {
      this.forget()
      throw error
    }
  }

  /** Begins the view anew beside the live one, or goes on with a rebuild that is under way. */
  async rebuild(): Promise<void> {
    if (!this.isLoaded) await this.load()
    if (this.next !== null) return
    this.next = { build: await this.views.begin(this.definition.name, this.version), offsets: new Map() }
  }

  /** What it knows may be wrong: the next step reads it anew. */
  forget(): void {
    this.isLoaded = false
  }

  private get version(): number {
    return this.definition.version ?? 1
  }

  private async load(): Promise<void> {
    await this.views.open()
    const { live, next } = await this.views.builds(this.definition.name)
    const progressOf = async (build: Build | null): Promise<Progress | null> =>
      build === null ? null : { build, offsets: new Map(await this.views.offsets(build)) }
    this.live = await progressOf(live)
    this.next = next?.version === this.version ? await progressOf(next) : null
    if (this.next !== null && !(await this.isOfThisLog(this.next))) this.next = null
    if (this.live !== null && !(await this.isOfThisLog(this.live))) this.live = null
    this.isLoaded = true
    // One of another version is asked as it is, until the next one has come as far.
    if (this.live !== null) this.tell(this.live)
    if (this.live?.build.version !== this.version) await this.rebuild()
  }

  /** Whether the appends that its offsets name stand in the log where it says. */
  private async isOfThisLog({ offsets }: Progress): Promise<boolean> {
    for (const [partition, { position, appendId }] of offsets) {
      if (partition >= this.store.journal.partitions || position > this.store.lastPosition(partition)) return false
      const [append] = await this.store.journal.readLog(partition, position, 1)
      if (append?.appendId !== appendId) return false
    }
    return true
  }

  /** A page of the first partition that has one; resolves with whether there may be more. */
  private async advance(progress: Progress): Promise<boolean> {
    let hasMore = false
    for (let partition = 0; partition < this.store.journal.partitions; partition++) {
      const before = progress.offsets.get(partition)?.position ?? 0
      const durable = this.store.lastPosition(partition)
      if (before >= durable) continue
      const page = await this.store.journal.readLog(partition, before + 1, PAGE)
      const appends = page.filter(append => endOf(append) <= durable)
      const last = appends.at(-1)
      if (last === undefined) continue
      const changes = await fold(this.definition, appends, keys => this.views.get(progress.build, keys))
      const after = { position: endOf(last), appendId: last.appendId }
      await this.views.write(progress.build, partition, before, after, changes)
      progress.offsets.set(partition, after)
      hasMore ||= after.position < this.store.lastPosition(partition)
    }
    return hasMore
  }

  /** How far a rebuild must be to take the live one's place, so that no reader goes back. */
  private goalOf(live: Progress | null): ReadonlyMap<number, number> {
    const partitions = Array.from({ length: this.store.journal.partitions }, (_, partition) => partition)
    const durable = (partition: number): number => this.store.lastPosition(partition)
    const reached = (partition: number): number =>
      Math.min(live?.offsets.get(partition)?.position ?? durable(partition), durable(partition))
    return new Map(partitions.map(partition => [partition, reached(partition)]))
  }

  private async promote(next: Progress): Promise<void> {
    await this.views.promote(next.build)
    this.live = next
    this.next = null
    this.tell(next)
  }

  private tell({ build, offsets }: Progress): void {
    this.listener.live(build, new Map(Array.from(offsets, ([partition, { position }]) => [partition, position])))
  }
}

const endOf = (append: StoredAppend): number => append.position + append.records.length - 1

const hasReached = ({ offsets }: Progress, goal: ReadonlyMap<number, number>): boolean =>
  Array.from(goal).every(([partition, position]) => (offsets.get(partition)?.position ?? 0) >= position)

/** What asking again cannot help with, and is a matter of the projection's own code. */
export const isOwnFault = (error: unknown): error is RuntimeError =>
  error instanceof RuntimeError && error.code === 'PROJECTION_FAILED'
