import { systemPorts } from '../../../base/ports.ts'

/** What nact's programs keep their events in: the contract of an engine, and what goes through it. */

export interface PersistenceEngine {
  /** The events after the first `offset`, in order: an array, or what reduces like one. */
  events(key: string, offset: number, limit?: number, tags?: readonly string[]): EventStream
  latestSnapshot(key: string): Promise<PersistedSnapshot | undefined>
  takeSnapshot(snapshot: PersistedSnapshot): Promise<unknown>
  persist(event: PersistedEvent, ...properties: readonly unknown[]): Promise<unknown>
}

/** `step` may be async, as nact's own are: it is given what it gave, or a promise of it. */
export interface EventStream {
  reduce<Result>(
    step: (previous: Result, event: PersistedEvent, index: number) => Result,
    first: Result,
  ): Promise<Result>
}

/** Units: ms since 1970. Through Date, so that a program that sets its clock by Date's methods is heard. */
const nowMs = (): number => new Date(systemPorts.clock.nowMs()).getTime()

export class PersistedSnapshot {
  readonly data: unknown
  /** Of the last event that it covers. */
  readonly sequenceNumber: number
  readonly key: string
  readonly createdAt: number

  constructor(data: unknown, sequenceNumber: number, key: string, createdAt = nowMs()) {
    checkNumber(sequenceNumber)
    this.data = data
    this.sequenceNumber = sequenceNumber
    this.key = key
    this.createdAt = createdAt
  }
}

export class PersistedEvent {
  readonly data: unknown
  /** Sorted. */
  tags: string[]
  /** From 1. */
  readonly sequenceNumber: number
  readonly key: string
  readonly createdAt: number
  readonly isDeleted: boolean

  /** **Errors**: Error for tags that are no array of strings, and a number that is none. */
  constructor(
    data: unknown,
    sequenceNumber: number,
    key: string,
    tags: readonly string[] = [],
    createdAt = nowMs(),
    isDeleted = false,
  ) {
    if (!Array.isArray(tags) || tags.some(tag => typeof tag !== 'string'))
      throw new Error('tags should be a string array')
    checkNumber(sequenceNumber)
    this.data = data
    this.tags = (tags as string[]).sort()
    this.sequenceNumber = sequenceNumber
    this.key = key
    this.createdAt = createdAt
    this.isDeleted = isDeleted
  }
}

/** For engines written as classes: each of its methods is to be overridden. */
export class AbstractPersistenceEngine implements PersistenceEngine {
  events(_key: string, _offset: number, _limit?: number, _tags?: readonly string[]): EventStream {
    throw notWritten('events')
  }

  latestSnapshot(_key: string): Promise<PersistedSnapshot | undefined> {
    throw notWritten('latestSnapshot')
  }

  takeSnapshot(_snapshot: PersistedSnapshot): Promise<unknown> {
    throw notWritten('takeSnapshot')
  }

  persist(_event: PersistedEvent, ..._properties: readonly unknown[]): Promise<unknown> {
    throw notWritten('persist')
  }
}

const notWritten = (method: string): Error => new Error(`this persistence engine has no ${method}(): override it`)

const checkNumber = (sequenceNumber: unknown): void => {
  if (typeof sequenceNumber !== 'number')
    throw new Error(`a sequence number must be a number, not ${typeof sequenceNumber}`)
}
