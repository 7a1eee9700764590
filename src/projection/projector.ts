import { RuntimeError } from '../base/errors.ts'
import type { EventStore } from '../persistence/event-store.ts'
import { Building } from './building.ts'
import type { AnyProjection } from './folding.ts'
import { CURSOR_LAG_MAX, LogCursors } from './log-cursors.ts'
import type { Build, Offset, ViewStore } from './view-store.ts'

/** Told of what the live view reflects. */
export interface LiveListener {
  live(build: Build, positions: ReadonlyMap<number, number>): void
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
  private readonly cursors: LogCursors
  private live: Building | null = null
  private next: Building | null = null
  private isLoaded = false

  constructor(definition: AnyProjection, store: EventStore, views: ViewStore, listener: LiveListener) {
    this.definition = definition
    this.store = store
    this.views = views
    this.listener = listener
    this.cursors = new LogCursors(store, definition.name)
  }

  get isRebuilding(): boolean {
    return this.next !== null
  }

  /**
   * Does a page for each build. Resolves with whether there is more to do. **Errors**: PROJECTION_FAILED; those of the
   * stores.
   */
  async step(): Promise<boolean> {
    if (!this.isLoaded) await this.load()
    try {
      const { live, next } = this
      const mustReach = next === null ? null : this.goalOf(live)
      const liveHasMore = live !== null && live.build.version === this.version && (await live.step())
      const nextHasMore = next !== null && (await next.step())
      if (live !== null) this.tell(live)
      this.moveCursors()
      if (next !== null && hasReached(next, mustReach!)) {
        await this.promote(next)
        return true
      }
      return liveHasMore || nextHasMore
    } catch (error) {
      // What is known is read anew, so nothing may be on its way into it.
      await this.settled()
      this.forget()
      throw error
    }
  }

  /** Begins the view anew beside the live one, or goes on with a rebuild that is under way. */
  async rebuild(): Promise<void> {
    if (!this.isLoaded) await this.load()
    if (this.next !== null) return
    this.next = this.building(await this.views.begin(this.definition.name, this.version), new Map())
  }

  /** What it knows may be wrong: the next step reads it anew. */
  forget(): void {
    this.isLoaded = false
  }

  /** Resolves when nothing is being written, however that ended: the next step says so, or the next start finds it. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.live?.settled(), this.next?.settled()])
  }

  /** Resolves when nothing is being written; the log need keep for the view no more than what it does not reflect. */
  async stop(): Promise<void> {
    await this.settled()
    this.moveCursors(0)
  }

  private get version(): number {
    return this.definition.version ?? 1
  }

  private async load(): Promise<void> {
    await this.views.open()
    const { live, next } = await this.views.builds(this.definition.name)
    this.live = live === null ? null : await this.found(live)
    this.next = next?.version === this.version ? await this.found(next) : null
    this.isLoaded = true
    // One of another version is asked as it is, until the next one has come as far.
    if (this.live !== null) this.tell(this.live)
    if (this.live?.build.version !== this.version) await this.rebuild()
    this.moveCursors()
  }

  /**
   * A build that is there; null where it is of another log: the appends that its offsets name stand elsewhere. The log is
   * asked, and not how far this process knows it: another one may have brought the view on beyond that.
   */
  private async found(build: Build): Promise<Building | null> {
    const offsets = await this.views.offsets(build)
    for (const [partition, { position, appendId }] of offsets) {
      if (partition >= this.store.journal.partitions) return null
      const [append] = await this.store.journal.readLog(partition, position, 1)
      // What has gone for good with a segment can be compared with nothing; made anew, the view would be without it.
      const isGone = append !== undefined && append.position > position
      if (!isGone && append?.appendId !== appendId) return null
    }
    return this.building(build, offsets)
  }

  private building(build: Build, offsets: ReadonlyMap<number, Offset>): Building {
    return new Building(build, offsets, this.definition, this.store, this.views)
  }

  /** How far a rebuild must be to take the live one's place, so that no reader goes back. */
  private goalOf(live: Building | null): ReadonlyMap<number, number> {
    const partitions = Array.from({ length: this.store.journal.partitions }, (_, partition) => partition)
    const durable = (partition: number): number => this.store.lastPosition(partition)
    const reached = (partition: number): number =>
      live === null ? durable(partition) : Math.min(live.positionOf(partition), durable(partition))
    return new Map(partitions.map(partition => [partition, reached(partition)]))
  }

  private async promote(next: Building): Promise<void> {
    await this.views.promote(next.build)
    this.live = next
    this.next = null
    this.tell(next)
  }

  /** A live build of another version stays as it is until the next one takes its place. */
  private moveCursors(lagMax = CURSOR_LAG_MAX): void {
    const kept = [this.live, this.next].filter(building => building?.build.version === this.version)
    if (kept.length > 0)
      this.cursors.follow(partition => Math.min(...kept.map(building => building!.positionOf(partition))), lagMax)
  }

  private tell({ build, positions }: Building): void {
    this.listener.live(build, positions)
  }
}

const hasReached = (building: Building, goal: ReadonlyMap<number, number>): boolean =>
  Array.from(goal).every(([partition, position]) => building.positionOf(partition) >= position)

/** What asking again cannot help with, and is a matter of the projection's own code. */
export const isOwnFault = (error: unknown): error is RuntimeError =>
  error instanceof RuntimeError && error.code === 'PROJECTION_FAILED'
