import { isRuntimeError, RuntimeError, toError } from '../base/errors.ts'
import { isTraceParent } from '../persistence/command-cause.ts'
import type { EventSourcedDefinition } from '../persistence/event-sourced.ts'
import { persistenceIdOf } from '../persistence/event-sourced.ts'
import type { EventStore } from '../persistence/event-store.ts'
import { evolved } from '../persistence/evolving.ts'
import type { Inbox } from '../persistence/inbox.ts'
import type { HandledId, NewRecord } from '../persistence/journal.ts'
import { checkPersistenceId } from '../persistence/partition.ts'
import { type AppendOwner, PendingAppend } from '../persistence/pending-append.ts'
import { recordsOf } from '../persistence/records-of.ts'
import { type Recovered, recover, type SnapshotPayload } from '../persistence/recovery.ts'
import { checkStorable } from '../persistence/storable.ts'
import { checkEntityEvent } from './checks.ts'

export type AnyEntity = EventSourcedDefinition<never, { readonly type: string }, unknown, unknown>

/** A command for one entity, and the message that it came as. */
export interface EntityEvent<Command> {
  readonly id: string
  readonly command: Command
  /** What makes it one with its redeliveries. Without it, each invocation counts. */
  readonly messageId?: string
  readonly correlationId?: string
  /** Stored with the events where it is a W3C trace parent. */
  readonly traceId?: string
  /** On whose behalf. */
  readonly principal?: string
}

export interface EntityResult<Reply> {
  /** Undefined where `decide` gave none, and for a message that was handled before. */
  readonly reply: Reply | undefined
  /** It was handled before: nothing was decided now. */
  readonly repeated: boolean
  /** How often another writer came first. */
  readonly conflicts: number
}

/** How long to rest after a conflict, at most. Units: ms. */
const REST_MS_MAX = 50

/**
 * Handles one command on an entity that is recovered for it. **Errors**: JOURNAL_SEQUENCE_CONFLICT after `attemptsMax`
 * tries; PERSISTENCE_ID_INVALID and MESSAGE_INVALID for an event that is none; those of recovery, of `decide` and `evolve`,
 * and of the journal.
 */
export const handleOnce = async (
  store: EventStore,
  definition: AnyEntity,
  source: string,
  event: EntityEvent<unknown>,
  attemptsMax: number,
): Promise<EntityResult<unknown>> => {
  checkEntityEvent(definition.name, event)
  checkPersistenceId(persistenceIdOf(definition.name, event.id))
  for (let conflicts = 0; ; conflicts++) {
    try {
      return { ...(await attempt(store, definition, source, event)), conflicts }
    } catch (error) {
      if (!isRuntimeError(error, 'JOURNAL_SEQUENCE_CONFLICT') || conflicts + 1 >= attemptsMax) throw error
      await restAfter(store, conflicts)
    }
  }
}

const attempt = async (
  store: EventStore,
  definition: AnyEntity,
  source: string,
  event: EntityEvent<unknown>,
): Promise<{ readonly reply: unknown; readonly repeated: boolean }> => {
  const recovered = await recover(store, definition, event.id)
  const handled: HandledId | null =
    event.messageId === undefined ? null : { source, position: null, id: event.messageId }
  if (handled !== null && recovered.inbox.hasHandled({ ...handled, partition: 0 }))
    return { reply: undefined, repeated: true }
  const nowMs = store.ports.clock.nowMs()
  const correlationId = event.correlationId ?? event.messageId ?? null
  const { principal = null } = event
  const context = { id: event.id, nowMs, causationId: event.messageId ?? null, correlationId, principal }
  const decision = definition.decide(recovered.state, event.command as never, context)
  if (decision.compensates !== undefined)
    throw new RuntimeError(
      'COMPENSATION_INVALID',
      `${definition.name}: a function cannot look for the event that is made good. Send this command to the actor.`,
    )
  const records = recordsOf(decision, definition.schema ?? null)
  if (records.length === 0) return { reply: decision.reply, repeated: false }
  // Before the write: what `evolve` throws on must never be stored.
  let { state } = recovered
  let isWanted = false
  const persistenceId = persistenceIdOf(definition.name, event.id)
  for (const decided of decision.events ?? []) {
    state = evolved(definition, persistenceId, state, decided)
    isWanted ||= definition.snapshot?.when?.(state, decided) === true
  }
  await append(store, definition, event, recovered, records, handled, nowMs, correlationId)
  if (handled !== null) recovered.inbox.note(handled)
  const sequenceNr = recovered.sequenceNr + records.length
  const every = definition.snapshot?.every ?? Number.POSITIVE_INFINITY
  if (isWanted || sequenceNr - recovered.snapshotSequenceNr >= every)
    await saveSnapshot(store, definition, event.id, recovered.inbox, state, sequenceNr, nowMs)
  return { reply: decision.reply, repeated: false }
}

const append = (
  store: EventStore,
  definition: AnyEntity,
  event: EntityEvent<unknown>,
  recovered: Recovered<unknown>,
  records: readonly NewRecord[],
  handled: HandledId | null,
  nowMs: number,
  correlationId: string | null,
): Promise<void> =>
  new Promise((resolve, reject) => {
    const owner: AppendOwner = { appended: () => resolve(), appendFailed: (_append, error) => reject(error) }
    store.append(
      new PendingAppend(
        {
          persistenceId: persistenceIdOf(definition.name, event.id),
          expectedSequenceNr: recovered.sequenceNr,
          appendId: store.nextAppendId(),
          timeMs: nowMs,
          causationId: event.messageId ?? null,
          correlationId,
          traceParent: isTraceParent(event.traceId) ? event.traceId : null,
          principal: event.principal ?? null,
          compensates: null,
          handled,
          records,
        },
        owner,
      ),
    )
  })

/** One that cannot be stored is a warning: the events are there. */
const saveSnapshot = async (
  store: EventStore,
  { name, snapshot: policy }: AnyEntity,
  id: string,
  inbox: Inbox,
  state: unknown,
  sequenceNr: number,
  nowMs: number,
): Promise<void> => {
  const persistenceId = persistenceIdOf(name, id)
  const payload: SnapshotPayload = { version: policy?.version ?? 1, state, inbox: inbox.toMarks() }
  try {
    checkStorable(state, Number.MAX_SAFE_INTEGER)
    await store.journal.saveSnapshot({ persistenceId, sequenceNr, timeMs: nowMs, payload }, policy?.keep ?? 2)
  } catch (thrown) {
    store.ports.logger.log('warn', `${persistenceId}: snapshot of ${sequenceNr} not stored`, { error: toError(thrown) })
  }
}

/** By chance and growing, so that those who met do not meet again. */
export const restAfter = ({ ports: { clock, random } }: EventStore, conflicts: number): Promise<void> =>
  new Promise(resolve => {
    clock.after(random.next() * Math.min(2 ** Math.min(conflicts, 10), REST_MS_MAX), resolve)
  })
