import { checkCount, checkOneOf, checkOptions } from '../base/bounds.ts'

const OVERFLOWS = ['reject', 'drop-newest', 'drop-oldest', 'backpressure'] as const

/** What becomes of messages beyond the capacity; see `BoundedMailbox`. */
export type Overflow = (typeof OVERFLOWS)[number]

/**
 * How many messages may wait, the one in the handler not counted, and what becomes of those beyond. Signals are never shed.
 *
 * - `reject`: the new message is a dead letter `overflow`, and `offer` rejects with MAILBOX_FULL.
 * - `drop-newest`: the same; with priorities the newest of the least urgent messages gives way, be it the new one or not.
 * - `drop-oldest`: the oldest message gives way; with priorities the oldest of the least urgent ones.
 * - `backpressure`: `offer` waits for room; what is told is a dead letter.
 *
 * What comes back from the stash, or is redelivered after a crash, is in the mailbox whatever its capacity, and counts:
 * nothing new gets in until there is room again. So no more than `capacity`, the stash's capacity and one wait at once.
 */
export interface BoundedMailbox {
  readonly capacity: number
  readonly overflow: Overflow
}

/**
 * Messages in the order of urgency: the smallest number first, equals in the order they came, per sender and over all.
 * A `priority` that throws, or answers NaN or what is no number, makes its message the least urgent, and a line in the log.
 */
export interface PriorityMailbox<in Message = unknown> {
  readonly priority: (message: Message) => number
  /** Default: no limit. */
  readonly capacity?: number
  /** Default: `reject`. */
  readonly overflow?: Overflow
}

/** What a mailbox takes, and in which order it gives: arrival, or urgency. */
export type MailboxOptions<Message = unknown> =
  | (BoundedMailbox & { readonly priority?: undefined })
  | PriorityMailbox<Message>

/** The options with everything said. */
export interface Mailbox {
  readonly capacity: number
  readonly overflow: Overflow
  readonly priority: ((message: unknown) => number) | null
}

/** **Errors**: RangeError for a capacity or an overflow that is none. */
export const mailboxOf = (options: MailboxOptions<never> | undefined): Mailbox | null => {
  if (options === undefined) return null
  checkOptions('mailbox', options, ['capacity', 'overflow', 'priority'])
  const { capacity, overflow = 'reject', priority = null } = options
  const isUnbounded = capacity === undefined && priority !== null
  if (!isUnbounded) checkCount('mailbox capacity', capacity)
  checkOneOf('mailbox overflow', overflow, OVERFLOWS)
  return {
    capacity: capacity ?? Number.POSITIVE_INFINITY,
    overflow,
    priority: priority as ((message: unknown) => number) | null,
  }
}
