import { isRuntimeError, RuntimeError, shown, toError } from '../base/errors.ts'
import { type Behavior, systemBehavior } from '../kernel/behavior.ts'
import type { ActorRef } from '../kernel/types.ts'
import { definitionInvalid } from '../persistence/event-sourced.ts'
import { EventStore } from '../persistence/event-store.ts'
import { cursorOf, entryRangeOf, type IndexRange } from './entries.ts'
import type { AnyProjection } from './folding.ts'
import { projection as checkProjection, type ProjectionDefinition } from './projection.ts'
import { isOwnFault, Projector } from './projector.ts'
import type { Build, ViewStore } from './view-store.ts'
import { Waits } from './waits.ts'

/** A record of the log. */
export interface LogPlace {
  readonly partition: number
  readonly position: number
}

export interface ReachedOptions {
  /** Default: 5,000. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface ViewPage<Row> {
  readonly rows: readonly Row[]
  /** Where the next page begins; null: this was the last. */
  readonly cursor: string | null
}

export interface ReadModelStatus {
  /** Whether there is a live view to ask. */
  readonly isLive: boolean
  readonly isRebuilding: boolean
  /** Records of the log that the live view does not reflect yet. */
  readonly lag: number
  /** What it failed with at the last try; null: nothing. */
  readonly failure: Error | null
}

/**
 * A projection that runs: put `behavior` into a supervision tree, and ask the others. Reads go to the view store at once,
 * whether the projection runs or not.
 *
 * **Delivery**: each event has its effect once. **Order**: per partition. **Errors** of reads: VIEW_BUILDING until there is
 * a first complete view; VIEW_QUERY_INVALID; those of the view store.
 */
export interface ReadModel<Row> {
  readonly name: string
  readonly behavior: Behavior<never>
  /** Null where there is no such row. */
  get(key: string): Promise<Row | null>
  /** Rows by an index of the definition. **Bounds**: `limit` 1 to 1,000. */
  range(index: string, range?: IndexRange): Promise<ViewPage<Row>>
  /**
   * Resolves once the live view reflects that record and all before it in its partition. **Errors**: VIEW_LAGS after
   * `timeoutMs`, or when `signal` aborts; PROJECTION_FAILED while the projection fails by its own fault.
   */
  reached(place: LogPlace, options?: ReachedOptions): Promise<void>
  /** Makes the view anew beside the live one and switches; resolves when that has begun, whether it runs or not. */
  rebuild(): void
  /** Records of the log that the live view does not reflect yet. */
  lag(): number
  status(): ReadModelStatus
}

/** The first and the longest rest after a failure. Units: ms. */
const REST_MS = 250
const REST_MS_MAX = 30_000

type Message = 'work' | 'rebuild'

/**
 * Makes a definition run over a store's log. One such object per view and process. **Errors**, thrown: PROJECTION_INVALID,
 * DEFINITION_INVALID, naming what is wrong.
 */
export const readModel = <Event extends { readonly type: string }, Row extends object>(
  definition: ProjectionDefinition<Event, Row>,
  store: EventStore,
  views: ViewStore,
): ReadModel<Row> => {
  checkProjection(definition)
  const refuse = (field: string, mustBe: string, value: unknown): RuntimeError =>
    definitionInvalid(`read model ${definition.name}: ${field} must be ${mustBe}, not ${shown(value)}`)
  if (!(store instanceof EventStore)) throw refuse('store', 'an EventStore', store)
  if (typeof views?.builds !== 'function') throw refuse('views', 'a store of views, such as memoryViews()', views)
  return new RunningModel<Row>(definition as unknown as AnyProjection, store, views)
}

class RunningModel<Row> implements ReadModel<Row> {
  readonly name: string
  readonly behavior: Behavior<never>
  private readonly definition: AnyProjection
  private readonly store: EventStore
  private readonly views: ViewStore
  private readonly waits: Waits
  private projector: Projector | null = null
  private self: ActorRef<Message> | null = null
  private build: Build | null = null
  private positions: ReadonlyMap<number, number> = new Map()
  private isDue = false
  private mustRebuild = false
  private failures = 0
  private failure: Error | null = null

  constructor(definition: AnyProjection, store: EventStore, views: ViewStore) {
    this.name = definition.name
    this.definition = definition
    this.store = store
    this.views = views
    this.waits = new Waits(store.ports.clock)
    this.behavior = this.makeBehavior()
  }

  async get(key: string): Promise<Row | null> {
    const [row] = await this.asking(build => this.views.get(build, [key]))
    return (row ?? null) as Row | null
  }

  async range(index: string, range: IndexRange = {}): Promise<ViewPage<Row>> {
    if (!Object.hasOwn(this.definition.indexes ?? {}, index))
      throw new RuntimeError('VIEW_QUERY_INVALID', `view ${this.name} has no index ${JSON.stringify(index)}`)
    const entries = entryRangeOf(index, range)
    // One more than is asked for tells whether there is a next page.
    const found = await this.asking(build => this.views.range(build, { ...entries, limit: entries.limit + 1 }))
    const page = found.slice(0, entries.limit)
    const last = page.at(-1)
    return {
      rows: page.map(({ row }) => row as Row),
      cursor: found.length > entries.limit && last !== undefined ? cursorOf(last.entry) : null,
    }
  }

  async reached({ partition, position }: LogPlace, options: ReachedOptions = {}): Promise<void> {
    if (this.build !== null && this.positionOf(partition) >= position) return
    if (isOwnFault(this.failure)) throw this.failure
    const late = (): RuntimeError =>
      new RuntimeError(
        'VIEW_LAGS',
        `view ${this.name} is at position ${this.positionOf(partition)} of partition ${partition}, not yet at ${position}`,
        { retryable: true },
      )
    await this.waits.until(partition, position, options.timeoutMs ?? 5_000, options.signal ?? null, late)
  }

  rebuild(): void {
    this.mustRebuild = true
    this.self?.tell('rebuild')
  }

  lag(): number {
    let lag = 0
    for (let partition = 0; partition < this.store.journal.partitions; partition++)
      lag += Math.max(0, this.store.lastPosition(partition) - this.positionOf(partition))
    return lag
  }

  status(): ReadModelStatus {
    return {
      isLive: this.build !== null,
      isRebuilding: this.mustRebuild || (this.projector?.isRebuilding ?? false),
      lag: this.lag(),
      failure: this.failure,
    }
  }

  private makeBehavior(): Behavior<never> {
    const { definition, store, views } = this
    return systemBehavior<Message, readonly (() => void)[]>(
      {
        initial: ({ self }) => {
          this.self = self
          this.isDue = false
          this.failure = null
          this.projector = new Projector(definition, store, views, { live: (build, at) => this.live(build, at) })
          this.wake()
          const follower = { committed: () => this.wake() }
          return Array.from({ length: store.journal.partitions }, (_, nr) => store.follow(nr, follower))
        },
        receive: async (unfollow, _message, context) => {
          this.isDue = false
          try {
            if (this.mustRebuild) {
              await this.projector!.rebuild()
              this.mustRebuild = false
            }
            const hasMore = await this.projector!.step()
            // While it failed nobody woke it.
            const mayHaveMissed = this.failure !== null
            this.failures = 0
            this.failure = null
            if (hasMore || mayHaveMissed) this.wake()
          } catch (thrown) {
            const restMs = this.failed(toError(thrown))
            context.timers.start('rest', 'work', { afterMs: restMs })
          }
          return unfollow
        },
        onStop: async unfollow => {
          for (const end of unfollow) end()
          this.self = null
          await this.projector?.stop()
        },
      },
      {
        // Its own messages: the next start reads what is there, and remembers a rebuild.
        takeBack: () => true,
        onKill: unfollow => {
          for (const end of unfollow) end()
          this.self = null
        },
      },
    ) as Behavior<never>
  }

  /** One message at a time is enough, however much was committed: a step reads what is there. */
  private wake(): void {
    if (this.isDue || this.self === null || this.failure !== null) return
    this.isDue = true
    this.self.tell('work')
  }

  private live(build: Build, positions: ReadonlyMap<number, number>): void {
    this.build = build
    this.positions = positions
    this.waits.reached(positions)
  }

  /** Says so, and gives how long to rest. */
  private failed(error: Error): number {
    this.projector?.forget()
    // Another process is at the same view: what it wrote is read, and there is nothing to rest for.
    if (isRuntimeError(error, 'VIEW_CONFLICT') || isRuntimeError(error, 'VIEW_GONE')) {
      this.store.ports.logger.log('debug', `view ${this.name}: another process projects it too`, { error })
      return REST_MS
    }
    if (this.failure?.message !== error.message)
      this.store.ports.logger.log(isOwnFault(error) ? 'error' : 'warn', `view ${this.name}: ${error.message}`, {
        error,
      })
    this.failure = error
    if (isOwnFault(error)) this.waits.fail(error)
    return Math.min(REST_MS * 2 ** this.failures++, REST_MS_MAX)
  }

  /** Asks the live build; where another process has replaced it, the one that is live now. */
  private async asking<Answer>(ask: (build: Build) => Promise<Answer>): Promise<Answer> {
    if (this.build === null)
      throw new RuntimeError('VIEW_BUILDING', `view ${this.name} is being made: it cannot be asked yet`, {
        retryable: true,
      })
    try {
      return await ask(this.build)
    } catch (error) {
      if (!isRuntimeError(error, 'VIEW_GONE')) throw error
      const { live } = await this.views.builds(this.name)
      if (live === null) throw error
      this.build = live
      return ask(live)
    }
  }

  private positionOf(partition: number): number {
    return this.positions.get(partition) ?? 0
  }
}
