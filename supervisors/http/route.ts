import type { CommandCause } from 'troupe'
import * as v from 'valibot'
import type { Scope } from './access.ts'
import { Problem } from './problem.ts'

type Schema = v.GenericSchema<unknown, unknown>
type Out<S> = S extends Schema ? v.InferOutput<S> : undefined

/** What a route answers. */
export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}

export interface Incoming<Params, Query, Body> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly header: (name: string) => string | null
  /** Who asks, and the trace that it is part of: stored with what a command leads to. */
  readonly cause: CommandCause
  /** Aborts when whoever asked has gone. */
  readonly signal: AbortSignal
}

/** A route as data: what serves it, what checks it, and what describes it. */
export interface Route {
  readonly method: 'GET' | 'POST'
  /** As in OpenAPI: `/applications/{id}`. */
  readonly path: string
  /** Null: open to everybody. */
  readonly scope: Scope | null
  readonly summary: string
  readonly params: Schema | null
  readonly query: Schema | null
  readonly body: Schema | null
  /** Of the answer when all is well. */
  readonly answers: { readonly status: number; readonly description: string; readonly schema: Schema }
  handle(incoming: Incoming<unknown, unknown, unknown>): Answer | Promise<Answer>
}

/** A route whose handler gets what its schemas made of the request. **Errors**: Problem 400 and 422, with all that is wrong. */
export const route = <
  Params extends Schema | null,
  Query extends Schema | null,
  Body extends Schema | null,
>(definition: {
  readonly method: Route['method']
  readonly path: string
  readonly scope: Scope | null
  readonly summary: string
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly answers: Route['answers']
  readonly handle: (incoming: Incoming<Out<Params>, Out<Query>, Out<Body>>) => Answer | Promise<Answer>
}): Route => {
  const { params, query, body, handle } = definition
  return {
    ...definition,
    handle: incoming =>
      handle({
        ...incoming,
        params: checked(params, incoming.params, 400, 'The path is not valid.') as Out<Params>,
        query: checked(query, incoming.query, 400, 'The query is not valid.') as Out<Query>,
        body: checked(body, incoming.body, 422, 'The body is not valid.') as Out<Body>,
      }),
  }
}

const checked = (schema: Schema | null, input: unknown, status: number, detail: string): unknown => {
  if (schema === null) return undefined
  const result = v.safeParse(schema, input)
  if (result.success) return result.output
  throw new Problem(
    status,
    detail,
    result.issues.map(issue => issue.message),
  )
}
