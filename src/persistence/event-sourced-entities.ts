import { isRuntimeError, RuntimeError, shown } from '../base/errors.ts'
import type { Behavior } from '../kernel/behavior.ts'
import type { AskOptions } from '../kernel/types.ts'
import { Entities, type EntitiesOptions } from '../supervision/entities.ts'
import { type Command, commandOf, type Delivery, deliveredCommand } from './command.ts'
import { type CommandCause, causeOf } from './command-cause.ts'
import {
  checkDefinition,
  checkKeys,
  definitionInvalid,
  type EventSourcedDefinition,
  isCount,
  persistenceIdOf,
} from './event-sourced.ts'
import { eventSourcedBehavior, type RecoveryListener } from './event-sourced-actor.ts'
import { EventStore } from './event-store.ts'
import { claimIds } from './id-claims.ts'
import { checkPersistenceId, PERSISTENCE_ID_BYTES_MAX } from './partition.ts'

/** How many entities live, for how long, and how one comes back after a crash. **Errors**: DEFINITION_INVALID. */
export interface EventSourcedEntitiesOptions extends EntitiesOptions {
  readonly onRecovery?: RecoveryListener
}

/**
 * All entities of one event-sourced kind in one store. Put `behavior` into a supervision tree.
 *
 * **Delivery**: a `tell` is at most once; an `ask` resolves with what `decide` replied, once everything that the reply
 * could reflect is durable, or fails; a log's delivery is at least once with a remembered effect: handled once.
 * **Recovery**: a journal that does not answer is tried again, and messages wait. An entity whose own records are corrupt
 * or of an unknown format or version, or on which `initial`, an upcaster or `evolve` throws, fails them with
 * RECOVERY_FAILED at once: asks are rejected, a log's deliveries fail by their own fault, so that their bridge parks them,
 * and what was told is a dead letter. The next message after the rest tries again, since the data may have been restored.
 */
export interface EntityKind<Message, Reply> {
  readonly name: string
  readonly behavior: Behavior<never>
  /** Entities in memory. */
  readonly live: number
  /** Restarts after crashes. */
  readonly restarts: number
  /** **Errors**: PERSISTENCE_ID_INVALID and CAUSE_INVALID, thrown. */
  tell(id: string, message: Message, cause?: CommandCause): void
  /**
   * Resolves with undefined where `decide` gave no reply. `timeoutMs` counts from the call. **Errors**: those after which
   * nothing of the command is stored, and the state is what it was: EVENT_NOT_STORABLE and EVENT_TOO_LARGE when what was
   * decided was refused; WRITE_REJECTED, whose cause says why the write was not made (a conflict, a fenced or full
   * store); COMPENSATION_INVALID; CAUSE_INVALID; PERSISTENCE_ID_INVALID; RECOVERY_FAILED, whose cause says why, when the
   * entity cannot be recovered. After WRITE_UNCERTAIN and those of `ActorRef.ask` it may be stored.
   */
  ask(id: string, message: Message, options?: AskOptions & CommandCause): Promise<Reply>
  /** For bridges: hands over a message of a log, to be acknowledged when what it caused is durable. */
  deliver(id: string, message: Message, delivery: Delivery): void
}

/**
 * Makes the entities of a kind. One store, one kind, one such object per process: it is what owns the ids. **Errors**:
 * DEFINITION_INVALID, also for an option that is out of range; the start of `behavior` fails with ENTITIES_RUNNING while
 * another one's runs on that store.
 */
export const entities = <Message, Event extends { readonly type: string }, State, Reply>(
  definition: EventSourcedDefinition<Message, Event, State, Reply>,
  store: EventStore,
  options: EventSourcedEntitiesOptions = {},
): EntityKind<Message, Reply> => hosting(definition, store, options, null)

/** The same for one id of a kind whose others have hosts of their own. Any other id is PERSISTENCE_ID_INVALID. */
export const oneEntity = <Message, Event extends { readonly type: string }, State, Reply>(
  definition: EventSourcedDefinition<Message, Event, State, Reply>,
  store: EventStore,
  id: string,
): EntityKind<Message, Reply> => hosting(definition, store, {}, id)

const hosting = <Message, Event extends { readonly type: string }, State, Reply>(
  definition: EventSourcedDefinition<Message, Event, State, Reply>,
  store: EventStore,
  options: EventSourcedEntitiesOptions,
  only: string | null,
): EntityKind<Message, Reply> => {
  checkHosting(definition, store, options)
  const entity = eventSourcedBehavior(store, definition, options.onRecovery ?? null)
  const kind = new Entities<Command<Message>>(
    {
      behaviorOf: () => entity,
      clock: store.ports.clock,
      claim: () => claimIds(store, { name: definition.name, id: only }),
      isLasting: (error): error is RuntimeError => isRuntimeError(error, 'RECOVERY_FAILED'),
      isFatal: error => isRuntimeError(error, 'JOURNAL_FENCED') || isRuntimeError(error, 'JOURNAL_CLOSED'),
      whenFatal: store.whenFenced,
      takeBack: message => {
        const { delivery } = message as Command<Message>
        delivery?.failed(new RuntimeError('ACTOR_STOPPED', `${definition.name}: its supervisor is down`), false)
        return delivery !== null
      },
    },
    options,
  )
  return {
    name: definition.name,
    behavior: kind.behavior,
    get live() {
      return kind.live
    },
    get restarts() {
      return kind.restarts
    },
    tell: (id, message, cause) => {
      const wrongId = checkId(definition.name, id, only)
      if (wrongId !== null) throw wrongId
      kind.tell(id, commandOf(message, null, causeOf(cause)))
    },
    ask: (id, message, askOptions) => {
      const wrongId = checkId(definition.name, id, only)
      if (wrongId !== null) return Promise.reject(wrongId)
      try {
        const cause = causeOf(askOptions)
        return kind.ask<Reply>(id, replyTo => commandOf(message, replyTo as never, cause), askOptions)
      } catch (error) {
        return Promise.reject(error)
      }
    },
    deliver: (id, message, delivery) => {
      const wrongId = checkId(definition.name, id, only)
      if (wrongId !== null) delivery.failed(wrongId, true)
      else kind.tell(id, deliveredCommand(message, delivery))
    },
  }
}

/** **Errors**: DEFINITION_INVALID. */
export const checkHosting = <Message, Event extends { readonly type: string }, State, Reply>(
  definition: EventSourcedDefinition<Message, Event, State, Reply>,
  store: EventStore,
  options: EventSourcedEntitiesOptions,
): void => {
  checkDefinition(definition)
  const { name, snapshot } = definition
  if (!(store instanceof EventStore))
    throw definitionInvalid(`${name}: the store must be an EventStore, not ${shown(store)}`)
  if (snapshot?.deleteEvents === true && store.journal.deleteTo === undefined)
    throw definitionInvalid(`${name}: snapshot.deleteEvents, and ${store.journal.name} cannot delete events`)
  checkOptions(name, options)
}

const OPTIONS = ['maxLive', 'passivateAfterMs', 'shutdownMs', 'backoff', 'onRecovery']

const checkOptions = (name: string, options: EventSourcedEntitiesOptions): void => {
  checkKeys(`${name}: the options`, options, OPTIONS)
  if (options.backoff !== undefined) checkKeys(`${name}: backoff`, options.backoff, ['minMs', 'maxMs', 'jitter'])
  const { maxLive, passivateAfterMs, shutdownMs, backoff } = options
  const refuse = (field: string, mustBe: string, value: unknown): RuntimeError =>
    definitionInvalid(`${name}: ${field} must be ${mustBe}, not ${shown(value)}`)
  if (maxLive !== undefined && !isCount(maxLive)) throw refuse('maxLive', 'a whole number of at least 1', maxLive)
  const times = { passivateAfterMs, 'backoff.minMs': backoff?.minMs, 'backoff.maxMs': backoff?.maxMs }
  for (const [field, timeMs] of Object.entries(times))
    if (timeMs !== undefined && !(isTime(timeMs) && timeMs > 0)) throw refuse(field, 'a number of ms above 0', timeMs)
  if (shutdownMs !== undefined && !isTime(shutdownMs)) throw refuse('shutdownMs', 'a number of ms', shutdownMs)
}

const isTime = (value: unknown): boolean => typeof value === 'number' && value >= 0

/** What is wrong with an id; null: nothing. One that is short and well-formed costs no text of its own. */
const checkId = (name: string, id: unknown, only: string | null): RuntimeError | null => {
  if (typeof id !== 'string')
    return new RuntimeError('PERSISTENCE_ID_INVALID', `an id of ${name} must be a string, not ${typeof id}`)
  if (only !== null && id !== only)
    return new RuntimeError('PERSISTENCE_ID_INVALID', `${name}: only ${only} is hosted here, not ${id}`)
  if ((name.length + id.length + 1) * 3 <= PERSISTENCE_ID_BYTES_MAX && id.isWellFormed()) return null
  try {
    checkPersistenceId(persistenceIdOf(name, id))
    return null
  } catch (error) {
    return error as RuntimeError
  }
}
