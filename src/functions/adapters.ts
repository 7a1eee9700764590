import { isRuntimeError, toError } from '../base/errors.ts'
import { systemClock } from '../base/ports.ts'
import { type CloudEvent, cloudEventOfJson, cloudEventOfObject } from '../messaging/cloud-event.ts'
import { Invocation, stdoutLogger } from './invocation.ts'
import type { BusEvent, InvocationContext, TroupeFunction } from './to-function.ts'

/** A function of `toFunction`, or one around it, which may hand on how it logs. */
type Invoke<Event, Result> = ((event: Event, context?: InvocationContext) => Promise<Result>) &
  Partial<Pick<TroupeFunction<Event, Result>, 'unread'>>

/**
 * Turns a web-standard request into an event, or into the answer where it is none. What it throws is logged, and answered
 * with 400 where the request is to blame (a SyntaxError, as of `request.json()`, or a MESSAGE_INVALID), else as a failure.
 */
export type ReadRequest<Event> = (request: Request) => Event | Response | Promise<Event | Response>

/**
 * A function behind HTTP. Answers 200 with the result as JSON; 400 for a request that cannot be read, and an event that is
 * none; 503 with `Retry-After` for what may be tried again, and 500 for the rest; all of them without a word of what it
 * was: the log has it.
 */
export const httpFunction =
  <Event, Result>(invoke: Invoke<Event, Result>, read: ReadRequest<Event>): ((request: Request) => Promise<Response>) =>
  async request => {
    const traceParent = request.headers.get('traceparent')
    const context: InvocationContext = traceParent === null ? {} : { traceId: traceParent }
    let event: Event | Response
    try {
      event = await read(request)
    } catch (error) {
      unread(invoke, error, context)
      return failed(error instanceof SyntaxError ? BAD_REQUEST : statusOf(error))
    }
    if (event instanceof Response) return event
    try {
      return Response.json(await invoke(event, context))
    } catch (error) {
      return failed(statusOf(error))
    }
  }

const BAD_REQUEST = 400
const FAILED = 500
const UNAVAILABLE = 503

const failed = (status: number): Response =>
  new Response(null, { status, ...(status === UNAVAILABLE && { headers: { 'retry-after': '1' } }) })

const statusOf = (error: unknown): number => {
  if (isRuntimeError(error, 'MESSAGE_INVALID') || isRuntimeError(error, 'PERSISTENCE_ID_INVALID')) return BAD_REQUEST
  return isRuntimeError(error) && error.retryable ? UNAVAILABLE : FAILED
}

const unread = <Event, Result>(invoke: Invoke<Event, Result>, error: unknown, context: InvocationContext): void => {
  if (invoke.unread !== undefined) invoke.unread(toError(error), context)
  else new Invocation(stdoutLogger, systemClock, invoke.name, 'unread', context.traceId ?? null).write({ error })
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
    invoke(read(invoke, {}, () => cloudEventOfObject(event)))

/** Checked first: of events without an id each but one would count as a redelivery. **Errors**: MESSAGE_INVALID, logged. */
const read = (invoke: Invoke<BusEvent, unknown>, context: InvocationContext, parse: () => CloudEvent): BusEvent => {
  try {
    const { id, source, type, data, correlationId, traceParent } = parse()
    return {
      type,
      payload: data,
      id: `${source} ${id}`,
      ...(correlationId !== null && { correlationId }),
      ...(traceParent !== null && { traceId: traceParent }),
    }
  } catch (error) {
    unread(invoke, error, context)
    throw error
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

/** The ids from the first that failed on. Why is in the line of its invocation, or of the body that could not be read. */
const failedOf = async (group: readonly SqsRecord[], invoke: Invoke<BusEvent, unknown>): Promise<readonly string[]> => {
  for (const [i, { body, attributes }] of group.entries()) {
    const context = attributes?.AWSTraceHeader === undefined ? {} : { traceId: attributes.AWSTraceHeader }
    const failure = await Promise.resolve()
      .then(() =>
        invoke(
          read(invoke, context, () => cloudEventOfJson(body)),
          context,
        ),
      )
      .then(() => null, toError)
    if (failure !== null) return group.slice(i).map(({ messageId }) => messageId)
  }
  return []
}
