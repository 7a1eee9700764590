/** `troupe/messaging`: how messages come in from a log, a topic or a caller, and reach the actors of the domain. */

export {
  type CommandMessage,
  type EventMessage,
  type LogFilter,
  type LogSourceOptions,
  logSource,
} from './log-source.ts'
export {
  type DiscardResult,
  type MessageBridge,
  type MessageBridgeDefinition,
  messageBridge,
  type ReplayResult,
  type UnderWay,
} from './message-bridge.ts'
export type { MessageSource, SourceMessage } from './message-source.ts'
export type { ParkedMessage } from './parking-lot.ts'
export {
  type ReceivingAdapter,
  type ReceivingAdapterDefinition,
  type RequestResult,
  receivingAdapter,
} from './receiving-adapter.ts'
export { type BridgeTarget, type Route, routeTo } from './route.ts'
export type { StandardIssue, StandardResult, StandardSchema } from './standard-schema.ts'
