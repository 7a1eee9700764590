import type { PlainAnswer } from './message.ts'

/** Refuses a request, in words for people and a `code` for programs. **Source**: RFC 9457. */
export class FeedProblem extends Error {
  override readonly name = 'FeedProblem'
  readonly status: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  410: 'Gone',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

export const answerOfProblem = ({ status, code, message, headers }: FeedProblem): PlainAnswer => {
  const problem = {
    type: `urn:troupe:problem:${code}`,
    title: TITLES[status] ?? 'Error',
    status,
    detail: message,
    code,
  }
  const body = Buffer.from(JSON.stringify(problem))
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'content-length': String(body.length),
      'cache-control': 'no-cache',
      ...headers,
    },
    body,
  }
}
