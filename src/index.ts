export { RuntimeError, type ErrorCode, isRuntimeError } from './base/errors.ts'
export {
  type DecideContext,
  type Decision,
  eventSourced,
  type EventSourcedDefinition,
  type Outgoing,
  type SnapshotPolicy,
  to,
} from './persistence/event-sourced.ts'
