import { toError } from '../base/errors.ts'
import { type Behavior, systemBehavior } from '../kernel/behavior.ts'
import type { ActorContext } from '../kernel/types.ts'
import type { LogMessage } from '../messaging/log/log-message.ts'
import { logSource } from '../messaging/log-source.ts'
import type { MessageSource } from '../messaging/message-source.ts'
import type { EventStore } from '../persistence/event-store.ts'
import { claimIds } from '../persistence/id-claims.ts'
import { type FeedLog, PARTS_MAX, type PagePart } from './log/feed-log.ts'
import { render } from './log/rendered.ts'
import type { FeedEvent, FeedStreamDefinition } from './stream.ts'

type PublisherMessage = { readonly type: 'wake' }

const WAKE: PublisherMessage = { type: 'wake' }
/** What one append holds at most: a journal packs it as one, and memory has it twice meanwhile. Units: UTF-16 code units. */
const APPEND_LENGTH_MAX = 1_048_576
/** Messages looked at in one turn. */
const TURN_MAX = 1_024

/**
 * The actor that fills a feed from the log. How far it has read is stored in the same append as what it has published, so
 * that a crash at any place leaves nothing out and puts nothing in twice. **Errors**: a failed append, and what `toEvent`
 * throws, crash it; it begins anew from what is stored.
 */
export const publisher = (definition: FeedStreamDefinition, store: EventStore, log: FeedLog): Behavior<never> => {
  const running = systemBehavior<PublisherMessage, Publisher>(
    {
      initial: async context => {
        const filling = new Publisher(definition, store, log, context)
        try {
          await filling.open()
        } catch (error) {
          await filling.close()
          throw error
        }
        return filling
      },
      receive: filling => {
        filling.pump()
        return filling
      },
      onStop: filling => filling.close(),
    },
    {
      onKill: filling => void filling.close(),
      // What is in the mailbox of one that ends is the log's, and comes again from there.
      takeBack: message => message === WAKE,
    },
  )
  return running as Behavior<never>
}

class Publisher {
  private readonly definition: FeedStreamDefinition
  private readonly store: EventStore
  private readonly log: FeedLog
  private readonly context: ActorContext<PublisherMessage>
  private readonly source: MessageSource
  private readonly group: string
  private unclaim: (() => void) | null = null
  /** Per partition: up to where its records are in the feed. */
  private upTo: number[] = []
  private writing = false
  private closed = false

  constructor(
    definition: FeedStreamDefinition,
    store: EventStore,
    log: FeedLog,
    context: ActorContext<PublisherMessage>,
  ) {
    this.definition = definition
    this.store = store
    this.log = log
    this.context = context
    this.group = `feed|${definition.name}`
    this.source = logSource(store, this.group, { events: definition.events })
  }

  async open(): Promise<void> {
    this.unclaim = claimIds(this.store, { name: 'feed', id: this.definition.name })
    this.upTo = [...(await this.log.open())]
    if (this.context.signal.aborted) return
    // Cursors are stored apart from the feed, and may be ahead of it where either was lost.
    for (const [partition, position] of this.upTo.entries())
      if (this.store.cursor(partition, this.group) > position) this.store.moveCursor(partition, this.group, position)
    await this.source.open(
      () => this.wake(),
      error => this.context.fail(error),
    )
    this.wake()
  }

  /** Publishes what the log has, a few pages at a time. */
  pump(): void {
    if (this.writing || this.closed) return
    const upTo = [...this.upTo]
    const taken: LogMessage[] = []
    const texts: string[] = []
    const ends: { readonly count: number; readonly upTo: readonly number[] }[] = []
    let room = this.log.roomAfter(this.log.last)
    for (let looked = 0, length = 0; length < APPEND_LENGTH_MAX && looked < TURN_MAX; looked++) {
      if (texts.length === room) {
        ends.push({ count: room, upTo: [...upTo] })
        if (ends.length === PARTS_MAX) break
        room += this.log.pageSize
      }
      const message = this.source.next() as LogMessage | null
      if (message === null) break
      if (message.position <= upTo[message.partition]!) {
        this.source.done(message)
        continue
      }
      const event = this.eventOf(message)
      upTo[message.partition] = message.position
      taken.push(message)
      if (event === null) continue
      const text = render(this.definition.source!, message, event, this.log.last + texts.length + 1)
      length += text.length
      texts.push(text)
    }
    if (taken.length > 0) this.wake()
    if (texts.length === 0) this.settle(upTo, taken)
    else this.write(partsOf(texts, ends, upTo), upTo, taken)
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    if (this.writing) this.log.abandon()
    await this.source.close()
    this.unclaim?.()
  }

  private eventOf(message: LogMessage): FeedEvent | null {
    const { toEvent } = this.definition
    if (toEvent === undefined) return { type: message.type, data: message.payload }
    return toEvent(message.payload as { readonly type: string }, message)
  }

  private write(parts: readonly PagePart[], upTo: number[], taken: readonly LogMessage[]): void {
    this.writing = true
    this.log.append(parts).then(
      () => {
        this.writing = false
        if (this.closed) return
        this.settle(upTo, taken)
        this.wake()
      },
      error => {
        this.writing = false
        if (!this.closed) this.context.fail(toError(error))
      },
    )
  }

  private settle(upTo: number[], taken: readonly LogMessage[]): void {
    this.upTo = upTo
    for (const message of taken) this.source.done(message)
  }

  private wake(): void {
    if (!this.closed) this.context.self.tell(WAKE)
  }
}

/** Cut where pages end. What was taken after the last event, and published as none, goes with the last part. */
const partsOf = (
  texts: readonly string[],
  ends: readonly { readonly count: number; readonly upTo: readonly number[] }[],
  upTo: readonly number[],
): readonly PagePart[] => {
  const parts: PagePart[] = []
  let from = 0
  for (const end of ends) {
    parts.push({ texts: texts.slice(from, end.count), upTo: end.upTo })
    from = end.count
  }
  if (from < texts.length) parts.push({ texts: texts.slice(from), upTo })
  return parts
}
