import { createHash, timingSafeEqual } from 'node:crypto'
import { Problem } from './problem.ts'

/** What a caller may do. None implies another. */
export type Scope = 'read' | 'submit' | 'operate'

export const SCOPES: readonly Scope[] = ['read', 'submit', 'operate']

export interface Caller {
  /** Who it is, for what belongs to somebody; null: nobody in particular. */
  readonly name: string | null
  readonly scopes: readonly Scope[]
}

export interface BearerToken {
  readonly token: string
  readonly scopes: readonly Scope[]
  /** Default: the token's fingerprint. */
  readonly name?: string
}

/** The head of a request, as whoever authorizes it sees it. */
export interface RequestHead {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly address: string
}

/** Says who sends a request; null: nobody who may. */
export type Authorize = (request: RequestHead) => Caller | null | Promise<Caller | null>

const EVERYBODY: Caller = { name: null, scopes: SCOPES }

/** Whoever is on this machine may do everything. */
export const everybodyHere: Authorize = () => EVERYBODY

/** **Errors**: RangeError for a token under 16 characters, or a scope that is none. */
export const bearerTokens = (tokens: readonly BearerToken[]): Authorize => {
  const known = tokens.map(({ token, scopes, name }) => {
    if (token.length < 16) throw new RangeError('a bearer token needs at least 16 characters')
    for (const scope of scopes) if (!SCOPES.includes(scope)) throw new RangeError(`there is no scope ${scope}`)
    const hash = hashOf(token)
    return { hash, caller: { name: name ?? hash.toString('hex', 0, 6), scopes } }
  })
  return ({ headers }) => {
    const [, token] = /^Bearer +(\S+)$/i.exec(headers.authorization?.toString() ?? '') ?? []
    if (token === undefined) return null
    const hash = hashOf(token)
    // All are compared, so that the time tells nothing.
    let caller: Caller | null = null
    for (const candidate of known) if (timingSafeEqual(candidate.hash, hash)) caller = candidate.caller
    return caller
  }
}

/** **Errors**: Problem 401 and 403. */
export const admit = async (authorize: Authorize, head: RequestHead, scope: Scope): Promise<Caller> => {
  const caller = await authorize(head)
  if (caller === null)
    throw new Problem(401, 'Give a bearer token that is known here.', null, { 'www-authenticate': 'Bearer' })
  if (!caller.scopes.includes(scope))
    throw new Problem(403, `This needs the scope ${scope}.`, null, {
      'www-authenticate': `Bearer error="insufficient_scope", scope="${scope}"`,
    })
  return caller
}

export const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?|\[?::ffff:127(\.\d{1,3}){3}\]?)$/i.test(host)

/** Whether a `Host` header names this machine. */
export const isLoopbackHost = (header: string | undefined): boolean =>
  header !== undefined && isLoopback(header.replace(/:\d{1,5}$/, ''))

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()
