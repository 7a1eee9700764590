import type { Logger } from '../../../base/logger.ts'
import type { Cancel, Clock } from '../../../base/ports.ts'
import type { Actor } from '../../actor/actor.ts'
import { applyTo } from '../functions.ts'
import type { NactSystem } from '../system.ts'
import { PersistedSnapshot, type PersistenceEngine } from './persistence-engine.ts'
import { type Coding, checkKey, same, snapshotEveryOf } from './persistent-actor.ts'

type Fold = (state: unknown, message: unknown) => unknown

export interface QueryProperties extends Coding {
  readonly snapshotKey?: unknown
  readonly cacheDuration?: unknown
  readonly initialState?: unknown
}

type Progress = readonly [state: unknown, index: number, sequenceNumber: number]

/** A fold over the events of a key, which is remembered and goes on from where it was when it is asked again. */
class PersistentQuery {
  private readonly fold: Fold
  private readonly key: string
  private readonly engine: PersistenceEngine
  private readonly properties: QueryProperties
  private readonly snapshotKey: string | null
  private readonly snapshotEvery: number
  private readonly cacheMs: number
  private readonly clock: Clock
  private readonly logger: Logger
  private state: unknown
  private sequenceNumber = 0
  private messagesToNextSnapshot = Number.POSITIVE_INFINITY
  private isRestored = false
  private underWay: Promise<unknown> | null = null
  private cancelCache: Cancel | null = null

  /** **Errors**: Error for a key, `snapshotKey`, `snapshotEvery` or `cacheDuration` of another type. */
  constructor(system: NactSystem, fold: Fold, key: unknown, properties: QueryProperties) {
    const { snapshotKey, cacheDuration, initialState } = properties
    this.key = checkKey(key)
    if (snapshotKey && typeof snapshotKey !== 'string') throw new Error('snapshotKey must be of type string')
    this.snapshotEvery = snapshotEveryOf(properties.snapshotEvery)
    if (this.snapshotEvery !== Number.POSITIVE_INFINITY && !snapshotKey)
      throw new Error('snapshotKey must be specified in order to enable snapshotting')
    if (cacheDuration && typeof cacheDuration !== 'number')
      throw new Error('cacheDuration should be specified as a number in milliseconds')
    this.fold = fold
    this.engine = system.persistenceEngine as PersistenceEngine
    this.properties = properties
    this.snapshotKey = (snapshotKey || null) as string | null
    this.cacheMs = (cacheDuration || 0) as number
    this.clock = system.kernel.clock
    this.logger = system.kernel.logger
    this.state = initialState
  }

  /** The same promise to all who ask while it is under way. */
  ask(): Promise<unknown> {
    this.underWay ??= this.run()
    return this.underWay
  }

  private async run(): Promise<unknown> {
    try {
      this.cancelCache?.()
      await this.restore()
      const first: Promise<Progress> = Promise.resolve([this.state, 0, this.sequenceNumber])
      const [state, index, sequenceNumber] = await this.engine
        .events(this.key, this.sequenceNumber)
        .reduce(async (before, event, at) => {
          const [folded, lastIndex] = await before
          if (event.isDeleted) return [folded, lastIndex, event.sequenceNumber] as const
          const message = (this.properties.decoder ?? same)(event.data)
          return [await this.fold.call(undefined, folded, message), at, event.sequenceNumber] as const
        }, first)
      this.state = state
      this.sequenceNumber = sequenceNumber
      this.messagesToNextSnapshot -= index
      void this.takeSnapshot()
      this.underWay = null
      if (this.cacheMs > 0) this.cancelCache = this.clock.after(this.cacheMs, () => this.forget())
      return state
    } catch (error) {
      this.forget()
      throw error
    }
  }

  private async restore(): Promise<void> {
    if (this.isRestored) return
    if (this.snapshotKey !== null) {
      const snapshot = await this.engine.latestSnapshot(this.snapshotKey)
      if (snapshot) {
        this.state = (this.properties.snapshotDecoder ?? same)(snapshot.data)
        this.sequenceNumber = snapshot.sequenceNumber
      }
      this.messagesToNextSnapshot = this.snapshotEvery
    }
    this.isRestored = true
  }

  private async takeSnapshot(): Promise<void> {
    if (this.messagesToNextSnapshot > 0 || this.snapshotKey === null) return
    try {
      const data = (this.properties.snapshotEncoder ?? same)(this.state)
      await this.engine.takeSnapshot(new PersistedSnapshot(data, this.sequenceNumber, this.snapshotKey))
      this.messagesToNextSnapshot = this.snapshotEvery
    } catch (error) {
      this.logger.log('error', `query of ${this.key}: a snapshot could not be taken`, { error })
    }
  }

  private forget(): void {
    this.state = this.properties.initialState
    this.sequenceNumber = 0
    this.messagesToNextSnapshot = Number.POSITIVE_INFINITY
    this.isRestored = false
    this.underWay = null
  }
}

/** As nact's `persistentQuery`; its types are the index's. */
export const persistentQuery = (
  parent: unknown,
  f: Fold,
  key: unknown,
  properties: QueryProperties = {},
): (() => Promise<unknown>) =>
  applyTo(parent, ({ system }: Actor | NactSystem) => {
    const query = new PersistentQuery(system, f, key, properties)
    return () => query.ask()
  })
