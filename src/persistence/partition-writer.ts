import { isRuntimeError, RuntimeError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Cancel, Clock, Executor, Random } from '../base/ports.ts'
import { furthestOf } from './cursor.ts'
import type { Append, AppendResult, Journal, StoredAppend } from './journal.ts'
import type { PendingAppend } from './pending-append.ts'
import { tombstoned } from './tombstone.ts'
import { writeRejected } from './write-failed.ts'

/**
 * Reads a partition's log live. Called in the order of positions, for what is durable, before its writers are told; also
 * for a write whose answer was lost, once it is found in the log. What other writers put there is left out.
 */
export interface Follower {
  committed(appends: readonly StoredAppend[]): void
}

/** What an event store needs of the world; `systemPorts` and a logger by default. */
export interface EventStorePorts {
  readonly clock: Clock
  readonly random: Random
  readonly executor: Executor
  readonly logger: Logger
}

/** Most appends in one write. A larger group costs memory and latency and saves nothing more. */
const GROUP_MAX = 1_024
/**
 * How much of the time that the last write took the next one may wait for what that write sets off. With more, a store whose
 * actors are slower than its disk would keep that waiting.
 */
const GATHER_SHARE = 0.5
/** Shorter waits gather less than they cost. Units: ms. */
const GATHER_MS_MIN = 0.1
/** How long a cursor may be ahead of the stored one while nothing else is written. Units: ms. */
const CURSOR_DELAY_MS = 250
/** A warning of the same kind is not repeated before, while nothing has succeeded since. Units: ms. */
const WARNING_REST_MS = 10_000
/** How long until the log is looked at again for a write whose answer was lost, while nothing else is written. Units: ms. */
const LOST_RETRY_MS = 250

/**
 * Writes one partition's log for the event store, one write under way at a time, and tells its followers and the writers of
 * appends what has become durable.
 */
export class PartitionWriter {
  readonly cursors: Map<string, number>
  position: number
  private readonly journal: Journal
  private readonly partition: number
  private readonly ports: EventStorePorts
  private readonly announceFenced: (error: RuntimeError) => void
  private readonly followers = new Set<Follower>()
  private queue: PendingAppend[] = []
  private underWay: readonly PendingAppend[] = []
  private writing: Promise<void> | null = null
  private writingSinceMs = 0
  private scheduled = false
  /** Until when the next write may wait for what the last one sets off; 0: it does not wait. */
  private gatherUntilMs = 0
  private cursorsMoved = false
  private cursorTimer: Cancel | null = null
  /** A write failed that may stand in the log all the same. */
  private mayHaveLost = false
  private lostTimer: Cancel | null = null
  private refusal: RuntimeError | null = null
  private readonly quietUntilMs = new Map<string, number>()
  private readonly flush = (): void => this.write()

  constructor(
    journal: Journal,
    partition: number,
    ports: EventStorePorts,
    position: number,
    cursors: ReadonlyMap<string, number>,
    announceFenced: (error: RuntimeError) => void,
  ) {
    this.journal = journal
    this.partition = partition
    this.ports = ports
    this.position = position
    this.cursors = new Map(cursors)
    this.announceFenced = announceFenced
  }

  add(append: PendingAppend): void {
    this.queue.push(append)
    if (this.scheduled || this.writing !== null) return
    this.scheduled = true
    if (this.gatherUntilMs > 0 && this.ports.clock.monotonicMs() < this.gatherUntilMs) this.gather()
    else this.ports.executor.soon(this.flush)
  }

  abandon(persistenceId: string): Promise<void> | null {
    this.queue = this.queue.filter(append => append.persistenceId !== persistenceId)
    return this.underWay.some(append => append.persistenceId === persistenceId) ? this.writing : null
  }

  follow(follower: Follower): () => void {
    this.followers.add(follower)
    return () => this.followers.delete(follower)
  }

  moveCursor(group: string, position: number): void {
    if (this.cursors.get(group) === position) return
    this.cursors.set(group, position)
    this.cursorsMoved = true
    this.saveCursorsSoon()
  }

  async close(): Promise<void> {
    while (this.writing !== null || this.queue.length > 0) {
      if (this.writing === null) this.write()
      await this.writing
    }
    this.refusal ??= new RuntimeError('JOURNAL_CLOSED', `${this.journal.name} has been closed`)
    this.cursorTimer?.()
    this.lostTimer?.()
    if (!this.cursorsMoved || this.refusal.code !== 'JOURNAL_CLOSED') return
    try {
      await this.journal.saveCursors(this.partition, this.cursors)
    } catch (error) {
      this.cursorsNotStored(error)
    }
  }

  /** The log is known to end at `position`, or after it. */
  reaches(position: number): void {
    this.position = Math.max(this.position, position)
  }

  fence(error: RuntimeError): void {
    if (this.refusal === null) this.refuseFromNowOn(error)
  }

  private write(): void {
    this.scheduled = false
    if (this.writing !== null || this.queue.length === 0) return
    const group = this.queue.length <= GROUP_MAX ? this.queue : this.queue.slice(0, GROUP_MAX)
    this.queue = this.queue.length <= GROUP_MAX ? [] : this.queue.slice(GROUP_MAX)
    if (this.refusal !== null) {
      for (const append of group) append.owner.appendFailed(append, this.refusal)
      return
    }
    // One beyond what this writer knows of, where others write too, is stored alone: the journal asks how far they are.
    const cursors = this.cursorsMoved && furthestOf(this.cursors) <= this.position ? this.cursors : undefined
    if (cursors !== undefined) this.cursorsMoved = false
    this.underWay = group
    this.writingSinceMs = this.ports.clock.monotonicMs()
    const committed = this.mayHaveLost
      ? this.findLost().then(() => this.journal.commit(this.partition, group, cursors))
      : this.journal.commit(this.partition, group, cursors)
    this.writing = committed.then(
      results => this.written(group, results),
      error => this.failed(group, toError(error)),
    )
  }

  private written(group: readonly PendingAppend[], results: readonly AppendResult[]): void {
    const stored = group.every((_, i) => results[i]?.status === 'written')
      ? group
      : group.filter((_, i) => results[i]?.status === 'written')
    group.forEach((append, i) => {
      const result = results[i]
      if (result?.status === 'written') append.position = result.position
    })
    const behind = stored === group ? NO_APPENDS : this.withdraw(group.filter(append => !stored.includes(append)))
    const last = stored.at(-1)
    if (last !== undefined) this.reaches(last.position + last.records.length - 1)
    if (this.quietUntilMs.size > 0) this.quietUntilMs.clear()
    this.next()
    if (last !== undefined) this.tellFollowers(stored)
    group.forEach((append, i) => {
      const result = results[i]
      if (result?.status === 'written') append.owner.appended(append)
      else append.owner.appendFailed(append, this.refused(append, result))
    })
    for (const append of behind) append.owner.appendFailed(append, conflict(append, -1))
  }

  private refused(append: Append, result: Refusal | undefined): RuntimeError {
    switch (result?.status) {
      case 'tombstoned':
        return tombstoned(this.journal.name, append.persistenceId)
      case 'deleted':
        return placeDeleted(append, result.deletedTo)
      default:
        return conflict(append, result?.actualSequenceNr ?? -1)
    }
  }

  private async failed(group: readonly PendingAppend[], error: Error): Promise<void> {
    const failure = error instanceof RuntimeError ? error : unknownOutcome(this.journal.name, error)
    this.cursorsMoved = true
    if (isFinal(failure)) this.refuseFromNowOn(failure)
    else await this.tryToFindLost()
    const behind = this.withdraw(group)
    this.next()
    for (const append of group) append.owner.appendFailed(append, failure)
    for (const append of behind) append.owner.appendFailed(append, writeRejected(append.persistenceId, failure))
  }

  private refuseFromNowOn(failure: RuntimeError): void {
    this.refusal = failure
    if (failure.code === 'JOURNAL_FENCED') this.announceFenced(failure)
  }

  /** Takes out of the queue what builds on appends that were not written: none of it may slip in by a number that fits. */
  private withdraw(notWritten: readonly PendingAppend[]): readonly PendingAppend[] {
    const ids = new Set(notWritten.map(append => append.persistenceId))
    const behind = this.queue.filter(append => ids.has(append.persistenceId))
    if (behind.length > 0) this.queue = this.queue.filter(append => !ids.has(append.persistenceId))
    return behind
  }

  private tellFollowers(appends: readonly StoredAppend[]): void {
    for (const follower of this.followers) follower.committed(appends)
  }

  /**
   * Reads what stands in the log beyond the last position that is known. Followers would otherwise learn of it with the
   * next write only, and there may be none. **Errors**: those of the journal; then it is tried again, at the latest before
   * the next write.
   */
  private async findLost(): Promise<void> {
    for (;;) {
      const appends = await this.journal.readLog(this.partition, this.position + 1, GROUP_MAX)
      const found = appends.filter(append => append.position > this.position)
      const last = found.at(-1)
      if (last === undefined) break
      this.position = last.position + last.records.length - 1
      this.tellFollowers(found)
    }
    this.mayHaveLost = false
  }

  private async tryToFindLost(): Promise<void> {
    this.mayHaveLost = true
    try {
      await this.findLost()
    } catch (error) {
      this.warn(`${this.journal.name}: log of partition ${this.partition} not read`, error)
      this.lostTimer ??= this.ports.clock.after(LOST_RETRY_MS, () => this.lookAgain())
    }
  }

  private lookAgain(): void {
    this.lostTimer = null
    // A write that is under way looks first, and by itself.
    if (!this.mayHaveLost || this.writing !== null || this.refusal !== null) return
    this.writingSinceMs = this.ports.clock.monotonicMs()
    this.writing = this.tryToFindLost().then(() => this.next())
  }

  /**
   * The next write begins before anybody hears of the last one, so that disk and processor work at the same time. Where
   * the disk is the slower one, what the last write sets off goes along instead: otherwise its actors and those that wait
   * already would take turns for ever, in two writes of half the size.
   */
  private next(): void {
    this.writing = null
    this.underWay = []
    const nowMs = this.ports.clock.monotonicMs()
    const gatherMs = (nowMs - this.writingSinceMs) * GATHER_SHARE
    this.gatherUntilMs = gatherMs < GATHER_MS_MIN ? 0 : nowMs + gatherMs
    if (this.queue.length === 0) return
    if (this.gatherUntilMs === 0) this.write()
    else {
      this.scheduled = true
      this.gather()
    }
  }

  /** Writes once a turn of the event loop brings no more appends, or the time for it is over. */
  private gather(): void {
    const before = this.queue.length
    this.ports.executor.later(() => {
      const grows = this.queue.length > before && this.queue.length < GROUP_MAX
      if (grows && this.ports.clock.monotonicMs() < this.gatherUntilMs) this.gather()
      else this.write()
    })
  }

  private saveCursorsSoon(): void {
    if (this.cursorTimer === null && this.refusal === null)
      this.cursorTimer = this.ports.clock.after(CURSOR_DELAY_MS, () => this.saveCursors())
  }

  private saveCursors(): void {
    this.cursorTimer = null
    if (!this.cursorsMoved || this.refusal !== null) return
    if (this.writing !== null) {
      // It may have begun before they moved.
      this.saveCursorsSoon()
      return
    }
    this.cursorsMoved = false
    this.journal.saveCursors(this.partition, this.cursors).then(
      () => this.quietUntilMs.clear(),
      error => {
        this.cursorsMoved = true
        // Another writer has the store: that is said once, and the cursors are its own now.
        if (isFinal(error)) this.refuseFromNowOn(error)
        else this.cursorsNotStored(error)
        this.saveCursorsSoon()
      },
    )
  }

  private cursorsNotStored(error: unknown): void {
    this.warn(`${this.journal.name}: cursors of partition ${this.partition} not stored`, error)
  }

  /** What is tried again and again is said now and then. */
  private warn(text: string, error: unknown): void {
    const nowMs = this.ports.clock.monotonicMs()
    if (nowMs < (this.quietUntilMs.get(text) ?? 0)) return
    this.quietUntilMs.set(text, nowMs + WARNING_REST_MS)
    this.ports.logger.log('warn', text, { error })
  }
}

/** No later call will succeed. */
const isFinal = (error: unknown): error is RuntimeError =>
  isRuntimeError(error, 'JOURNAL_FENCED') || isRuntimeError(error, 'JOURNAL_CLOSED')

const NO_APPENDS: readonly PendingAppend[] = []

type Refusal = Exclude<AppendResult, { readonly status: 'written' }>

const placeDeleted = (append: Append, deletedTo: number): RuntimeError =>
  new RuntimeError(
    'JOURNAL_DELETED',
    `${append.persistenceId}: append expected sequence number ${append.expectedSequenceNr}, and everything up to ` +
      `${deletedTo} was deleted, so nobody can say whether it had been written. Recover the id and look before deciding again.`,
  )

const conflict = (append: Append, actual: number): RuntimeError =>
  new RuntimeError(
    'JOURNAL_SEQUENCE_CONFLICT',
    `${append.persistenceId}: append expected sequence number ${append.expectedSequenceNr}, ` +
      `${actual < 0 ? 'and the one before it was refused' : `journal is at ${actual}`}. Another writer owns this persistence id: recover it and decide again.`,
    { retryable: true },
  )

const unknownOutcome = (journal: string, cause: Error): RuntimeError =>
  new RuntimeError('JOURNAL_UNAVAILABLE', `${journal}: write failed, its outcome is unknown: ${cause.message}`, {
    cause,
    retryable: true,
  })
