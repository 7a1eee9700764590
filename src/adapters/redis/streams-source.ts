import type { MessageSource, SourceMessage } from '../../messaging/message-source.ts'
import type { StreamMessage } from './streams-entry.ts'
import { StreamReading } from './streams-reading.ts'
import { checkSettings, type RedisStreamSourceOptions, type StreamSettings } from './streams-settings.ts'

/**
 * Topics that other programs write, as a source of messages: Redis streams of CloudEvents 1.0, read as one consumer of a
 * group. A message's type is the event's, its payload the event's data, its id the event's source and id.
 *
 *     redis-cli XADD orders '*' event '{"specversion":"1.0","id":"1","source":"/shop","type":"OrderPlaced","data":{…}}'
 *
 * An event may also have a field per attribute (`id`, `source`, `type`, `specversion`, …, and `data`), with or without the
 * prefix `ce_` or `ce-`.
 *
 * **Delivery**: at least once. An entry is acknowledged (XACK) after `done`, so after a bridge made what it caused
 * durable. Own entries that are not acknowledged come first after a start or a lost connection; those of a consumer
 * that gave no sign for `claimIdleMs` are taken over. What this one works on is not taken from it, however long it
 * takes, unless the process stands still for two thirds of that. **Once**: a message has no position, so an
 * event-sourced receiver knows it by its id, among the last INBOX_WINDOW that it handled from this bridge. An entry
 * that comes again after a restart of the same consumer is among them, unless its preparation is overtaken by so many;
 * one that another consumer left, or an event that its producer put there twice, is if its receiver has not handled as
 * many in between. **Order**: per topic by entry id; entries taken over come when they are. **Errors**: a malformed
 * event is a message that a bridge parks with what is wrong; the entry stays in its stream. A server that is away or
 * refuses is logged and tried again for ever (10 ms doubling to 1,000). An entry that was deleted from its stream
 * before it was read is logged and acknowledged. SOURCE_MISCONFIGURED for options that cannot be meant. **Bounds**:
 * `maxUnacknowledged` entries in memory, whatever they wait for: a slow message with so many behind it in its key stops the
 * topics for all keys, unlike one of a store's own log, which is read again.
 */
export const redisStreamSource = (options: RedisStreamSourceOptions): MessageSource =>
  new RedisStreamSource(checkSettings(options))

class RedisStreamSource implements MessageSource {
  readonly group: string
  private readonly settings: StreamSettings
  /** Null: closed. */
  private reading: StreamReading | null = null
  private closings = 0

  constructor(settings: StreamSettings) {
    this.group = settings.group
    this.settings = settings
  }

  /** Resolves at once: a topic that is away holds nobody's start up. */
  async open(wake: () => void): Promise<void> {
    const closings = this.closings + 1
    await this.close()
    // Closed again meanwhile: nobody would end the reading.
    if (this.closings === closings) this.reading = new StreamReading(this.settings, wake)
  }

  next(): SourceMessage | null {
    return this.reading === null ? null : this.reading.next()
  }

  done(message: SourceMessage): void {
    this.reading?.done(message as StreamMessage)
  }

  async close(): Promise<void> {
    const { reading } = this
    this.closings++
    this.reading = null
    await reading?.close()
  }
}
