import { RuntimeError } from '../../base/errors.ts'
import { systemBehavior } from '../../kernel/behavior.ts'
import type { ActorContext } from '../../kernel/types.ts'
import { type Command, commandOf, deliveredCommand } from '../../persistence/command.ts'
import { causeOf } from '../../persistence/command-cause.ts'
import { type EventSourcedDefinition, persistenceIdOf } from '../../persistence/event-sourced.ts'
import {
  checkHosting,
  type EntityKind,
  type EventSourcedEntitiesOptions,
} from '../../persistence/event-sourced-entities.ts'
import type { EventStore } from '../../persistence/event-store.ts'
import { claimIds } from '../../persistence/id-claims.ts'
import { checkPersistenceId } from '../../persistence/partition.ts'
import type { Answerable } from './hosted-handler.ts'
import { Hosting, type NactModule } from './hosting.ts'

/**
 * As `entities`, with persistent actors of nact (`import * as nact from 'nact'`) in place of Troupe's: the same definition,
 * unchanged, behind the same bridges, and the same records in the store, so that a store may change hosts.
 *
 * **Delivery** and **Durability**: as `entities` promises; a reply waits for the events that it could reflect. **Order**:
 * that of sending, per id; but the next command of an id is decided only once the write of the one before is durable, so
 * a busy id costs a write each. **Bounds** and **Errors**: as `entities`.
 */
export const hostOnNact = <Message, Event extends { readonly type: string }, State, Reply>(
  nact: NactModule,
  definition: EventSourcedDefinition<Message, Event, State, Reply>,
  store: EventStore,
  options: EventSourcedEntitiesOptions = {},
): EntityKind<Message, Reply> => {
  checkHosting(definition, store, options)
  const { name } = definition
  let hosting: Hosting | null = null
  let early: { readonly id: string; readonly command: Command<unknown> }[] | null = []

  const begin = (context: ActorContext<never>): Started => {
    const free = claimIds(store, { name, id: null })
    const started = new Hosting(nact, definition as never, store, options, context)
    hosting = started
    const waited = early ?? []
    early = null
    for (const { id, command } of waited) started.send(id, command)
    return { hosting: started, free }
  }

  const end = async ({ hosting: ending, free }: Started, shutdownMs: number): Promise<void> => {
    if (hosting === ending) hosting = null
    await ending.end(shutdownMs)
    free()
  }

  const send = (id: string, command: Command<unknown>): void => {
    if (hosting !== null) hosting.send(id, command)
    else if (early !== null) early.push({ id, command })
    else refuse(name, command)
  }

  const behavior = systemBehavior<never, Started>(
    {
      initial: begin,
      receive: state => state,
      onStop: state => end(state, options.shutdownMs ?? 5_000),
    },
    { onKill: state => void end(state, 0) },
  )

  return {
    name,
    behavior,
    get live() {
      return hosting?.live ?? 0
    },
    get restarts() {
      return hosting?.restarts ?? 0
    },
    tell: (id, message, cause) => {
      checkPersistenceId(persistenceIdOf(name, id))
      send(id, commandOf<unknown>(message, null, causeOf(cause)))
    },
    ask: async (id, message, options = {}) => {
      const { timeoutMs } = options
      const cause = causeOf(options)
      checkPersistenceId(persistenceIdOf(name, id))
      return new Promise<Reply>((resolve, reject) => {
        const late = (): void => reject(noAnswer(name, id, timeoutMs as number))
        const cancel = timeoutMs === undefined ? () => undefined : store.ports.clock.after(timeoutMs, late)
        const settled =
          <Value>(settle: (value: Value) => void) =>
          (value: Value): void => {
            cancel()
            settle(value)
          }
        const replyTo: Answerable = { tell: settled(resolve as (reply: unknown) => void), fail: settled(reject) }
        send(id, commandOf<unknown>(message, replyTo, cause))
      })
    },
    deliver: (id, message, delivery) => {
      try {
        checkPersistenceId(persistenceIdOf(name, id))
      } catch (error) {
        delivery.failed(error as Error, true)
        return
      }
      send(id, deliveredCommand<unknown>(message, delivery))
    },
  }
}

interface Started {
  readonly hosting: Hosting
  readonly free: () => void
}

const noAnswer = (name: string, id: string, timeoutMs: number): RuntimeError =>
  new RuntimeError('ASK_TIMEOUT', `${name}|${id}: no answer within ${timeoutMs} ms`, { retryable: true })

const refuse = (name: string, command: Command<unknown>): void => {
  const error = new RuntimeError('ACTOR_STOPPED', `${name}: its supervisor is down`, { retryable: true })
  command.delivery?.failed(error, false)
  ;(command.replyTo as Answerable | null)?.fail?.(error)
}
