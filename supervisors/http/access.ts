import { createHash, timingSafeEqual } from 'node:crypto'
import { type CommandCause, isTraceParent } from 'troupe'
import { Problem } from './problem.ts'

/** What a caller may do. None implies another. */
export type Scope = 'read' | 'submit' | 'operate'

export const SCOPES: readonly Scope[] = ['read', 'submit', 'operate']

export interface Caller {
  /**
   * Who it is: what belongs to somebody is theirs, and what they caused names them. Null: nobody in particular. **Bounds**:
   * 1 to 256 characters.
   */
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

/** Where nobody is asked who they are. */
export const EVERYBODY: Caller = { name: null, scopes: SCOPES }

/** Whoever is on this machine may do everything. */
export const everybodyHere: Authorize = () => EVERYBODY

/** **Errors**: RangeError for a token under 16 characters, or a name or a scope that is none. */
export const bearerTokens = (tokens: readonly BearerToken[]): Authorize => {
  const known = tokens.map(({ token, scopes, name }) => {
    if (token.length < 16) throw new RangeError('a bearer token needs at least 16 characters')
    if (name !== undefined && !isName(name))
      throw new RangeError(`a token's name is a well-formed text of 1 to ${NAME_LENGTH_MAX} characters`)
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

/** **Errors**: Problem 401 and 403; RangeError where `authorize` gives a name that is none. */
export const admit = async (authorize: Authorize, head: RequestHead, scope: Scope): Promise<Caller> => {
  const caller = await authorize(head)
  if (caller === null)
    throw new Problem(401, 'Give a bearer token that is known here.', null, { 'www-authenticate': 'Bearer' })
  if (caller.name !== null && !isName(caller.name))
    throw new RangeError('authorize gave a caller whose name is no well-formed text of 1 to 256 characters')
  if (!caller.scopes.includes(scope))
    throw new Problem(403, `This needs the scope ${scope}.`, null, {
      'www-authenticate': `Bearer error="insufficient_scope", scope="${scope}"`,
    })
  return caller
}

/** What a command of theirs is stored with. A `traceparent` that is none is left out, as W3C asks for. */
export const causeBy = (caller: Caller | null, traceParent: string | null): CommandCause => ({
  ...(caller !== null && caller.name !== null && { principal: caller.name }),
  ...(isTraceParent(traceParent) && { traceParent }),
})

export const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?|\[?::ffff:127(\.\d{1,3}){3}\]?)$/i.test(host)

/** Whether a `Host` header names this machine. */
export const isLoopbackHost = (header: string | undefined): boolean =>
  header !== undefined && isLoopback(header.replace(/:\d{1,5}$/, ''))

/** As long as the principal of a command may be. */
const NAME_LENGTH_MAX = 256

const isName = (name: unknown): boolean =>
  typeof name === 'string' && name !== '' && name.length <= NAME_LENGTH_MAX && name.isWellFormed()

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()
