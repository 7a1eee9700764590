/** `troupe/messaging`: how messages come in from a log, a topic or a caller, and reach the actors of the domain. */

export { type LogFilter, logSource } from './log-source.ts'
export {
  type BridgeTarget,
  type MessageBridge,
  type MessageBridgeDefinition,
  messageBridge,
  type ReplayResult,
  type Route,
} from './message-bridge.ts'
export type { MessageSource, SourceMessage } from './message-source.ts'
export type { ParkedMessage } from './parking-lot.ts'
export {
  type ReceivingAdapter,
  type ReceivingAdapterDefinition,
  type RequestResult,
  receivingAdapter,
} from './receiving-adapter.ts'
export type { StandardIssue, StandardResult, StandardSchema } from './standard-schema.ts'
