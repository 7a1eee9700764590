import { isRuntimeError, RuntimeError } from '../../base/errors.ts'
import type { EventStore } from '../../persistence/event-store.ts'
import type { StoredAppend } from '../../persistence/journal.ts'
import type { Follower } from '../../persistence/partition-writer.ts'
import { LogMessage, type LogReader } from './log-message.ts'
import { Progress } from './progress.ts'

/** What a reader takes of the log, and how much of it at once. */
export interface Reading {
  readonly group: string
  readonly events: ReadonlySet<string>
  readonly commands: ReadonlySet<string>
  readonly heldMax: number
  readonly page: number
  readonly wake: () => void
  readonly fail: (error: Error) => void
}

const RETRY_MS = 250
/** So far may the cursor be behind while nothing that is wanted is under way. Units: records. */
const CURSOR_LAG_MAX = 1_024
/** Appends read at once to find messages again. */
const AGAIN_PAGE = 64

/** Reads the log of one partition, behind or live, and keeps its group's cursor. */
export class PartitionReader implements Follower, LogReader {
  private readonly store: EventStore
  private readonly partition: number
  private readonly reading: Reading
  private readonly unfollow: () => void
  /** Found and not yet taken: `held[taken…]`. */
  private held: LogMessage[] = []
  private taken = 0
  /** Of what was taken. */
  private readonly progress = new Progress()
  /** Position up to which the log was looked through. */
  private scanned: number
  private cursor: number
  private live = false
  private fetching = false
  private closed = false

  constructor(store: EventStore, partition: number, reading: Reading) {
    this.store = store
    this.partition = partition
    this.reading = reading
    this.cursor = store.cursor(partition, reading.group)
    this.scanned = this.cursor
    // Stored where it begins, too: so that nothing that it has yet to come to is dropped.
    store.moveCursor(partition, reading.group, this.cursor)
    this.unfollow = store.follow(partition, this)
    this.catchUp()
  }

  next(): LogMessage | null {
    if (this.taken === this.held.length) {
      if (!this.live) this.catchUp()
      return null
    }
    const message = this.held[this.taken++]!
    if (this.taken === this.held.length) {
      this.held = []
      this.taken = 0
    }
    this.progress.begin(message.position)
    return message
  }

  done({ position }: LogMessage): void {
    if (!this.closed && this.progress.done(position)) this.moveCursor(0)
  }

  get givenTo(): number {
    const next = this.held[this.taken]
    return next === undefined ? this.scanned : next.position - 1
  }

  /** **Errors**: JOURNAL_CORRUPT where one is not there; those of the journal. */
  async again(positions: readonly number[]): Promise<readonly LogMessage[]> {
    const messages: LogMessage[] = []
    while (messages.length < positions.length) {
      const wanted = positions[messages.length]!
      for (const append of await this.store.journal.readLog(this.partition, wanted, AGAIN_PAGE)) {
        const end = append.position + append.records.length
        for (let next = positions[messages.length]; next !== undefined && next < end; ) {
          if (next < append.position) break
          messages.push(new LogMessage(this, append, next))
          next = positions[messages.length]
        }
      }
      if (positions[messages.length] === wanted)
        throw new RuntimeError(
          'JOURNAL_CORRUPT',
          `${this.store.journal.name}: record ${wanted} of partition ${this.partition} was there and is not found again`,
        )
    }
    return messages
  }

  committed(appends: readonly StoredAppend[]): void {
    if (!this.live) {
      if (this.held.length === 0) this.catchUp()
      return
    }
    const before = this.held.length
    for (const append of appends) {
      if (append.position <= this.scanned) continue
      // A gap: another writer's records lie between. They are in the journal, and only there.
      if (append.position !== this.scanned + 1 || this.held.length - this.taken >= this.reading.heldMax) {
        this.live = false
        this.catchUp()
        break
      }
      this.scan(append)
    }
    if (before === 0 && this.held.length > 0) this.reading.wake()
    this.moveCursor(CURSOR_LAG_MAX)
  }

  close(): void {
    if (this.closed) return
    this.moveCursor(0)
    this.closed = true
    this.unfollow()
  }

  private scan(append: StoredAppend): void {
    const { records } = append
    const { events, commands } = this.reading
    for (let i = 0; i < records.length; i++) {
      const { kind, type } = records[i]!
      if (append.position + i <= this.scanned) continue
      if ((kind === 'event' ? events : commands).has(type))
        this.held.push(new LogMessage(this, append, append.position + i))
    }
    this.scanned = append.position + records.length - 1
  }

  /**
   * Everything below the first message that is not done is done; with none, everything that was looked through. A cursor
   * costs a write, so what is no more than `lag` ahead waits.
   */
  private moveCursor(lag: number): void {
    const lowest = this.progress.lowest
    const cursor = lowest === 0 ? this.givenTo : lowest - 1
    if (cursor <= this.cursor + lag) return
    this.cursor = cursor
    this.store.moveCursor(this.partition, this.reading.group, cursor)
  }

  private catchUp(): void {
    if (this.fetching || this.closed) return
    if (this.scanned >= this.store.lastPosition(this.partition)) {
      this.live = true
      return
    }
    this.fetching = true
    this.store.journal.readLog(this.partition, this.scanned + 1, this.reading.page).then(
      appends => this.fetched(appends),
      error => this.notFetched(error),
    )
  }

  private fetched(appends: readonly StoredAppend[]): void {
    this.fetching = false
    if (this.closed) return
    // The journal may show what is written and not yet durable; that is nobody's business.
    const durable = this.store.lastPosition(this.partition)
    for (const append of appends) if (append.position + append.records.length - 1 <= durable) this.scan(append)
    this.moveCursor(CURSOR_LAG_MAX)
    if (this.held.length > this.taken) this.reading.wake()
    else if (appends.length > 0 || this.scanned >= durable) this.catchUp()
    else this.store.ports.clock.after(RETRY_MS, () => this.catchUp())
  }

  private notFetched(error: unknown): void {
    this.fetching = false
    if (this.closed) return
    if (isRuntimeError(error, 'JOURNAL_CORRUPT')) {
      this.reading.fail(error)
      return
    }
    const { clock, logger } = this.store.ports
    const what = `log of partition ${this.partition} not read from ${this.scanned + 1}`
    logger.log('warn', `${this.reading.group}: ${what}`, { error })
    clock.after(RETRY_MS, () => this.catchUp())
  }
}
