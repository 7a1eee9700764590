import { RuntimeError } from '../base/errors.ts'
import { AskEnvelope, PendingReply } from './ask.ts'
import type { Behavior } from './behavior.ts'
import { type CellSystem, NEW, Rare, STOPPED, SUSPENDED, type SystemMessage, type WaitingOffer } from './cell-state.ts'
import type { DeadLetterReason } from './dead-letters.ts'
import { Ring } from './ring.ts'
import type { Runnable } from './scheduler.ts'
import type { AskOptions, ExitReason, ReplyTo } from './types.ts'

/** Stands in `first` where no message does: any value may be one. */
export const NOTHING = Symbol('nothing')

/**
 * What an actor is to those who send to it: its mailbox, and the rules of what the mailbox takes. The cell that extends it
 * lives the life of the actor. They are one object, so that a tell is one call deep.
 */
export abstract class Receiver implements Runnable {
  readonly system: CellSystem
  protected behavior: Behavior<never>
  protected status = NEW
  protected readonly supervised: boolean
  /** READY with nothing to do and not in the run queue: the one state in which a message must enqueue the cell. */
  protected idle = false
  /** Takes any message without a check: alive, unbounded, not draining. */
  protected open: boolean
  /** An ask has been queued once: until then no message need be looked at for being one. */
  protected isAsked = false
  /** The message that woke the actor when it was idle: most wake for one only, which then never touches a ring. */
  protected first: unknown = NOTHING
  /** Messages behind `first`. */
  protected mailbox: Ring<unknown> | null = null
  protected signals: SystemMessage[] | null = null
  protected rare: Rare | null = null

  constructor(system: CellSystem, behavior: Behavior<never>, supervised: boolean) {
    this.system = system
    this.behavior = behavior
    this.supervised = supervised
    this.open = behavior.mailbox === null
  }

  abstract get path(): string
  abstract run(limit: number): number

  tell(message: unknown): void {
    if (!this.open) {
      this.tellWithLimits(message)
      return
    }
    this.push(message)
  }

  offer(message: unknown): Promise<void> {
    if (this.isClosed) return Promise.reject(this.stoppedError())
    const bounds = this.bounds
    if (bounds === null || this.waiting < bounds.capacity) {
      this.push(message)
      return Promise.resolve()
    }
    switch (bounds.overflow) {
      case 'backpressure':
        return new Promise((resolve, reject) => {
          const rare = this.rarely()
          rare.offers ??= new Ring()
          rare.offers.push({ message, resolve, reject })
        })
      case 'drop-oldest':
        this.tellWithLimits(message)
        return Promise.resolve()
      case 'reject':
      case 'drop-newest':
        return Promise.reject(this.fullError())
    }
  }

  ask<Reply>(make: (replyTo: ReplyTo<Reply>) => unknown, options?: AskOptions): Promise<Reply> {
    const reply = new PendingReply(this, this.system.deadLetters)
    try {
      const envelope = new AskEnvelope(make(reply as ReplyTo<unknown> as ReplyTo<Reply>), reply)
      if (options?.timeoutMs !== undefined) reply.failAfter(options.timeoutMs, this.system.clock)
      this.isAsked = true
      this.tell(envelope)
    } catch (error) {
      return Promise.reject(error)
    }
    return reply.promise as Promise<Reply>
  }

  /** Messages that wait. */
  get waiting(): number {
    return (this.first === NOTHING ? 0 : 1) + (this.mailbox === null ? 0 : this.mailbox.length)
  }

  /** No message waits and none is handled. */
  get isIdle(): boolean {
    return this.idle && this.signals === null
  }

  /** Takes no message any more: it has ended, or is about to end for good. */
  get isClosed(): boolean {
    return this.status === STOPPED || this.rare?.draining === true || this.rare?.final === true
  }

  /** Between two orders of its supervisor: no incarnation runs, and none is about to. */
  protected get isDormant(): boolean {
    return this.status === SUSPENDED || (this.status === NEW && this.supervised && this.rare?.startWaiter == null)
  }

  protected push(message: unknown): void {
    if (this.idle) {
      this.idle = false
      this.first = message
      this.system.scheduler.enqueue(this)
      return
    }
    if (this.mailbox === null) this.mailbox = this.system.rings.take()
    this.mailbox.push(message)
  }

  /** Call it only where a message waits. */
  protected takeOldest(): unknown {
    const { first } = this
    if (first === NOTHING) return (this.mailbox as Ring<unknown>).shift()
    this.first = NOTHING
    return first
  }

  protected signal(message: SystemMessage): void {
    if (this.status === STOPPED || this.isDormant) return
    if (this.signals === null) this.signals = [message]
    else this.signals.push(message)
    if (this.idle) {
      this.idle = false
      this.system.scheduler.enqueue(this)
    }
  }

  protected sweepMailbox(reason: ExitReason): void {
    const { takeBack } = this.behavior
    while (this.waiting > 0) {
      const item = this.takeOldest()
      if (takeBack === null || !takeBack(item, reason)) this.refuse(item, 'stopped')
    }
    if (this.mailbox !== null) this.system.rings.give(this.mailbox)
    this.mailbox = null
    const offers = this.rare?.offers
    if (offers != null) while (!offers.isEmpty) offers.shift().reject(this.stoppedError())
  }

  protected get hasOffers(): boolean {
    return this.rare !== null && this.rare.offers !== null
  }

  protected acceptOffer(): void {
    const rare = this.rare as Rare
    const offers = rare.offers as Ring<WaitingOffer>
    const offer = offers.shift()
    if (offers.isEmpty) rare.offers = null
    this.push(offer.message)
    offer.resolve()
  }

  protected rarely(): Rare {
    if (this.rare === null) this.rare = new Rare()
    return this.rare
  }

  protected stoppedError(): RuntimeError {
    return new RuntimeError('ACTOR_STOPPED', `${this.path} has stopped`)
  }

  protected get bounds(): Behavior<never>['mailbox'] {
    return (this.rare?.original ?? this.behavior).mailbox
  }

  private tellWithLimits(message: unknown): void {
    if (this.isClosed) {
      this.refuse(message, 'stopped')
      return
    }
    const bounds = this.bounds
    if (bounds === null || this.waiting < bounds.capacity) this.push(message)
    else if (bounds.overflow === 'drop-oldest') {
      this.refuse(this.takeOldest(), 'overflow')
      this.push(message)
    } else this.refuse(message, 'overflow')
  }

  /** The message will not be handled: whoever asked learns it, and everybody else from the dead letters. */
  private refuse(item: unknown, reason: DeadLetterReason): void {
    if (item instanceof AskEnvelope) item.reply.fail(reason === 'overflow' ? this.fullError() : this.stoppedError())
    else this.system.deadLetters.add(item, this.path, reason)
  }

  private fullError(): RuntimeError {
    const capacity = this.bounds?.capacity
    return new RuntimeError('MAILBOX_FULL', `${this.path}: mailbox full with ${capacity} messages`, { retryable: true })
  }
}
