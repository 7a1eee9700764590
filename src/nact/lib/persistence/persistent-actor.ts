import { Actor } from '../../actor/actor.ts'
import type { Context, Handler, Properties } from '../../actor/context.ts'
import { spawnActor } from '../actor.ts'
import type { ActorReference } from '../references.ts'
import type { NactSystem } from '../system.ts'
import { PersistedEvent, PersistedSnapshot, type PersistenceEngine } from './persistence-engine.ts'

export interface Coding {
  readonly snapshotEvery?: unknown
  readonly snapshotEncoder?: (state: unknown) => unknown
  readonly snapshotDecoder?: (data: unknown) => unknown
  readonly encoder?: (message: unknown) => unknown
  readonly decoder?: (data: unknown) => unknown
}

export const same = <Value>(value: Value): Value => value

/** **Errors**: Error for a key that is no text. */
export const checkKey = (key: unknown): string => {
  if (!key) throw new Error('Persistence key required')
  if (typeof key !== 'string') throw new Error('Persistence key must be a string')
  return key
}

/** After how many events a snapshot is due; Infinity: never. **Errors**: Error for what is no number. */
export const snapshotEveryOf = (snapshotEvery: unknown): number => {
  if (!snapshotEvery) return Number.POSITIVE_INFINITY
  if (typeof snapshotEvery !== 'number')
    throw new Error('snapshotEvery should be specified as a number: of messages persisted between snapshots')
  return snapshotEvery
}

/** How far a recovery has come: the state, the index of the last event that made it, and its number. */
type Progress = readonly [state: unknown, index: number, sequenceNumber: number]

/** An actor that recovers from its engine's snapshot and events before its first message, and after every reset. */
class PersistentActor extends Actor {
  private readonly key: string
  private readonly engine: PersistenceEngine
  private readonly snapshotEvery: number
  private readonly encode: (message: unknown) => unknown
  private readonly decode: (data: unknown) => unknown
  private readonly encodeSnapshot: (state: unknown) => unknown
  private readonly decodeSnapshot: (data: unknown) => unknown
  private sequenceNumber = 0
  private messagesToNextSnapshot = Number.POSITIVE_INFINITY
  /** Settles when the writes under way have; null: there are none. */
  private writing: Promise<void> | null = null

  constructor(
    parent: Actor | NactSystem,
    handler: Handler,
    key: unknown,
    name: unknown,
    properties: Properties & Coding,
  ) {
    super(parent, handler, name, properties)
    this.key = checkKey(key)
    this.engine = parent.system.persistenceEngine as PersistenceEngine
    this.snapshotEvery = snapshotEveryOf(properties.snapshotEvery)
    this.encode = properties.encoder ?? same
    this.decode = properties.decoder ?? same
    this.encodeSnapshot = properties.snapshotEncoder ?? same
    this.decodeSnapshot = properties.snapshotDecoder ?? same
    // It has its recovery in hand from the beginning.
    this.isHandling = true
  }

  override createContext(sender: unknown): Context {
    return { ...super.createContext(sender), persist: this.persist } as Context
  }

  protected override start(): Promise<void> {
    const failed = super.start()
    return failed === null ? this.recover() : failed.then(() => this.recover())
  }

  protected override async restart(): Promise<void> {
    await super.restart()
    await this.recover()
  }

  protected override afterMessage(): void {
    if (this.messagesToNextSnapshot > 0) return
    this.messagesToNextSnapshot = this.snapshotEvery
    const { state } = this
    // It covers what the state was made of, some of which may still be on its way.
    if (this.writing === null) void this.takeSnapshot(state)
    else void this.writing.then(() => this.takeSnapshot(state))
  }

  /** One write at a time, each with the number after the last that succeeded. */
  private readonly persist = (
    message: unknown,
    tags: readonly string[] = [],
    ...properties: readonly unknown[]
  ): Promise<void> => {
    this.messagesToNextSnapshot--
    const write = async (): Promise<void> => {
      const sequenceNumber = this.sequenceNumber + 1
      await this.engine.persist(new PersistedEvent(this.encode(message), sequenceNumber, this.key, tags), ...properties)
      this.sequenceNumber = sequenceNumber
    }
    const written = this.writing === null ? write() : this.writing.then(write)
    const settle = (): void => {
      if (this.writing === settled) this.writing = null
    }
    const settled = written.then(settle, settle)
    this.writing = settled
    // Another promise, so that a failure that nobody looks at is an unhandled one still.
    return written.then()
  }

  private async takeSnapshot(state: unknown): Promise<void> {
    try {
      const snapshot = new PersistedSnapshot(this.encodeSnapshot(state), this.sequenceNumber, this.key)
      await this.engine.takeSnapshot(snapshot)
    } catch (error) {
      this.complain('a snapshot could not be taken', error)
    }
  }

  private async recover(): Promise<void> {
    if (this.stopped) return
    await this.writing
    this.sequenceNumber = 0
    try {
      if (this.engine === undefined)
        throw new Error('a persistent actor needs an engine: start its system with configurePersistence(engine)')
      const snapshot = await this.engine.latestSnapshot(this.key)
      if (snapshot) {
        this.state = this.decodeSnapshot(snapshot.data)
        this.sequenceNumber = snapshot.sequenceNumber
      }
      const first: Promise<Progress | null> = Promise.resolve([this.state, 0, this.sequenceNumber])
      const progress = await this.engine
        .events(this.key, this.sequenceNumber)
        .reduce(async (before, event, index) => this.replay(await before, event, index), first)
      if (progress === null) return
      this.state = progress[0]
      this.messagesToNextSnapshot = this.snapshotEvery - progress[1]
      this.sequenceNumber = progress[2]
      this.afterMessage()
    } catch (error) {
      await this.fail(undefined, undefined, error)
    }
  }

  /** Null: the recovery is over, since the actor was stopped or is to be reset. */
  private async replay(before: Progress | null, event: PersistedEvent, index: number): Promise<Progress | null> {
    if (before === null) return null
    const [state, lastIndex] = before
    if (event.isDeleted) return [state, lastIndex, event.sequenceNumber]
    const message = this.decode(event.data)
    const context = { ...this.createContext(this.reference), recovering: true }
    try {
      const next = await this.handler.call(context, state, message, context)
      return [next, index, event.sequenceNumber]
    } catch (error) {
      await this.fail(message, undefined, error)
      return this.stopped || this.isToBeReset ? null : [state, lastIndex, event.sequenceNumber]
    }
  }
}

/** As nact's `spawnPersistent`; its types are the index's. */
export const spawnPersistent = (
  parent: unknown,
  f: Handler,
  key: unknown,
  name?: unknown,
  properties: Properties & Coding = {},
): ActorReference => spawnActor(parent, concrete => new PersistentActor(concrete, f, key, name, properties))
