import { RuntimeError } from '../base/errors.ts'
import type { Behavior } from '../kernel/behavior.ts'
import type { EventStore } from '../persistence/event-store.ts'
import { checkPersistenceId } from '../persistence/partition.ts'
import { historyIdOf } from './log/feed-history.ts'
import { FeedLog } from './log/feed-log.ts'
import { publisher } from './publisher.ts'

/** A record of the log, for whoever makes a published event of it. */
export interface FeedRecordView {
  readonly type: string
  readonly payload: unknown
  readonly id: string
  readonly persistenceId: string
  /** Units: ms since 1970. */
  readonly timeMs: number
  readonly correlationId: string
  readonly causationId: string | null
  readonly traceParent: string | null
}

/** What is published: the parts of a CloudEvent that are the publisher's choice. */
export interface FeedEvent {
  readonly type: string
  readonly subject?: string
  /** Plain JSON. */
  readonly data: unknown
}

export interface FeedStreamDefinition<Event extends { readonly type: string } = { readonly type: string }> {
  /**
   * Part of its address: `/streams/NAME`. 1 to 100 letters, digits, `-`, `_` and `.`, beginning with a letter. Stable for
   * ever.
   */
  readonly name: string
  /** The `source` of its CloudEvents, a URI reference. Default: `/streams/NAME`. */
  readonly source?: string
  /** Types of the store's events that it is made of. */
  readonly events: readonly Event['type'][]
  /**
   * What is published of an event; null: nothing. Pure. What it throws crashes the publisher, and the feed stands still
   * until its supervisor gives up or the definition is mended. Default: the event as it is, under its type.
   */
  readonly toEvent?: (event: Event, record: FeedRecordView) => FeedEvent | null
  /** Events of a full page. Fixed when the feed is begun. **Bounds**: 1 to 1,000. Default: 100. */
  readonly pageSize?: number
}

/**
 * A published stream of a store: one gap-free sequence of events from 1, filled from the store's log. Put `publisher` into
 * a supervision tree; while it is down, what is there is served and nothing is added.
 *
 * **Order**: the events of one partition in the order of its log, so those of one entity in theirs; one order for all
 * readers. **Delivery**: each event of the log once, over crashes at any place. **Durability**: nothing is seen of an
 * event of the feed before it is durable, as the journal says. **Bounds**: some 16 MiB of pages in memory, one append of
 * at most a page under way.
 */
export interface FeedStream {
  readonly name: string
  readonly source: string
  readonly publisher: { readonly name: string; readonly behavior: Behavior<never> }
  readonly log: FeedLog
  /** The last number; 0: it is empty, or not open yet. */
  readonly last: number
  /**
   * Serves numbers up to and with `upTo` no more: 410. The bytes stay in the journal. **Errors**: FEED_MISCONFIGURED where
   * no full page ends there; those of the journal.
   */
  archive(upTo: number): Promise<void>
}

/** **Errors**: DEFINITION_INVALID, naming the field. */
export const feedStream = <Event extends { readonly type: string }>(
  definition: FeedStreamDefinition<Event>,
  store: EventStore,
): FeedStream => {
  const { name, source = `/streams/${name}`, pageSize = 100 } = definition
  checkDefinition(definition as unknown as FeedStreamDefinition, source, pageSize)
  const log = new FeedLog(store, name, pageSize)
  return {
    name,
    source,
    log,
    publisher: {
      name: `feed-${name}`,
      behavior: publisher({ ...(definition as unknown as FeedStreamDefinition), source }, store, log),
    },
    get last() {
      return log.last
    },
    archive: upTo => log.archive(upTo),
  }
}

const NAME = /^[A-Za-z][\w.-]{0,99}$/

const checkDefinition = ({ name, events, toEvent }: FeedStreamDefinition, source: string, pageSize: number): void => {
  if (typeof name !== 'string' || !NAME.test(name))
    throw invalid(`a feed's name is 1 to 100 letters, digits, - _ and ., beginning with a letter; not ${String(name)}`)
  checkPersistenceId(historyIdOf(name))
  if (!Array.isArray(events) || events.length === 0) throw invalid(`feed ${name}: events must name at least one type`)
  if (toEvent !== undefined && typeof toEvent !== 'function') throw invalid(`feed ${name}: toEvent must be a function`)
  if (typeof source !== 'string' || !/^[\w.~:/?#[\]@!$&'()*+,;=%-]+$/.test(source))
    throw invalid(`feed ${name}: source must be a URI reference, not ${String(source)}`)
  if (!Number.isSafeInteger(pageSize) || pageSize < 1 || pageSize > 1_000)
    throw invalid(`feed ${name}: pageSize must be a whole number from 1 to 1,000, not ${String(pageSize)}`)
}

const invalid = (text: string): RuntimeError => new RuntimeError('DEFINITION_INVALID', text)
