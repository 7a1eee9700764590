import { RuntimeError, toError } from '../../base/errors.ts'
import type { Command, Delivery } from '../../persistence/command.ts'
import { type EventSourcedDefinition, persistenceIdOf } from '../../persistence/event-sourced.ts'
import type { EventStore } from '../../persistence/event-store.ts'
import { evolved } from '../../persistence/evolving.ts'
import type { Inbox } from '../../persistence/inbox.ts'
import type { Handled, HandledId, NewRecord } from '../../persistence/journal.ts'
import { isRefusal, recordsOf } from '../../persistence/records-of.ts'
import { foldRecord } from '../../persistence/recovery.ts'
import { Decided, type Hosted } from './hosted-coding.ts'

export type AnyDefinition = EventSourcedDefinition<never, { readonly type: string }, unknown, unknown>

/** What nact calls an actor's function with. */
export interface NactContext {
  readonly recovering?: boolean
  readonly persist: (message: unknown) => Promise<void>
}

/** Whoever asked, or nobody. */
export interface Answerable {
  tell(reply: unknown): void
  fail?(error: RuntimeError): void
}

/** A command was dealt with; `error`: it was not, and that is its own fault. */
type OnHandled = (command: Command<unknown>, error: Error | null) => void

/**
 * A definition as the function of a persistent actor of nact: `decide`, persist, `evolve`, answer. The next command waits for
 * the write of the one before it, since nact has one message in hand at a time.
 */
export const hostedHandler = (
  definition: AnyDefinition,
  id: string,
  store: EventStore,
  handled: OnHandled,
  recovered: (hosted: Hosted) => void,
): ((hosted: Hosted, message: unknown, context: NactContext) => Hosted | Promise<Hosted>) => {
  const persistenceId = persistenceIdOf(definition.name, id)

  const replay = (hosted: Hosted, { records, handled: mark }: Decided): Hosted => {
    const { inbox } = hosted
    let { state, sequenceNr, eventsReplayed } = hosted
    for (const record of records) {
      sequenceNr++
      if (record.kind !== 'event') continue
      state = foldRecord(definition as never, state, record, persistenceId, sequenceNr)
      eventsReplayed++
    }
    if (mark !== null) inbox.note(mark)
    return { ...hosted, state, sequenceNr, eventsReplayed }
  }

  const handle = async (hosted: Hosted, command: Command<unknown>, context: NactContext): Promise<Hosted> => {
    const { delivery } = command
    if (delivery !== null && hosted.inbox.hasHandled(delivery)) {
      handled(command, null)
      delivery.done()
      return hosted
    }
    const decided = decideOn(definition, hosted, command, id, store.ports.clock.nowMs(), handled)
    if (decided === null) return hosted
    const { reply, records } = decided
    if (records.length === 0) return answered(hosted, command, reply, handled)
    const mark = delivery === null ? null : markOf(delivery, hosted.inbox)
    try {
      await context.persist(new Decided(records, mark, command))
    } catch (thrown) {
      handled(command, toError(thrown))
      failed(command, thrown, false)
      throw thrown
    }
    if (mark !== null) hosted.inbox.note(mark)
    const { state } = decided
    const next = { ...hosted, state, sequenceNr: hosted.sequenceNr + records.length }
    return answered(next, command, reply, handled)
  }

  let isAnnounced = false
  return (hosted, message, context) => {
    if (context.recovering === true) return replay(hosted, message as Decided)
    if (!isAnnounced) recovered(hosted)
    isAnnounced = true
    return handle(hosted, message as Command<unknown>, context)
  }
}

const answered = (hosted: Hosted, command: Command<unknown>, reply: unknown, handled: OnHandled): Hosted => {
  handled(command, null)
  command.replyTo?.tell(reply)
  command.delivery?.done()
  return hosted
}

interface DecidedOn {
  readonly reply: unknown
  readonly records: readonly NewRecord[]
  /** With the events folded in. */
  readonly state: unknown
}

/** Null: what was decided cannot be stored; whoever sent the command has been told, and the state is what it was. */
const decideOn = (
  definition: AnyDefinition,
  { state, inbox }: Hosted,
  command: Command<unknown>,
  id: string,
  nowMs: number,
  handled: OnHandled,
): DecidedOn | null => {
  const { causationId, correlationId, principal, delivery } = command
  const context = { id, nowMs, causationId, correlationId, principal }
  try {
    const decision = definition.decide(state, command.message as never, context)
    if (decision.compensates !== undefined)
      throw new RuntimeError(
        'COMPENSATION_INVALID',
        `${id}: compensating for an event is not possible on nact's engine`,
      )
    const records = recordsOf(decision as never, definition.schema ?? null)
    let next = state
    const persistenceId = persistenceIdOf(definition.name, id)
    for (const event of decision.events ?? []) next = evolved(definition, persistenceId, next, event)
    return { reply: decision.reply, records, state: next }
  } catch (thrown) {
    handled(command, toError(thrown))
    failed(command, thrown, true)
    if (!isRefusal(thrown)) throw thrown
    if (delivery !== null && delivery.position !== null) inbox.skip(delivery as never)
    return null
  }
}

/** Nothing of the command is durable, as far as is known: its log has it again, and whoever asked learns why. */
export const failed = (command: Command<unknown>, thrown: unknown, isOwnFault: boolean): void => {
  const error = toError(thrown)
  command.delivery?.failed(error, isOwnFault)
  ;(command.replyTo as Answerable | null)?.fail?.(error instanceof RuntimeError ? error : crashed(error))
}

const crashed = (cause: Error): RuntimeError =>
  new RuntimeError('ACTOR_CRASHED', `crashed before it answered: ${cause.message}`, { cause })

const markOf = (delivery: Delivery, inbox: Inbox): Handled | HandledId => {
  const { source, partition, position, id, outstanding } = delivery
  if (position === null) return { source, position, id }
  return { source, partition, position, outstanding: inbox.outstandingOf({ source, partition, position, outstanding }) }
}
