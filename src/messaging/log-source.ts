import { isRuntimeError } from '../base/errors.ts'
import type { EventStore, Follower } from '../persistence/event-store.ts'
import { recordId, type StoredAppend } from '../persistence/journal.ts'
import type { MessageSource, SourceMessage } from './message-source.ts'

export interface LogFilter {
  /** Types of events to take. */
  readonly events?: readonly string[]
  /** Addresses whose commands to take. */
  readonly commands?: readonly string[]
}

export interface LogSourceOptions {
  /** Messages held in memory per partition, beyond which a reader counts as behind and reads the journal. Default: 8,192. */
  readonly heldMax?: number
  /** Appends read at once by a reader that is behind. Default: 1,024. */
  readonly page?: number
}

/**
 * Reads the store's own log as a bus: what is durable is on it already.
 *
 * A reader that keeps up is handed each commit as it becomes durable, decoded as its writer had it; one that falls
 * behind, or begins, reads the journal until it has caught up. **Bounds**: in memory per partition, `heldMax` messages and
 * those of one `page`.
 */
export const logSource = (
  store: EventStore,
  group: string,
  filter: LogFilter,
  { heldMax = 8_192, page = 1_024 }: LogSourceOptions = {},
): MessageSource => new LogSource(store, group, filter, heldMax, page)

class LogSource implements MessageSource {
  readonly group: string
  private readers: PartitionReader[] = []
  private readonly store: EventStore
  private readonly filter: LogFilter
  private readonly heldMax: number
  private readonly page: number
  private turn = 0

  constructor(store: EventStore, group: string, filter: LogFilter, heldMax: number, page: number) {
    this.store = store
    this.group = group
    this.filter = filter
    this.heldMax = heldMax
    this.page = page
  }

  async open(wake: () => void, fail: (error: Error) => void): Promise<void> {
    await this.close()
    const events = new Set(this.filter.events ?? [])
    const commands = new Set(this.filter.commands ?? [])
    for (let partition = 0; partition < this.store.journal.partitions; partition++)
      this.readers.push(
        new PartitionReader(this.store, this.group, partition, events, commands, this.heldMax, this.page, wake, fail),
      )
  }

  next(): SourceMessage | null {
    const { readers } = this
    for (let looked = 0; looked < readers.length; looked++) {
      const message = readers[this.turn]!.next()
      if (message !== null) return message
      this.turn = this.turn + 1 === readers.length ? 0 : this.turn + 1
    }
    return null
  }

  done(message: SourceMessage): void {
    // By the reader that gave it: the source may have been opened anew since.
    const given = message as LogMessage
    given.reader.done(given)
  }

  async close(): Promise<void> {
    for (const reader of this.readers) reader.close()
    this.readers = []
    this.turn = 0
  }
}

class LogMessage implements SourceMessage {
  readonly partition: number
  readonly position: number
  readonly type: string
  readonly payload: unknown
  readonly reader: PartitionReader
  isDone = false
  private readonly append: StoredAppend
  private readonly index: number

  constructor(reader: PartitionReader, append: StoredAppend, index: number, type: string, payload: unknown) {
    this.reader = reader
    this.partition = append.partition
    this.position = append.position + index
    this.type = type
    this.payload = payload
    this.append = append
    this.index = index
  }

  get id(): string {
    return recordId(this.append, this.index)
  }

  /** The first record of a flow gives its own id to everything that it leads to. */
  get correlationId(): string {
    return this.append.correlationId ?? this.id
  }
}

const RETRY_MS = 250

class PartitionReader implements Follower {
  private readonly store: EventStore
  private readonly group: string
  private readonly partition: number
  private readonly events: ReadonlySet<string>
  private readonly commands: ReadonlySet<string>
  private readonly heldMax: number
  private readonly page: number
  private readonly wake: () => void
  private readonly fail: (error: Error) => void
  private readonly unfollow: () => void
  /** Found and not yet taken: `held[taken…]`. */
  private held: LogMessage[] = []
  private taken = 0
  /** Taken, in order; done ones leave from the front: `underWay[finished…]`. */
  private underWay: LogMessage[] = []
  private finished = 0
  /** Position up to which the log was looked through. */
  private scanned: number
  private live = false
  private fetching = false
  private closed = false

  constructor(
    store: EventStore,
    group: string,
    partition: number,
    events: ReadonlySet<string>,
    commands: ReadonlySet<string>,
    heldMax: number,
    page: number,
    wake: () => void,
    fail: (error: Error) => void,
  ) {
    this.store = store
    this.group = group
    this.partition = partition
    this.events = events
    this.commands = commands
    this.heldMax = heldMax
    this.page = page
    this.wake = wake
    this.fail = fail
    this.scanned = store.cursor(partition, group)
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
    this.underWay.push(message)
    return message
  }

  done(message: LogMessage): void {
    if (this.closed) return
    message.isDone = true
    const { underWay } = this
    while (this.finished < underWay.length && underWay[this.finished]!.isDone) this.finished++
    if (this.finished === underWay.length) {
      this.underWay = []
      this.finished = 0
    } else if (this.finished > 1_024 && this.finished * 2 > underWay.length) {
      this.underWay = underWay.slice(this.finished)
      this.finished = 0
    }
    this.moveCursor()
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
      if (append.position !== this.scanned + 1 || this.held.length - this.taken >= this.heldMax) {
        this.live = false
        this.catchUp()
        break
      }
      this.scan(append)
    }
    if (before === 0 && this.held.length > 0) this.wake()
  }

  close(): void {
    this.closed = true
    this.unfollow()
  }

  private scan(append: StoredAppend): void {
    const { records } = append
    for (let i = 0; i < records.length; i++) {
      const { kind, type, payload } = records[i]!
      if (append.position + i <= this.scanned) continue
      if ((kind === 'event' ? this.events : this.commands).has(type))
        this.held.push(new LogMessage(this, append, i, type, payload))
    }
    this.scanned = append.position + records.length - 1
  }

  /** Everything below the first message that is not done is done; with none, everything that was looked through. */
  private moveCursor(): void {
    const first = this.underWay[this.finished] ?? this.held[this.taken]
    this.store.moveCursor(this.partition, this.group, first === undefined ? this.scanned : first.position - 1)
  }

  private catchUp(): void {
    if (this.fetching || this.closed) return
    if (this.scanned >= this.store.lastPosition(this.partition)) {
      this.live = true
      return
    }
    this.fetching = true
    this.store.journal.readLog(this.partition, this.scanned + 1, this.page).then(
      appends => this.fetched(appends),
      error => {
        this.fetching = false
        if (this.closed) return
        if (isRuntimeError(error, 'JOURNAL_CORRUPT')) {
          this.fail(error)
          return
        }
        const { clock, logger } = this.store.ports
        logger.log('warn', `${this.group}: log of partition ${this.partition} not read from ${this.scanned + 1}`, {
          error,
        })
        clock.after(RETRY_MS, () => this.catchUp())
      },
    )
  }

  private fetched(appends: readonly StoredAppend[]): void {
    this.fetching = false
    if (this.closed) return
    // The journal may show what is written and not yet durable; that is nobody's business.
    const durable = this.store.lastPosition(this.partition)
    for (const append of appends) if (append.position + append.records.length - 1 <= durable) this.scan(append)
    if (this.held.length > this.taken) this.wake()
    else if (appends.length > 0 || this.scanned >= durable) this.catchUp()
    else this.store.ports.clock.after(RETRY_MS, () => this.catchUp())
  }
}
