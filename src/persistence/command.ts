import type { ReplyTo } from '../kernel/types.ts'
import type { Cause } from './journal.ts'

/** A message that a log delivers: who delivers it, from where, and whom to tell how it ended. */
export interface Delivery {
  readonly source: string
  readonly partition: number
  /** Null where the source has none that say what was handled before: then `id` does. */
  readonly position: number | null
  /** What makes it one with its redeliveries. */
  readonly id: string
  /** Lower positions for the same receiver that are still on their way, ascending. Read while it is being handled only. */
  readonly outstanding: ArrayLike<number>
  readonly causationId: string | null
  readonly correlationId: string | null
  /** On whose behalf, and in which trace, where the source knows. */
  readonly principal?: string | null
  readonly traceParent?: string | null
  /** What it caused is durable. Called at most once for an attempt. */
  done(): void
  /**
   * Nothing of it is durable as far as is known: deliver it again. `culprit`: it was this message that failed, and not
   * one before it or the receiver as a whole.
   */
  failed(error: Error, culprit: boolean): void
}

/** A command as it travels to an entity: asked or told by someone in this process, or delivered by a log. */
export class Command<Message> {
  readonly message: Message
  readonly replyTo: ReplyTo<unknown> | null
  readonly delivery: Delivery | null
  readonly causationId: string | null
  readonly correlationId: string | null
  readonly principal: string | null
  readonly traceParent: string | null

  constructor(
    message: Message,
    replyTo: ReplyTo<unknown> | null,
    delivery: Delivery | null,
    causationId: string | null,
    correlationId: string | null,
    principal: string | null = null,
    traceParent: string | null = null,
  ) {
    this.message = message
    this.replyTo = replyTo
    this.delivery = delivery
    this.causationId = causationId
    this.correlationId = correlationId
    this.principal = principal
    this.traceParent = traceParent
  }
}

export const commandOf = <Message>(
  message: Message,
  replyTo: ReplyTo<unknown> | null,
  cause: Cause,
): Command<Message> =>
  new Command(message, replyTo, null, cause.causationId, cause.correlationId, cause.principal, cause.traceParent)

export const deliveredCommand = <Message>(message: Message, delivery: Delivery): Command<Message> => {
  const { causationId, correlationId, principal = null, traceParent = null } = delivery
  return new Command(message, null, delivery, causationId, correlationId, principal, traceParent)
}
