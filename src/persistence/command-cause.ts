import { RuntimeError, shown } from '../base/errors.ts'
import type { Cause } from './journal.ts'

/** Who sends a command and why, said by its sender; kept with what the command decides, and with what that leads to. */
export interface CommandCause {
  /** On whose behalf, as an audit will read it: `user:42`. **Bounds**: 1 to 256 characters. */
  readonly principal?: string
  /** The event or request that led to it. **Bounds**: 1 to 512 characters. */
  readonly causationId?: string
  /** The same for everything that one request leads to. **Bounds**: 1 to 512 characters. */
  readonly correlationId?: string
  /** W3C Trace Context, such as `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`. */
  readonly traceParent?: string
}

export const NO_CAUSE: Cause = { principal: null, causationId: null, correlationId: null, traceParent: null }

/** Whether a text is a trace parent of W3C Trace Context. What came with a request and is none is to be left out. */
export const isTraceParent = (text: unknown): text is string => typeof text === 'string' && TRACE_PARENT.test(text)

const TRACE_PARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** Takes the cause out of a call's options and checks it. **Errors**: CAUSE_INVALID, which names the field. */
export const causeOf = (options: CommandCause | undefined): Cause => {
  if (options === undefined) return NO_CAUSE
  const { principal = null, causationId = null, correlationId = null, traceParent = null } = options
  if (principal === null && causationId === null && correlationId === null && traceParent === null) return NO_CAUSE
  checkText('principal', principal, 256)
  checkText('causationId', causationId, 512)
  checkText('correlationId', correlationId, 512)
  if (traceParent !== null && !isTraceParent(traceParent))
    throw invalid('traceParent', 'a W3C trace parent of version, trace id, parent id and flags', traceParent)
  return { principal, causationId, correlationId, traceParent }
}

const checkText = (field: string, text: string | null, lengthMax: number): void => {
  if (text === null) return
  if (typeof text !== 'string' || text === '' || text.length > lengthMax || !text.isWellFormed())
    throw invalid(field, `a well-formed text of 1 to ${lengthMax} characters`, text)
}

const invalid = (field: string, mustBe: string, value: unknown): RuntimeError =>
  new RuntimeError('CAUSE_INVALID', `${field} must be ${mustBe}, not ${shown(value).slice(0, 600)}`)
