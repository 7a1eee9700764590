import { type ErrorCode, RuntimeError, toError } from '../base/errors.ts'
import { PendingReply } from '../kernel/ask.ts'
import type { Context } from '../kernel/context.ts'
import type { ActorContext, ExitReason } from '../kernel/types.ts'
import type { Command, Delivery } from './command.ts'
import { whyNoCompensation } from './compensation.ts'
import type { Decision, EventSourcedDefinition } from './event-sourced.ts'
import type { EventStore } from './event-store.ts'
import { evolved } from './evolving.ts'
import type { Inbox } from './inbox.ts'
import { type Handled, type HandledId, lastSequenceNr, type NewRecord } from './journal.ts'
import { type AppendOwner, PendingAppend } from './pending-append.ts'
import { isRefusal, recordsOf } from './records-of.ts'
import type { Recovered } from './recovery.ts'
import { Snapshotting } from './snapshotting.ts'
import { writeFailed, writeRejected } from './write-failed.ts'

type Definition<Message, Event extends { readonly type: string }, State, Reply> = EventSourcedDefinition<
  Message,
  Event,
  State,
  Reply
>

/** What waits for durability: an answer, a refusal, or an acknowledgement. */
class Effect {
  /** The last record that it could reflect. */
  readonly sequenceNr: number
  readonly command: Command<unknown>
  /** Its command has an append of its own. */
  readonly isWritten: boolean
  readonly reply: unknown
  readonly refusal: RuntimeError | null
  constructor(
    sequenceNr: number,
    command: Command<unknown>,
    isWritten: boolean,
    reply: unknown,
    refusal: RuntimeError | null,
  ) {
    this.sequenceNr = sequenceNr
    this.command = command
    this.isWritten = isWritten
    this.reply = reply
    this.refusal = refusal
  }
}

const NO_EFFECTS: Effect[] = []

/**
 * One incarnation of an entity: decides commands on its state, which moves ahead of the log, and lets what leaves it go once
 * the log has caught up.
 *
 *     decided    e1 e2 e3 e4            state, sequenceNr
 *     durable    e1 e2                  durableSequenceNr; replies and acknowledgements up to e2 are given
 */
export class Entity<Message, Event extends { readonly type: string }, State, Reply> implements AppendOwner {
  private readonly store: EventStore
  private readonly definition: Definition<Message, Event, State, Reply>
  private readonly id: string
  private readonly persistenceId: string
  private readonly context: ActorContext<Command<Message>>
  private readonly inbox: Inbox
  private state: State
  /** Of the state, which is ahead of the log. */
  private sequenceNr: number
  private durableSequenceNr: number
  /** Null: it has none. */
  private readonly snapshots: Snapshotting<Event, State> | null
  /** In the order of their sequence numbers. */
  private effects: Effect[] = NO_EFFECTS
  private whenDurable: (() => void) | null = null
  private failure: RuntimeError | null = null

  constructor(
    store: EventStore,
    definition: Definition<Message, Event, State, Reply>,
    id: string,
    persistenceId: string,
    recovered: Recovered<State>,
    context: ActorContext<Command<Message>>,
  ) {
    this.store = store
    this.definition = definition
    this.id = id
    this.persistenceId = persistenceId
    this.context = context
    this.inbox = recovered.inbox
    this.state = recovered.state
    this.sequenceNr = recovered.sequenceNr
    this.durableSequenceNr = recovered.sequenceNr
    const { snapshot } = definition
    this.snapshots =
      snapshot === undefined
        ? null
        : new Snapshotting(store, persistenceId, snapshot, recovered.snapshotSequenceNr, context.log)
  }

  /** Null: it is handled, as all commands are but those that look for the event that they compensate for. */
  handle(command: Command<Message>): Promise<void> | null {
    const { delivery } = command
    const failure = this.failure ?? this.store.fenced
    if (failure !== null) {
      // A write has failed and the crash is still queued, or others write by now: decide nothing on a state that is not in
      // the log.
      failCommand(command, failure, writeRejected(this.persistenceId, failure))
      throw failure
    }
    if (delivery !== null && this.inbox.hasHandled(delivery)) {
      this.release(command, false, undefined, null)
      return null
    }
    const nowMs = this.store.ports.clock.nowMs()
    let decision: Decision<Event, Reply>
    let records: readonly NewRecord[]
    let state = this.state
    let isSnapshotWanted = false
    try {
      decision = this.definition.decide(this.state, command.message, {
        id: this.id,
        nowMs,
        causationId: command.causationId,
        correlationId: command.correlationId,
        principal: command.principal,
      })
      records = this.recordsOf(decision, command)
      if (records.length > 0 && decision.events !== undefined)
        for (const event of decision.events) {
          state = evolved(this.definition, this.persistenceId, state, event)
          if (this.snapshots?.wants(state, event) === true) isSnapshotWanted = true
        }
    } catch (thrown) {
      delivery?.failed(toError(thrown), true)
      throw thrown
    }
    if (records === REFUSED) return null
    if (decision.compensates !== undefined)
      return this.compensate(command, decision, records, state, nowMs, isSnapshotWanted)
    if (records.length > 0) this.write(command, records, state, nowMs, null, isSnapshotWanted)
    this.release(command, records.length > 0, decision.reply, null)
    return null
  }

  appended(append: PendingAppend): void {
    this.durableSequenceNr = lastSequenceNr(append)
    if (this.revoked) return
    let given = 0
    for (; given < this.effects.length; given++) {
      const effect = this.effects[given]!
      if (effect.sequenceNr > this.durableSequenceNr) break
      give(effect)
    }
    if (given > 0) this.effects = given === this.effects.length ? NO_EFFECTS : this.effects.slice(given)
    this.snapshots?.durable(this.durableSequenceNr)
    if (this.whenDurable !== null && this.durableSequenceNr === this.sequenceNr) this.whenDurable()
  }

  appendFailed(append: PendingAppend, error: RuntimeError): void {
    this.failEffects(lastSequenceNr(append), error)
    if (this.failure !== null) return
    this.failure = error
    this.context.fail(error)
    if (this.whenDurable !== null) this.whenDurable()
  }

  /** Everything that it decided is durable, and nothing is to be stored at its end. */
  get isQuiet(): boolean {
    return (
      this.durableSequenceNr === this.sequenceNr &&
      this.failure === null &&
      this.snapshots?.isWantedAtEnd(this.sequenceNr) !== true
    )
  }

  /** Waits for what is under way, unless the actor failed. */
  async end(reason: ExitReason): Promise<void> {
    if (reason.type !== 'error') {
      await this.untilDurable()
      if (this.failure === null) await this.snapshots?.saveAtEnd(this.sequenceNr, this.state, this.inbox)
    }
    this.giveBack(reason)
  }

  /** What is not durable goes back to the logs that it came from; a successor waits for the write that is under way. */
  giveBack(reason: ExitReason): void {
    if (this.durableSequenceNr === this.sequenceNr) return
    const error = this.failure ?? endOf(reason)
    this.store.abandon(this.persistenceId)
    const effects = this.effects
    this.effects = NO_EFFECTS
    for (const { command } of effects) command.delivery?.failed(error, false)
  }

  /** Those up to and with a failed append's last record: its own command, and those behind it that stored nothing. */
  private failEffects(sequenceNr: number, error: RuntimeError): void {
    let failed = 0
    for (; failed < this.effects.length; failed++) {
      const effect = this.effects[failed]!
      if (effect.sequenceNr > sequenceNr) break
      if (effect.refusal !== null) give(effect)
      else {
        const told = (effect.isWritten ? writeFailed : writeRejected)(this.persistenceId, error)
        failCommand(effect.command, error, told)
      }
    }
    if (failed > 0) this.effects = this.effects.slice(failed)
  }

  private get revoked(): boolean {
    return (this.context as unknown as Context).revoked
  }

  private recordsOf(decision: Decision<Event, Reply>, command: Command<Message>): readonly NewRecord[] {
    try {
      return recordsOf(decision, this.definition.schema)
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown
      this.refuse(command, thrown)
      return REFUSED
    }
  }

  /** Looks for the event among those stored, while the next commands wait: there is no other way to know it as its own. */
  private async compensate(
    command: Command<Message>,
    decision: Decision<Event, Reply>,
    records: readonly NewRecord[],
    state: State,
    nowMs: number,
    isSnapshotWanted: boolean,
  ): Promise<void> {
    const { persistenceId, store } = this
    const eventId = decision.compensates as string
    await this.untilDurable()
    let refusal: RuntimeError | null = null
    try {
      refusal = await whyNoCompensation(store.journal, persistenceId, eventId, records)
    } catch (thrown) {
      const error = asRuntimeError(toError(thrown), 'JOURNAL_UNAVAILABLE')
      failCommand(command, error, writeRejected(persistenceId, error))
      return
    }
    if (this.revoked) return
    if (this.failure !== null) failCommand(command, this.failure, writeRejected(persistenceId, this.failure))
    else if (refusal !== null) this.refuse(command, refusal)
    else {
      this.write(command, records, state, nowMs, eventId, isSnapshotWanted)
      this.release(command, true, decision.reply, null)
    }
  }

  private untilDurable(): Promise<void> {
    if (this.failure !== null || this.durableSequenceNr === this.sequenceNr) return Promise.resolve()
    return new Promise(resolve => {
      this.whenDurable = resolve
    })
  }

  private write(
    command: Command<Message>,
    records: readonly NewRecord[],
    state: State,
    nowMs: number,
    compensates: string | null,
    isSnapshotWanted: boolean,
  ): void {
    const { delivery } = command
    const handled = delivery === null ? null : this.handledOf(delivery)
    const append = new PendingAppend(
      {
        persistenceId: this.persistenceId,
        expectedSequenceNr: this.sequenceNr,
        appendId: this.store.nextAppendId(),
        timeMs: nowMs,
        causationId: command.causationId,
        correlationId: command.correlationId,
        traceParent: command.traceParent,
        principal: command.principal,
        handled,
        compensates,
        records,
      },
      this,
    )
    this.state = state
    this.sequenceNr += records.length
    if (handled !== null) this.inbox.note(handled)
    this.snapshots?.decided(this.sequenceNr, state, this.inbox, isSnapshotWanted)
    this.store.append(append)
  }

  private handledOf(delivery: Delivery): Handled | HandledId {
    const { source, partition, position, id, outstanding } = delivery
    if (position === null) return { source, position, id }
    const handled = { source, partition, position, outstanding }
    return { source, partition, position, outstanding: this.inbox.outstandingOf(handled) }
  }

  private release(command: Command<Message>, isWritten: boolean, reply: unknown, refusal: RuntimeError | null): void {
    if (command.replyTo === null && command.delivery === null) return
    const effect = new Effect(this.sequenceNr, command, isWritten, reply, refusal)
    if (this.durableSequenceNr === this.sequenceNr) give(effect)
    else if (this.effects === NO_EFFECTS) this.effects = [effect]
    else this.effects.push(effect)
  }

  /** Known not to be written: whoever sent it learns why, and the state is what it was. */
  private refuse(command: Command<Message>, error: Error): void {
    this.context.log.log('warn', `${this.persistenceId}: what a command decided cannot be stored`, { error })
    const { delivery } = command
    if (delivery === null) this.release(command, false, undefined, asRuntimeError(error, 'EVENT_NOT_STORABLE'))
    else {
      const { source, partition, position } = delivery
      if (position !== null) this.inbox.skip({ source, partition, position })
      delivery.failed(error, true)
    }
  }
}

const REFUSED: readonly NewRecord[] = []

const give = ({ command: { replyTo, delivery }, reply, refusal }: Effect): void => {
  if (replyTo !== null) {
    if (refusal === null) replyTo.tell(reply)
    else if (replyTo instanceof PendingReply) replyTo.fail(refusal)
  }
  delivery?.done()
}

/** Nothing that it decided has left: whoever asked is told what that means for it, and a log delivers it again. */
const failCommand = ({ replyTo, delivery }: Command<unknown>, error: RuntimeError, told: RuntimeError): void => {
  if (replyTo instanceof PendingReply) replyTo.fail(told)
  delivery?.failed(error, false)
}

const asRuntimeError = (error: Error, code: ErrorCode): RuntimeError =>
  error instanceof RuntimeError ? error : new RuntimeError(code, error.message, { cause: error })

/** Why what an actor had in hand goes back. */
export const endOf = (reason: ExitReason): Error =>
  reason.type === 'error' ? reason.error : new RuntimeError('ACTOR_STOPPED', `the receiver has ended: ${reason.type}`)
