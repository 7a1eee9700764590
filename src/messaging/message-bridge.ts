import { RuntimeError } from '../base/errors.ts'
import { type Behavior, systemBehavior } from '../kernel/behavior.ts'
import type { ActorRef } from '../kernel/types.ts'
import type { Delivery } from '../persistence/command.ts'
import type { EventStore } from '../persistence/event-store.ts'
import type { Backoff } from '../supervision/backoff.ts'
import { Bridge, type BridgeMessage, WAKE } from './bridge/bridge.ts'
import { InFlight } from './bridge/in-flight.ts'
import type { MessageSource, SourceMessage } from './message-source.ts'
import type { ParkedMessage } from './parking-lot.ts'

/** Whoever a bridge delivers to: the entities of a kind. */
export interface BridgeTarget {
  readonly name: string
  deliver(id: string, message: unknown, delivery: Delivery): void
}

/** What a message of the bus becomes inside. */
export interface Route {
  readonly to: BridgeTarget
  readonly id: string
  /** The internal message. A promise of it takes as long as it takes, and holds up nothing but its own key. */
  readonly message: unknown
  /** Messages of one key are handled one after another. Default: the receiver (`to` and `id`). */
  readonly key?: string
}

export interface MessageBridgeDefinition {
  /** Stable for ever: receivers remember by it what they have handled. Unique in its store. */
  readonly name: string
  readonly source: MessageSource
  /** Validates and translates; null: nothing to do. What it throws parks the message at once: it would throw again. */
  readonly translate: (message: SourceMessage) => Route | null
  /** Holds what is parked. */
  readonly store: EventStore
  /** Most messages accepted and not yet dealt with. Default: 4,096. */
  readonly maxInFlight?: number
  /** How often a message may fail before it is parked. Default: 5. */
  readonly attempts?: number
  readonly backoff?: Backoff
}

export interface ReplayResult {
  readonly delivered: number
  /** Left parked, since one of them failed again. */
  readonly parked: number
}

/**
 * The receiving adapter as an actor: takes messages from a source, validates and translates them, hands them to the
 * domain's actors, and acknowledges each when what it caused is durable.
 *
 * **Delivery**: at least once to the receiver's mailbox; with an event-sourced receiver its effect is stored once.
 * **Order**: one message of a key at a time, in the source's order; keys do not wait for one another. **Bounds**:
 * `maxInFlight`. **Slowness** is no failure: nothing is delivered again while its receiver works. **Errors**: a message
 * that fails `attempts` times is parked with its error, and the later ones of its key behind it, durably; `replay` sends
 * them again. A receiver that is down makes its messages wait, however long.
 */
export interface MessageBridge {
  readonly name: string
  readonly behavior: Behavior<never>
  /** What is parked, key by key, in the order it was. **Errors**: BRIDGE_STOPPED. */
  parked(): Promise<readonly ParkedMessage[]>
  /**
   * Translates and delivers what is parked of a key again, in order, until one fails as often as `attempts` says.
   * **Errors**: BRIDGE_STOPPED; then what was not delivered is still parked.
   */
  replay(key: string): Promise<ReplayResult>
  /** Resolves when everything that the source had is dealt with; more may come after. **Errors**: BRIDGE_STOPPED. */
  settled(): Promise<void>
}

export const messageBridge = (definition: MessageBridgeDefinition): MessageBridge => {
  let running: ActorRef<BridgeMessage> | null = null
  const behavior = systemBehavior<BridgeMessage, Bridge>(
    {
      initial: async context => {
        const bridge = new Bridge(definition, context)
        try {
          await bridge.open()
        } catch (error) {
          await bridge.close()
          throw error
        }
        running = context.self
        return bridge
      },
      receive: (bridge, message) => {
        bridge.handle(message)
        return bridge
      },
      onStop: async bridge => {
        running = null
        await bridge.close()
      },
    },
    {
      onKill: bridge => {
        running = null
        void bridge.close()
      },
      // What is in the mailbox of one that ends is the source's, and comes again from there.
      takeBack: message => message === WAKE || message instanceof InFlight,
    },
  )
  const asked = async <Reply>(make: (replyTo: { tell(reply: Reply): void }) => BridgeMessage): Promise<Reply> => {
    if (running === null) throw bridgeStopped(definition.name)
    try {
      return await running.ask<Reply>(make)
    } catch (error) {
      throw bridgeStopped(definition.name, error)
    }
  }
  return {
    name: definition.name,
    behavior: behavior as Behavior<never>,
    parked: () => asked(replyTo => ({ type: 'parked', replyTo })),
    replay: key => asked(replyTo => ({ type: 'replay', key, replyTo })),
    settled: () => asked(replyTo => ({ type: 'settled', replyTo })),
  }
}

const bridgeStopped = (name: string, cause?: unknown): RuntimeError =>
  new RuntimeError('BRIDGE_STOPPED', `bridge ${name} is not running`, { cause, retryable: true })
