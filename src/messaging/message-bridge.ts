import { type RuntimeError, shown } from '../base/errors.ts'
import { type Behavior, systemBehavior } from '../kernel/behavior.ts'
import { checkKeys, definitionInvalid, isCount, persistenceIdOf } from '../persistence/event-sourced.ts'
import { EventStore } from '../persistence/event-store.ts'
import { checkPersistenceId } from '../persistence/partition.ts'
import type { Backoff } from '../supervision/backoff.ts'
import { Bridge, type BridgeMessage, WAKE } from './bridge/bridge.ts'
import { ParkedMessages } from './bridge/parked-messages.ts'
import type { MessageSource, SourceMessage } from './message-source.ts'
import { type ParkedMessage, parkingLot } from './parking-lot.ts'
import type { Route } from './route.ts'
import { RunningRef } from './running-ref.ts'

export interface MessageBridgeDefinition<Message extends SourceMessage = SourceMessage> {
  /** Stable for ever: receivers remember by it what they have handled. Unique in its store. */
  readonly name: string
  readonly source: MessageSource<Message>
  /**
   * Validates and translates; null: nothing to do. What it throws parks the message at once: it would throw again. It may
   * be asked again for the same message: when the promise of its route failed, or when it had to wait long and was left
   * in its log meanwhile. So let it give the same receiver and key each time.
   */
  readonly translate: (message: Message) => Route | null
  /** Holds what is parked. */
  readonly store: EventStore
  /** Most messages with their receivers: above it no more are taken on. Default: 4,096. */
  readonly maxInFlight?: number
  /**
   * Most messages that wait aside: for others of their key, for their preparation, after a failure of their own. Above it
   * no more are taken on. From a log those that wait for others of their key are held as places, beyond the first 64 of a
   * key and `maxInFlight` of all. Default: 262,144.
   */
  readonly maxWaiting?: number
  /** How often a message may fail before it is parked. Default: 5. */
  readonly attempts?: number
  readonly backoff?: Backoff
}

export interface ReplayResult {
  readonly delivered: number
  /** Left parked, since one of them failed again. */
  readonly parked: number
}

/** The message of a key that has its turn. */
export interface UnderWay {
  readonly type: string
  readonly id: string
  /** How often it has failed by its own fault. Counted in memory: a restarted bridge begins again. */
  readonly failures: number
  /** What it failed with last, or what it waits for, such as a receiver that is down; null: nothing is wrong with it. */
  readonly error: string | null
}

export interface DiscardResult {
  readonly discarded: number
  /** Others of the key that are still parked. */
  readonly parked: number
}

/**
 * The receiving adapter as an actor: takes messages from a source, validates and translates them, hands them to the
 * domain's actors, and acknowledges each when what it caused is durable.
 *
 * **Delivery**: at least once to the receiver's mailbox; with an event-sourced receiver its effect is stored once.
 * **Order**: one message of a key at a time, in the source's order; keys do not wait for one another. **Bounds**:
 * `maxInFlight` and `maxWaiting`, and those of the source. **Slowness** is no failure: nothing is delivered again while
 * its receiver works. **Errors**: a message that fails `attempts` times is parked with its error, and the later ones of
 * its key behind it, durably; `replay` sends them again. A receiver that is down makes its messages wait, however long.
 *
 * Its functions may be called before it runs: they wait for its first start, and fail with BRIDGE_STOPPED where that
 * fails, and while it is down later.
 */
export interface MessageBridge {
  readonly name: string
  readonly behavior: Behavior<never>
  /** What is parked, key by key, in the order it was. **Errors**: BRIDGE_STOPPED. */
  parked(): Promise<readonly ParkedMessage[]>
  /**
   * What was parked at a time, from the store, whether the bridge runs or not. **Units**: ms since 1970. **Errors**: those
   * of the journal. **Bounds**: it reads all that was ever parked.
   */
  parkedAsOf(timeMs: number): Promise<readonly ParkedMessage[]>
  /** What is under way of a key; null: nothing. **Errors**: BRIDGE_STOPPED. */
  underWay(key: string): Promise<UnderWay | null>
  /**
   * Translates and delivers what is parked of a key again, in order, until one fails as often as `attempts` says.
   * **Errors**: BRIDGE_STOPPED; then what was not delivered is still parked.
   */
  replay(key: string): Promise<ReplayResult>
  /**
   * Forgets what is parked of a key, for good: it is never delivered, and the later ones of the key go on. With an `id`,
   * that message alone: what else is parked of the key stays so, and later ones behind it, until it is replayed or
   * discarded. **Durability**: resolves when it is stored. **Bounds**: the last 1,000 discarded messages are known where
   * they come again after a crash. **Errors**: BRIDGE_STOPPED; then what was not discarded is still parked.
   */
  discard(key: string, id?: string): Promise<DiscardResult>
  /** Resolves when everything that the source had is dealt with; more may come after. **Errors**: BRIDGE_STOPPED. */
  settled(): Promise<void>
}

/** **Errors** of `messageBridge`, thrown: PERSISTENCE_ID_INVALID, DEFINITION_INVALID. */
export const messageBridge = <Message extends SourceMessage>(
  definition: MessageBridgeDefinition<Message>,
): MessageBridge => {
  checkDefinition(definition)
  const running = new RunningRef<BridgeMessage>(`bridge ${definition.name}`)
  const behavior = systemBehavior<BridgeMessage, Bridge>(
    {
      initial: async context => {
        const bridge = new Bridge(definition as unknown as MessageBridgeDefinition, context)
        try {
          await bridge.open()
        } catch (error) {
          running.ended(error)
          await bridge.close()
          throw error
        }
        running.started(context.self)
        return bridge
      },
      receive: (bridge, message) => {
        bridge.handle(message)
        return bridge
      },
      onStop: async bridge => {
        running.ended()
        await bridge.close()
      },
    },
    {
      onKill: bridge => {
        running.ended()
        void bridge.close()
      },
      // What is in the mailbox of one that ends is the source's, and comes again from there.
      takeBack: message => message === WAKE,
    },
  )
  return {
    name: definition.name,
    behavior: behavior as Behavior<never>,
    parked: () => running.ask(replyTo => ({ type: 'parked', replyTo })),
    parkedAsOf: timeMs => ParkedMessages.asOf(definition.store, definition.name, timeMs),
    underWay: key => running.ask(replyTo => ({ type: 'under-way', key, replyTo })),
    replay: key => running.ask(replyTo => ({ type: 'replay', key, replyTo })),
    discard: (key, id) => running.ask(replyTo => ({ type: 'discard', key, id: id ?? null, replyTo })),
    settled: () => running.ask(replyTo => ({ type: 'settled', replyTo })),
  }
}

const KEYS = ['name', 'source', 'translate', 'store', 'maxInFlight', 'maxWaiting', 'attempts', 'backoff']

const checkDefinition = <Message extends SourceMessage>(definition: MessageBridgeDefinition<Message>): void => {
  checkKeys('the definition of a bridge', definition, KEYS)
  const { name, source, translate, store, attempts = 1, maxInFlight = 1, maxWaiting = 1 } = definition
  // Its parking lot is an entity of that id.
  checkPersistenceId(persistenceIdOf(parkingLot.name, name))
  const refuse = (field: string, mustBe: string, value: unknown): RuntimeError =>
    definitionInvalid(`bridge ${name}: ${field} must be ${mustBe}, not ${shown(value)}`)
  if (typeof source?.next !== 'function') throw refuse('source', 'a message source', source)
  if (typeof translate !== 'function') throw refuse('translate', 'a function', translate)
  if (!(store instanceof EventStore)) throw refuse('store', 'an EventStore', store)
  for (const [field, value] of Object.entries({ attempts, maxInFlight, maxWaiting }))
    if (!isCount(value)) throw refuse(field, 'a whole number of at least 1', value)
}
