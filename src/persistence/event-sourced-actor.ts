import { isRuntimeError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { type Behavior, KILLED, systemBehavior } from '../kernel/behavior.ts'
import type { Context } from '../kernel/context.ts'
import type { ActorContext, ExitReason } from '../kernel/types.ts'
import { Command } from './command.ts'
import { Entity, endOf } from './entity.ts'
import { type EventSourcedDefinition, persistenceIdOf } from './event-sourced.ts'
import type { EventStore } from './event-store.ts'
import { checkPersistenceId } from './partition.ts'
import { lastingFailure, type Recovered, recoverSoon } from './recovery.ts'

type Definition<Message, Event extends { readonly type: string }, State, Reply> = EventSourcedDefinition<
  Message,
  Event,
  State,
  Reply
>

/** Told of every recovery, for progress and metrics. What it throws is logged. */
export interface RecoveryListener {
  recovered(persistenceId: string, recovered: Recovered<unknown>): void
}

/**
 * The behavior of a kind's entities, whose names are their ids: recovers one, then decides commands.
 *
 *     command ─▶ decide ─▶ check ─▶ evolve ─▶ append ───────▶ durable ─▶ reply, done, snapshot
 *                            │ refused:         └ the next command is decided meanwhile
 *                            └ answered with the error, state untouched
 *
 * **Order**: commands in the order of the mailbox, answers in the order of commands. **Durability**: reply and
 * acknowledgement wait for every event that they could reflect, and for nothing else. **Errors**: what `decide` or
 * `evolve` throws, and a failed write, crash the actor; its successor recovers from the log. Whoever waited for a failed
 * write gets WRITE_REJECTED or WRITE_UNCERTAIN. What cannot be stored is refused and crashes nothing.
 * A start fails with RECOVERY_FAILED where trying again would not help, and with the journal's error where it may; in the
 * first case what a log had delivered counts as failed by its own fault, so that it is parked and not waited with.
 */
export const eventSourcedBehavior = <Message, Event extends { readonly type: string }, State, Reply>(
  store: EventStore,
  definition: Definition<Message, Event, State, Reply>,
  listener: RecoveryListener | null = null,
): Behavior<Command<Message>> => {
  const started = (
    context: ActorContext<Command<Message>>,
    recovered: Recovered<State>,
  ): Entity<Message, Event, State, Reply> => {
    const persistenceId = checkPersistenceId(persistenceIdOf(definition.name, context.name))
    if (listener !== null) tellRecovered(listener, persistenceId, recovered, context.log)
    return new Entity(store, definition, context.name, persistenceId, recovered, context)
  }
  return systemBehavior<Command<Message>, Entity<Message, Event, State, Reply>>(
    {
      initial: context => {
        const failed = (thrown: unknown): never => {
          const error = toError(thrown)
          throw lastingFailure(persistenceIdOf(definition.name, context.name), error) ?? error
        }
        try {
          const recovering = recoverSoon<State>(store, definition as never, context.name, () => isUnwanted(context))
          return recovering instanceof Promise
            ? recovering.then(recovered => started(context, recovered)).catch(failed)
            : started(context, recovering)
        } catch (thrown) {
          return failed(thrown)
        }
      },
      receive: (entity, command) => {
        const handling = entity.handle(command)
        return handling === null ? entity : handling.then(() => entity)
      },
      onStop: (entity, reason) => entity.end(reason),
      // A recovery has a time for each of its batches, and may wait for its turn behind a hundred thousand others.
      startTimeoutMs: Number.POSITIVE_INFINITY,
    },
    { takeBack, isQuiet: entity => entity.isQuiet, onKill: entity => entity.giveBack(KILLED) },
  )
}

/** Whoever is recovered was asked to stop, or killed. */
const isUnwanted = (context: ActorContext<never>): boolean => {
  const { cell, revoked } = context as unknown as Context
  return revoked || cell.isAskedToStop
}

/** A listener that throws must not keep an entity from starting. */
const tellRecovered = (listener: RecoveryListener, id: string, recovered: Recovered<unknown>, log: Logger): void => {
  try {
    listener.recovered(id, recovered)
  } catch (error) {
    log.log('error', `${id}: the listener of recoveries failed`, { error })
  }
}

/** A log keeps its messages: what it had delivered into the mailbox goes back there when the receiver fails. */
const takeBack = (message: unknown, reason: ExitReason): boolean => {
  if (!(message instanceof Command) || message.delivery === null) return false
  // One that cannot be recovered is no receiver that is down: its message would wait for ever.
  message.delivery.failed(endOf(reason), reason.type === 'error' && isRuntimeError(reason.error, 'RECOVERY_FAILED'))
  return true
}
