/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Troupe: an actor runtime for Node.js. What it promises, in short; docs/promises.md has the whole.
 *
 * **Order**: per sender and receiver, over restarts too. One handler at a time per actor and incarnation.
 * **Delivery**: between actors at most once, and what reaches no handler is a dead letter with a reason; an ask always
 * settles. From a log at least once to the mailbox, and an event-sourced receiver stores its effect once.
 * **Restart**: as its supervisor's specification says, as in Erlang/OTP; ref and mailbox are kept, the message that
 * crashed the actor is not tried again unless its specification asks for that.
 * **Durability**: what leaves an event-sourced actor leaves it once the events that it could reflect are durable, in the
 * sense that the journal's `durability` says in words.
 *
 * This door loads no dependency. `troupe/messaging` has bridges, their sources and the receiving adapter; journals that
 * bring a dependency are doors of their own: `troupe/lmdb`, `troupe/redis`.
 */

export { causesOf, type ErrorCode, explain, isRuntimeError, RuntimeError, toError } from './base/errors.ts'
export type { Logger, LogLevel } from './base/logger.ts'
export { silentLogger, stderrLogger } from './base/logger.ts'
export type { Cancel, Clock, Executor, Ports, Random } from './base/ports.ts'
export { seededRandom, systemPorts } from './base/ports.ts'
export { type Become, type Behavior, become, behavior, type Outcome, type Stopped, stopped } from './kernel/behavior.ts'
export { DeadLetter, type DeadLetterReason, type DeadLetters } from './kernel/dead-letters.ts'
export type { EventStream, Topic, TypedEvent } from './kernel/event-stream.ts'
export type { ActorInfo, ActorStateName } from './kernel/inspect.ts'
export { type Handler, type Interceptor, intercept } from './kernel/intercept.ts'
export type { BoundedMailbox, MailboxOptions, Overflow, PriorityMailbox } from './kernel/mailbox-options.ts'
export { type Listing, type Registry, type ServiceKey, serviceKey } from './kernel/registry.ts'
export { type Owner, type Router, type RouterOptions, type Routing, router } from './kernel/router.ts'
export type { ShutdownPhase, ShutdownTask, ShutdownTaskOptions } from './kernel/shutdown-phases.ts'
export { ActorSystem, type ActorSystemOptions } from './kernel/system.ts'
export type { ActorTimers, TimerKey, TimerTimes } from './kernel/timers.ts'
export {
  type ActorContext,
  type ActorRef,
  type AskOptions,
  type BehaviorDefinition,
  type ExitReason,
  ignore,
  type PipedResult,
  type ReplyOf,
  type ReplyTo,
  type ShutdownTime,
  type Signal,
  type SpawnOptions,
  type StopOptions,
} from './kernel/types.ts'
export type { Delivery } from './persistence/command.ts'
export { type CommandCause, isTraceParent } from './persistence/command-cause.ts'
export { type Change, difference } from './persistence/difference.ts'
export {
  dropEvent,
  type EventSchema,
  type EventSchemaDefinition,
  eventSchema,
  type Upcaster,
  upcast,
  upcastTo,
  type VersionedEvent,
} from './persistence/event-schema.ts'
export {
  type DecideContext,
  type Decision,
  type EventSourcedDefinition,
  eventSourced,
  type Outgoing,
  persistenceIdOf,
  type SnapshotPolicy,
  to,
} from './persistence/event-sourced.ts'
export type { RecoveryListener } from './persistence/event-sourced-actor.ts'
export { type EntityKind, type EventSourcedEntitiesOptions, entities } from './persistence/event-sourced-entities.ts'
export { EventStore, type EventStoreOptions } from './persistence/event-store.ts'
export { type HistoryEntry, history, type PastState, stateAsOf, type Until } from './persistence/history.ts'
export { INBOX_WINDOW } from './persistence/inbox-window.ts'
export type {
  Append,
  AppendPages,
  AppendResult,
  Cause,
  Cursors,
  FoundId,
  Handled,
  HandledId,
  Journal,
  NewRecord,
  RecordKind,
  RolledOut,
  Snapshot,
  StoredAppend,
  Writer,
} from './persistence/journal.ts'
export { type MemoryStore, memoryJournal, memoryStore } from './persistence/memory-journal.ts'
export type { EventStorePorts, Follower } from './persistence/partition-writer.ts'
export type { RecoveryOptions } from './persistence/recoveries.ts'
export { type Recovered, recover } from './persistence/recovery.ts'
export type { Backoff, RestartBackoff } from './supervision/backoff.ts'
export { childRef, type SupervisorControl, supervisorControl } from './supervision/control.ts'
export { type DynamicSupervisorControl, dynamicControl } from './supervision/dynamic-control.ts'
export type {
  ChildCounts,
  DynamicChildInfo,
  DynamicChildStatus,
  DynamicSupervisorMessage,
  StartDynamicChildResult,
} from './supervision/dynamic-messages.ts'
export type { DynamicSupervisorSpec } from './supervision/dynamic-specification.ts'
export { dynamicSupervisor } from './supervision/dynamic-supervisor.ts'
export type { Decider, Directive } from './supervision/failure-policy.ts'
export type {
  ChildInfo,
  ChildStarted,
  DeleteChildResult,
  RestartChildResult,
  StartChildResult,
  SupervisorMessage,
  TerminateChildResult,
} from './supervision/messages.ts'
export { type Pool, type PoolOptions, type PoolQueueOptions, pool } from './supervision/pool.ts'
export type { AutoShutdown, ChildSpec, RestartType, Strategy, SupervisorSpec } from './supervision/specification.ts'
export { supervisor } from './supervision/supervisor.ts'
