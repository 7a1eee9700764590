import { echo } from './echo.ts'

/**
 * A message that time sends to its own actor. It is queued as this object, and asked when it is taken from the mailbox, so
 * that one cancelled meanwhile is not handled.
 */
export abstract class Scheduled {
  abstract readonly message: unknown
  /** How many dead letters led to it. */
  readonly echoDepth: number

  constructor(echoDepth = echo.depth) {
    this.echoDepth = echoDepth
  }

  /** It has left the mailbox: whether its message still counts. */
  abstract arrive(): boolean
}

/** The actor that scheduled messages are for. */
export interface ScheduledTarget {
  /** How many dead letters led to what it does after an await. */
  readonly echoDepth: number
  readonly system: { readonly clock: { monotonicMs(): number; after(delayMs: number, run: () => void): () => void } }
  /** No message waits and none is handled. */
  readonly isIdle: boolean
  tellScheduled(message: Scheduled): void
}
