/** Every failure that Troupe throws or rejects with: callers match on `code`, which is stable; the text is for people. */

/** What went wrong, for programs: stable over versions. docs/guide.md says of each what to do. */
export type ErrorCode =
  // kernel
  | 'ACTOR_STOPPED'
  | 'ACTOR_CRASHED'
  | 'ACTOR_START_FAILED'
  | 'ACTOR_START_TIMEOUT'
  | 'ACTOR_HANDLER_TIMEOUT'
  | 'ACTOR_NAME_TAKEN'
  | 'ACTOR_NAME_INVALID'
  | 'ACTOR_LINK_FAILED'
  | 'BEHAVIOR_INVALID'
  | 'ASK_CYCLE'
  | 'STASH_FULL'
  | 'STASH_MISUSED'
  | 'ASK_TIMEOUT'
  | 'MAILBOX_FULL'
  | 'MESSAGE_EXPIRED'
  | 'NO_ROUTE'
  | 'NO_ANSWER'
  | 'SYSTEM_TERMINATED'
  // supervision
  | 'CHILD_SPEC_INVALID'
  | 'SUPERVISOR_INTENSITY_REACHED'
  | 'SUPERVISION_ESCALATED'
  | 'SUPERVISION_FAILED'
  | 'CHILD_NOT_FOUND'
  // persistence
  | 'JOURNAL_SEQUENCE_CONFLICT'
  | 'JOURNAL_FENCED'
  | 'JOURNAL_LOCKED'
  | 'JOURNAL_CORRUPT'
  | 'JOURNAL_FORMAT'
  | 'JOURNAL_UNAVAILABLE'
  | 'JOURNAL_FULL'
  | 'JOURNAL_CLOSED'
  | 'JOURNAL_DELETED'
  | 'JOURNAL_TOMBSTONED'
  | 'JOURNAL_MISCONFIGURED'
  | 'BACKUP_FAILED'
  | 'BACKUP_INVALID'
  | 'DEFINITION_INVALID'
  | 'DECISION_INVALID'
  | 'EVENT_NOT_STORABLE'
  | 'CAUSE_INVALID'
  | 'COMPENSATION_INVALID'
  | 'EVENT_TOO_LARGE'
  | 'EVENT_UNKNOWN'
  | 'EVENT_UPCAST_FAILED'
  | 'PERSISTENCE_ID_INVALID'
  | 'ENTITIES_RUNNING'
  | 'RECOVERY_FAILED'
  | 'RECOVERY_TIMEOUT'
  | 'WRITE_REJECTED'
  | 'WRITE_UNCERTAIN'
  // messaging
  | 'MESSAGE_INVALID'
  | 'MESSAGE_PARKED'
  | 'BRIDGE_STOPPED'
  | 'SOURCE_MISCONFIGURED'
  // feed
  | 'FEED_NOT_OPEN'
  | 'FEED_MISCONFIGURED'
  | 'FEED_REFUSED'
  // projection
  | 'PROJECTION_INVALID'
  | 'PROJECTION_FAILED'
  | 'VIEW_BUILDING'
  | 'VIEW_CONFLICT'
  | 'VIEW_GONE'
  | 'VIEW_LAGS'
  | 'VIEW_QUERY_INVALID'

export interface RuntimeErrorOptions {
  readonly cause?: unknown
  /** Whether the same call may succeed later without a change; false unless said. */
  readonly retryable?: boolean
}

/** A failure that Troupe throws or rejects with. Match on `code`; `cause` is what led to it. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError'
  readonly code: ErrorCode
  readonly retryable: boolean

  constructor(code: ErrorCode, message: string, options: RuntimeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
  }
}

/**
 * Whether it is a failure of Troupe's, and, where `code` is given, that one. Never throws, whatever it is asked
 * about.
 */
export const isRuntimeError = (error: unknown, code?: ErrorCode): error is RuntimeError =>
  error instanceof RuntimeError && (code === undefined || error.code === code)

/**
 * What was thrown, as an Error whose message, name and cause can be read: JavaScript lets anything be thrown, also what
 * throws when it is looked at, and every report wants a message. Never throws. An Error of another realm is one.
 */
export const toError = (thrown: unknown): Error =>
  isReadable(thrown) ? thrown : new Error(`thrown value that is no Error: ${describe(thrown)}`, { cause: thrown })

/** A value as the text of an error shows it, whatever it is. */
export const shown = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : describe(value))

/** The error and what led to it, outermost first; each once, also where they go round in a circle. */
export const causesOf = (error: Error): readonly Error[] => {
  const chain = new Set<Error>()
  for (let at: unknown = toError(error); isReadable(at) && !chain.has(at); at = at.cause) chain.add(at)
  return [...chain]
}

/** The error in words, and under it what led to it, one cause a line. */
export const explain = (error: Error): string => {
  const [first, ...causes] = causesOf(error) as [Error, ...Error[]]
  return [first.message, ...causes.map(cause => `  caused by ${nameOf(cause)}: ${cause.message}`)].join('\n')
}

const nameOf = (error: Error): string => (error instanceof RuntimeError ? error.code : error.name)

const isReadable = (value: unknown): value is Error => {
  try {
    if (!isError(value)) return false
    // A getter may throw.
    void value.cause
    return typeof value.message === 'string' && typeof value.name === 'string'
  } catch {
    return false
  }
}

/** The tag tells it of one of another realm, whose class is another. */
const isError = (value: unknown): value is Error =>
  value instanceof Error || Object.prototype.toString.call(value) === '[object Error]'

const describe = (value: unknown): string => {
  try {
    return String(value)
  } catch {
    return tagOf(value)
  }
}

const tagOf = (value: unknown): string => {
  try {
    return Object.prototype.toString.call(value)
  } catch {
    return `[${typeof value} that cannot be read]`
  }
}
