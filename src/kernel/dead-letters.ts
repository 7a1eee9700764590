import type { Logger } from '../base/logger.ts'
import type { Clock } from '../base/ports.ts'
import { ECHOES_MAX, echo, echoing } from './echo.ts'

/** Why a message reached no handler. */
export type DeadLetterReason =
  /** Its receiver has ended, or ended with the message still queued. */
  | 'stopped'
  /** It was sent by an incarnation that had been killed or had crashed. */
  | 'killed'
  /** The mailbox was full. */
  | 'overflow'
  /** It was to be set aside, and the stash was full. */
  | 'stash-full'
  /** An answer that nobody waits for any more. */
  | 'late-reply'
  /** There is no such receiver. */
  | 'no-route'
  /** It came from another thread or process, and its bytes could not be read. */
  | 'decode'
  /** It waited for a worker longer than the pool's `ttlMs`. */
  | 'expired'
  /** It crashed its actor as often as its supervisor redelivers it. */
  | 'parked'

/** A message that did not reach a handler. */
export class DeadLetter {
  readonly message: unknown
  /** Path of the receiver. */
  readonly recipient: string
  readonly reason: DeadLetterReason
  /** Of a parked message: that of its last crash. */
  readonly error: Error | null
  constructor(message: unknown, recipient: string, reason: DeadLetterReason, error: Error | null = null) {
    this.message = message
    this.recipient = recipient
    this.reason = reason
    this.error = error
  }
}

const LOG_INTERVAL_MS = 10_000

/**
 * Counts every message that could not be delivered, and tells whoever wants to know. The log gets a line at most every
 * ten seconds, with the count since the line before and never a payload.
 */
export class DeadLetters {
  /** All since the system started. */
  count = 0
  /** Of these, those that no listener was told, since listeners had led to them. */
  unheard = 0
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly listeners = new Set<(letter: DeadLetter) => void>()
  /** The listeners as they were at the last change: who is called may come and go meanwhile. */
  private snapshot: readonly ((letter: DeadLetter) => void)[] | null = null
  private loggedAtMs = Number.NEGATIVE_INFINITY
  private sinceLog = 0
  private publishing = false
  private reportedRound = false

  constructor(clock: Clock, logger: Logger) {
    this.clock = clock
    this.logger = logger
  }

  /**
   * Calls `listener` for each letter after this call; the function that comes back ends that at once. What a listener
   * itself makes is counted only, and so is a letter that is told to nobody as a message. An actor that a listener tells is
   * an actor as any: what it tells to nobody is a letter to be heard.
   *
   * **Bounds**: a letter that three others led to, one after the other, is counted only, so that listener and actors make no
   * loop: `unheard` says how many, and the first is logged. What an async handler does after an await belongs to its
   * letters where it goes through the handler's context; what a listener does after an await does not.
   */
  subscribe(listener: (letter: DeadLetter) => void): () => void {
    this.listeners.add(listener)
    this.snapshot = null
    return () => {
      this.listeners.delete(listener)
      this.snapshot = null
    }
  }

  /** For the runtime: `message` will not be handled by `recipient`. */
  add(message: unknown, recipient: string, reason: DeadLetterReason, error: Error | null = null): void {
    this.count++
    this.sinceLog++
    this.report(recipient, reason)
    if (this.listeners.size === 0) return
    const goesRound = echo.depth >= ECHOES_MAX
    if (goesRound || this.publishing || message instanceof DeadLetter) {
      this.unheard++
      if (goesRound) this.reportRound(recipient)
      return
    }
    const letter = new DeadLetter(message, recipient, reason, error)
    this.publishing = true
    echoing(echo.depth + 1, () => this.publish(letter))
    this.publishing = false
  }

  private publish(letter: DeadLetter): void {
    this.snapshot ??= [...this.listeners]
    for (const listener of this.snapshot)
      try {
        if (this.listeners.has(listener)) listener(letter)
      } catch (error) {
        this.logger.log('error', 'a dead-letter listener threw', { error })
      }
  }

  private reportRound(recipient: string): void {
    if (this.reportedRound) return
    this.reportedRound = true
    const text = `what a dead-letter listener does makes dead letters for ${recipient} again and again; it is not told them`
    this.logger.log('error', text, { recipient })
  }

  private report(recipient: string, reason: DeadLetterReason): void {
    const nowMs = this.clock.monotonicMs()
    if (nowMs - this.loggedAtMs < LOG_INTERVAL_MS) return
    this.loggedAtMs = nowMs
    this.logger.log('warn', `dead letter for ${recipient} (${reason}); ${this.sinceLog} since the last such line`, {
      recipient,
      reason,
      count: this.sinceLog,
    })
    this.sinceLog = 0
  }
}
