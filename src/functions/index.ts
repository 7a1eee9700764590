/** `troupe/functions`: the same definitions, one invocation per event. docs/functions.md has the promises. */

export {
  type CloudEventObject,
  cloudEventFunction,
  httpFunction,
  type ReadRequest,
  type SqsBatch,
  type SqsBatchAnswer,
  type SqsRecord,
  sqsFunction,
} from './adapters.ts'
export type { EntityEvent, EntityResult } from './entity-function.ts'
export {
  type BridgeTranslation,
  type BusEvent,
  type FunctionOptions,
  type InvocationContext,
  type Routed,
  routed,
  type TroupeFunction,
  toFunction,
} from './to-function.ts'
