import { isRuntimeError, RuntimeError, shown, toError } from '../../base/errors.ts'
import { cloudEventOfObject } from '../../messaging/cloud-event.ts'
import { Progress } from '../../messaging/log/progress.ts'
import type { MessageSource, SourceMessage } from '../../messaging/message-source.ts'
import { isCount } from '../../persistence/event-sourced.ts'
import { EventStore } from '../../persistence/event-store.ts'
import { cursorOf } from './cursor.ts'
import {
  CLIENT_KEYS,
  checkClient,
  type FeedClientOptions,
  type FeedCloudEvent,
  type FeedDelivery,
  feedMisconfigured,
  settingsOf,
} from './options.ts'
import { FeedPages } from './pages.ts'
import { pollFeed } from './poller.ts'
import { subscribeFeed } from './subscriber.ts'

export interface FeedBusOptions extends Omit<FeedClientOptions, 'after' | 'signal'> {
  /** Keeps the cursor. */
  readonly store: EventStore
  /** Stable for ever: the cursor's name in the store. */
  readonly group: string
  /** Types of events to take. Default: all. */
  readonly events?: readonly string[]
  /** `sse`: as they come. `poll`: by pages. Default: `sse`. */
  readonly transport?: 'poll' | 'sse'
  readonly minIntervalMs?: number
  readonly waitSeconds?: number
  readonly subscriptionId?: string
  /** Messages held in memory that a bridge has not taken yet. Default: 1,024. */
  readonly heldMax?: number
}

/**
 * A remote feed as the bus of a message bridge: `messageBridge({ source: feedBus('https://…/streams/NAME', { … }), … })`.
 * A message's position is its number in the feed, its payload the event's data.
 *
 * **Delivery**: at least once, and an event-sourced receiver stores its effect once, as from a log; where the feed begins
 * another incarnation, what that has beyond their agreement comes as new. **Order**: the feed's. **Bounds**: `heldMax`
 * messages. **Errors**: FEED_MISCONFIGURED, thrown, for a URL or options that do not fit. An event that is no CloudEvent is
 * parked. A refusal for good fails the bridge. A server that is away is waited for; the store's logger is told, or `logger`.
 */
export const feedBus = (url: string, options: FeedBusOptions): MessageSource => {
  checkBus(url, options)
  return new FeedBus(url, { logger: options.store.ports.logger, ...options })
}

const KEYS = [
  ...CLIENT_KEYS.filter(key => key !== 'after' && key !== 'signal'),
  'store',
  'group',
  'events',
  'transport',
  'minIntervalMs',
  'waitSeconds',
  'subscriptionId',
  'heldMax',
]

const checkBus = (url: string, options: FeedBusOptions): void => {
  checkClient('feedBus', url, options, KEYS)
  const refuse = (field: string, mustBe: string, value: unknown): RuntimeError =>
    feedMisconfigured(`feedBus: ${field} must be ${mustBe}, not ${shown(value)}`)
  const { store, group, events, transport = 'sse', heldMax = 1 } = options
  if (!(store instanceof EventStore)) throw refuse('store', 'an EventStore', store)
  if (typeof group !== 'string' || group === '') throw refuse('group', 'a text of at least one character', group)
  if (events !== undefined && (!Array.isArray(events) || events.length === 0))
    throw refuse('events', 'a list of at least one type', events)
  if (transport !== 'sse' && transport !== 'poll') throw refuse('transport', 'sse or poll', transport)
  if (!isCount(heldMax)) throw refuse('heldMax', 'a whole number of at least 1', heldMax)
}

class FeedBus implements MessageSource {
  readonly group: string
  private readonly url: string
  private readonly options: FeedBusOptions
  private reading: Reading | null = null

  constructor(url: string, options: FeedBusOptions) {
    this.url = url
    this.options = options
    this.group = options.group
  }

  async open(wake: () => void, fail: (error: Error) => void): Promise<void> {
    await this.close()
    this.reading = new Reading(this.url, this.options, wake, fail)
  }

  next(): SourceMessage | null {
    return this.reading?.next() ?? null
  }

  done(message: SourceMessage): void {
    // By the opening that gave it: another one counts anew.
    const given = message as FeedMessage
    given.reading.done(given)
  }

  async again(partition: number, positions: readonly number[]): Promise<readonly SourceMessage[]> {
    if (this.reading === null)
      throw new RuntimeError('BRIDGE_STOPPED', `${this.group} does not read its feed now`, { retryable: true })
    return this.reading.again(partition, positions)
  }

  givenTo(partition: number): number {
    return this.reading?.givenTo(partition) ?? 0
  }

  async close(): Promise<void> {
    this.reading?.close()
    this.reading = null
  }
}

/** What one opening of the source reads. */
class Reading {
  private readonly url: string
  private readonly options: FeedBusOptions
  private readonly wake: () => void
  private readonly pages: FeedPages
  private readonly wanted: ReadonlySet<string> | null
  private readonly heldMax: number
  private readonly stop = new AbortController()
  private incarnation: string | null = null
  private partition = -1
  private held: FeedMessage[] = []
  private taken = 0
  private progress = new Progress()
  private scanned = 0
  private stored = 0
  /** Called when there is room again, and when nothing is under way. */
  private room: (() => void) | null = null
  private idle: (() => void) | null = null

  constructor(url: string, options: FeedBusOptions, wake: () => void, fail: (error: Error) => void) {
    this.url = url
    this.options = options
    this.wake = wake
    this.wanted = options.events === undefined ? null : new Set(options.events)
    this.heldMax = options.heldMax ?? 1_024
    this.pages = new FeedPages(url, settingsOf({ ...options, signal: this.stop.signal }))
    this.read().catch(error => {
      if (!this.stop.signal.aborted) fail(toError(error))
    })
  }

  next(): FeedMessage | null {
    if (this.taken === this.held.length) return null
    const message = this.held[this.taken++]!
    if (this.taken === this.held.length) {
      this.held = []
      this.taken = 0
    }
    if (this.held.length - this.taken < this.heldMax) {
      this.room?.()
      this.room = null
    }
    if (message.partition === this.partition) this.progress.begin(message.position)
    return message
  }

  done({ partition, position }: FeedMessage): void {
    if (partition !== this.partition || !this.progress.done(position)) return
    this.moveCursor(0)
    if (this.isIdle) this.idle?.()
  }

  givenTo(partition: number): number {
    // What was parked of another incarnation waits for nothing that this one could give.
    if (partition !== this.partition) return this.incarnation === null ? 0 : Number.MAX_SAFE_INTEGER
    const next = this.held[this.taken]
    return next === undefined ? this.scanned : next.position - 1
  }

  async again(partition: number, positions: readonly number[]): Promise<readonly FeedMessage[]> {
    const { incarnation, pageSize } = await this.pages.description()
    const messages: FeedMessage[] = []
    while (messages.length < positions.length) {
      const wanted = positions[messages.length]!
      const page = partitionOf(incarnation) === partition ? await this.pageOf(wanted, { incarnation, pageSize }) : null
      const before = messages.length
      for (let next = wanted; page !== null && next >= page.from && next <= page.to; ) {
        messages.push(new FeedMessage(this, partition, next, page.events[next - page.from]!))
        next = positions[messages.length] ?? 0
      }
      if (messages.length === before)
        throw new RuntimeError('JOURNAL_CORRUPT', `${this.url}: event ${wanted} was there and is not found again`)
    }
    return messages
  }

  close(): void {
    if (this.stop.signal.aborted) return
    this.moveCursor(0)
    this.stop.abort()
    this.room?.()
    this.idle?.()
  }

  private get isIdle(): boolean {
    return this.progress.lowest === 0 && this.taken === this.held.length
  }

  private async pageOf(number: number, feed: { incarnation: string; pageSize: number }) {
    try {
      return await this.pages.pageOf(number, feed)
    } catch (error) {
      if (isRuntimeError(error, 'FEED_REFUSED')) return null
      throw error
    }
  }

  private async read(): Promise<void> {
    const after = await this.begin()
    for await (const delivery of this.deliveries(after)) {
      if (this.stop.signal.aborted) return
      if (!delivery.cursor.startsWith(`${this.incarnation}:`)) await this.beginIncarnation(delivery)
      this.take(delivery)
      if (this.held.length - this.taken >= this.heldMax)
        await new Promise<void>(resolve => {
          this.room = resolve
        })
    }
    if (!this.stop.signal.aborted)
      throw new RuntimeError('FEED_REFUSED', `${this.url}: the subscription of ${this.options.group} was ended`)
  }

  private deliveries(after: string): AsyncIterable<FeedDelivery> {
    const { store: _store, group: _group, events: _events, heldMax: _heldMax, ...rest } = this.options
    const { transport = 'sse', minIntervalMs, waitSeconds, subscriptionId, ...shared } = rest
    const options = { ...shared, after, signal: this.stop.signal }
    return transport === 'sse'
      ? subscribeFeed(this.url, { ...options, ...(subscriptionId !== undefined && { subscriptionId }) })
      : pollFeed(this.url, {
          ...options,
          ...(minIntervalMs !== undefined && { minIntervalMs }),
          ...(waitSeconds !== undefined && { waitSeconds }),
        })
  }

  /** Where it was, by the newest incarnation that there is a cursor of. */
  private async begin(): Promise<string> {
    const { store, group } = this.options
    const { incarnation, before } = await this.pages.description()
    const known = [incarnation, ...before.map(each => each.incarnation).reverse()]
    const last = known.find(each => store.cursor(CURSOR_PARTITION, cursorGroup(group, each)) > 0) ?? incarnation
    const number = store.cursor(CURSOR_PARTITION, cursorGroup(group, last))
    this.use(last, number)
    return cursorOf(last, number)
  }

  /** One cursor for both histories there is not: what is under way of the old one comes to its end first. */
  private async beginIncarnation({ cursor, number }: FeedDelivery): Promise<void> {
    if (!this.isIdle)
      await new Promise<void>(resolve => {
        this.idle = resolve
      })
    this.idle = null
    this.moveCursor(0)
    this.use(cursor.slice(0, cursor.lastIndexOf(':')), number - 1)
  }

  private use(incarnation: string, number: number): void {
    this.incarnation = incarnation
    this.partition = partitionOf(incarnation)
    this.progress = new Progress()
    this.scanned = number
    this.stored = number
  }

  private take({ number, event }: FeedDelivery): void {
    this.scanned = number
    if (this.wanted === null || this.wanted.has(event.type)) {
      this.held.push(new FeedMessage(this, this.partition, number, event))
      if (this.held.length - this.taken === 1) this.wake()
    } else this.moveCursor(CURSOR_LAG_MAX)
  }

  private moveCursor(lag: number): void {
    if (this.incarnation === null) return
    const lowest = this.progress.lowest
    const cursor = lowest === 0 ? this.givenTo(this.partition) : lowest - 1
    if (cursor <= this.stored + lag) return
    this.stored = cursor
    this.options.store.moveCursor(CURSOR_PARTITION, cursorGroup(this.options.group, this.incarnation), cursor)
  }
}

/** So far may the cursor be behind while nothing that is wanted is under way. Units: events. */
const CURSOR_LAG_MAX = 1_024
/** Of the store: where the cursor is kept. */
const CURSOR_PARTITION = 0

const cursorGroup = (group: string, incarnation: string): string => `${group}|${incarnation}`

/** Positions of one incarnation say nothing of another's, so each has a partition number of its own: 31 bits of FNV-1a. */
const partitionOf = (incarnation: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < incarnation.length; i++) hash = Math.imul(hash ^ incarnation.charCodeAt(i), 0x01000193)
  return hash >>> 1
}

class FeedMessage implements SourceMessage {
  readonly reading: Reading
  readonly partition: number
  readonly position: number
  readonly type: string
  readonly payload: unknown
  readonly id: string
  readonly correlationId: string | null
  readonly traceParent: string | null
  readonly invalid: string | null

  constructor(reading: Reading, partition: number, position: number, event: FeedCloudEvent) {
    this.reading = reading
    this.partition = partition
    this.position = position
    const read = checked(event)
    this.invalid = typeof read === 'string' ? read : null
    this.type = typeof read === 'string' ? '' : read.type
    this.payload = typeof read === 'string' ? null : read.data
    this.id = typeof read === 'string' ? `${partition}:${position}` : read.id
    this.correlationId = typeof read === 'string' ? null : (read.correlationId ?? read.id)
    this.traceParent = typeof read === 'string' ? null : read.traceParent
  }
}

const checked = (event: FeedCloudEvent) => {
  try {
    return cloudEventOfObject(event)
  } catch (error) {
    return toError(error).message
  }
}
