export { type ErrorCode, isRuntimeError, RuntimeError } from './base/errors.ts'
export type { Logger, LogLevel } from './base/logger.ts'
export { silentLogger, stderrLogger } from './base/logger.ts'
export type { Cancel, Clock, Executor, Ports, Random } from './base/ports.ts'
export { seededRandom } from './base/ports.ts'
export { type Become, type Behavior, become, behavior, type Outcome, type Stopped, stopped } from './kernel/behavior.ts'
export { DeadLetter, type DeadLetterReason, type DeadLetters } from './kernel/dead-letters.ts'
export { ActorSystem, type ActorSystemOptions } from './kernel/system.ts'
export {
  type ActorContext,
  type ActorRef,
  type AskOptions,
  type BehaviorDefinition,
  type ExitReason,
  ignore,
  type MailboxOptions,
  type Overflow,
  type ReplyTo,
  type ShutdownTime,
  type Signal,
  type SpawnOptions,
  type StopOptions,
} from './kernel/types.ts'
export {
  type DecideContext,
  type Decision,
  type EventSourcedDefinition,
  eventSourced,
  type Outgoing,
  type SnapshotPolicy,
  to,
} from './persistence/event-sourced.ts'
export { childRef, type SupervisorControl, supervisorControl } from './supervision/control.ts'
export type {
  ChildInfo,
  ChildStarted,
  DeleteChildResult,
  RestartChildResult,
  StartChildResult,
  SupervisorMessage,
  TerminateChildResult,
} from './supervision/messages.ts'
export type { AutoShutdown, ChildSpec, RestartType, Strategy, SupervisorSpec } from './supervision/specification.ts'
export { supervisor } from './supervision/supervisor.ts'
