import { isRuntimeError, toError } from '../base/errors.ts'
import { cloudEventOfObject } from '../messaging/cloud-event.ts'
import type { BusEvent, InvocationContext } from './to-function.ts'

type Invoke<Event, Result> = (event: Event, context?: InvocationContext) => Promise<Result>

/** Turns a web-standard request into an event, or into the answer where it is none. */
export type ReadRequest<Event> = (request: Request) => Event | Response | Promise<Event | Response>

/**
 * A function behind HTTP. Answers 200 with the result as JSON; 503 with `Retry-After` for what may be tried again, and 500
 * for the rest, without a word of what it was: the log has it.
 */
export const httpFunction =
  <Event, Result>(invoke: Invoke<Event, Result>, read: ReadRequest<Event>): ((request: Request) => Promise<Response>) =>
  async request => {
    try {
      const event = await read(request)
      if (event instanceof Response) return event
      const traceParent = request.headers.get('traceparent')
      return Response.json(await invoke(event, traceParent === null ? {} : { traceId: traceParent }))
    } catch (error) {
      return isRuntimeError(error) && error.retryable
        ? new Response(null, { status: 503, headers: { 'retry-after': '1' } })
        : new Response(null, { status: 500 })
    }
  }

/** A CloudEvent (1.0) in its JSON form. */
export interface CloudEventObject {
  readonly specversion: string
  readonly id: string
  readonly source: string
  readonly type: string
  readonly data?: unknown
  readonly traceparent?: string
}

/**
 * A bridge's function for CloudEvents: source and id together are the message's id. **Errors**: MESSAGE_INVALID for what is
 * none; those of the function.
 */
export const cloudEventFunction =
  <Result>(invoke: Invoke<BusEvent, Result>): ((event: CloudEventObject) => Promise<Result>) =>
  async event =>
    invoke(busEventOf(event))

/** Checked first: of events without an id each but one would count as a redelivery. **Errors**: MESSAGE_INVALID. */
const busEventOf = (event: unknown): BusEvent => {
  const { id, source, type, data, correlationId, traceParent } = cloudEventOfObject(event)
  return {
    type,
    payload: data,
    id: `${source} ${id}`,
    ...(correlationId !== null && { correlationId }),
    ...(traceParent !== null && { traceId: traceParent }),
  }
}

/** What AWS Lambda hands over of a queue. */
export interface SqsBatch {
  readonly Records: readonly SqsRecord[]
}

export interface SqsRecord {
  readonly messageId: string
  readonly body: string
  readonly attributes?: Readonly<Record<string, string>>
}

/** Those that failed come again; the others are done. */
export interface SqsBatchAnswer {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[]
}

/**
 * A bridge's function for a queue whose messages are CloudEvents as JSON, with `ReportBatchItemFailures`. Messages are
 * handled together, those of a FIFO group one after the other; behind one that failed none of its group is tried.
 */
export const sqsFunction =
  (invoke: Invoke<BusEvent, unknown>): ((batch: SqsBatch) => Promise<SqsBatchAnswer>) =>
  async ({ Records }) => {
    const groups = new Map<string, SqsRecord[]>()
    for (const record of Records) {
      const group = record.attributes?.MessageGroupId ?? `alone ${record.messageId}`
      const others = groups.get(group)
      if (others === undefined) groups.set(group, [record])
      else others.push(record)
    }
    const failed = await Promise.all(Array.from(groups.values(), group => failedOf(group, invoke)))
    return { batchItemFailures: failed.flat().map(itemIdentifier => ({ itemIdentifier })) }
  }

/** The ids from the first that failed on. Why is in the line of its invocation; a body that is no CloudEvent has none. */
const failedOf = async (group: readonly SqsRecord[], invoke: Invoke<BusEvent, unknown>): Promise<readonly string[]> => {
  for (const [i, { body, attributes }] of group.entries()) {
    const context = attributes?.AWSTraceHeader === undefined ? {} : { traceId: attributes.AWSTraceHeader }
    const failure = await Promise.resolve()
      .then(() => invoke(busEventOf(JSON.parse(body)), context))
      .then(() => null, toError)
    if (failure !== null) return group.slice(i).map(({ messageId }) => messageId)
  }
  return []
}
