import { RuntimeError } from 'troupe'

/** What is answered in place of what was asked for (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly detail: string
  readonly errors: readonly string[] | null
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    detail: string,
    errors: readonly string[] | null = null,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail)
    this.status = status
    this.detail = detail
    this.errors = errors
    this.headers = headers
  }
}

export const PROBLEM_TYPE = 'application/problem+json'

export const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

export const problemBody = ({ status, detail, errors }: Problem): string =>
  JSON.stringify({ type: 'about:blank', title: TITLES[status] ?? 'Error', status, detail, ...(errors && { errors }) })

export const unavailable = (detail: string): Problem => new Problem(503, detail, null, { 'retry-after': '1' })

/** What went wrong, as the caller may know it; null for a bug of ours, of which nothing is told. */
export const problemOf = (error: unknown): Problem | null => {
  if (error instanceof Problem) return error
  if (error instanceof RuntimeError)
    return error.code === 'VIEW_QUERY_INVALID'
      ? new Problem(400, error.message)
      : unavailable('A part of the marketplace that this needs is down or not that far. Try again.')
  const { statusCode } = error as { readonly statusCode?: unknown }
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode > 499) return null
  return new Problem(statusCode, CLIENT_ERRORS[statusCode] ?? 'The request is not one that can be served.')
}

const CLIENT_ERRORS: Readonly<Record<number, string>> = {
  400: 'The request is malformed.',
  404: 'There is no such path, or not with this method.',
  413: 'The body is larger than is allowed.',
  414: 'The path is longer than is allowed.',
  415: 'Give the body as application/json.',
  429: 'Too many requests from this address. Try again later.',
}
