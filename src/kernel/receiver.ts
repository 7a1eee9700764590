import { RuntimeError, shown } from '../base/errors.ts'
import { AskEnvelope, askRefusal, PendingReply } from './ask.ts'
import type { Asker } from './ask-cycle.ts'
import type { Behavior } from './behavior.ts'
import { type CellSystem, NEW, NOTHING, Rare, STOPPED, SUSPENDED, type SystemMessage } from './cell-state.ts'
import { Redelivered } from './crash-guard.ts'
import type { DeadLetterReason } from './dead-letters.ts'
import { echo, echoing } from './echo.ts'
import { EchoMessage, toldIn } from './echo-message.ts'
import type { Mailbox } from './mailbox-options.ts'
import { PriorityQueue } from './priority-queue.ts'
import { Ring } from './ring.ts'
import { Scheduled } from './scheduled.ts'
import type { Runnable } from './scheduler.ts'
import { SignalQueue } from './signal-queue.ts'
import type { AskOptions, ExitReason, ReplyTo } from './types.ts'

/**
 * What an actor is to those who send to it: its mailbox, and the rules of what the mailbox takes. The cell that extends it
 * lives the life of the actor. They are one object, so that a tell is one call deep.
 */
export abstract class Receiver implements Runnable, Asker {
  readonly system: CellSystem
  protected behavior: Behavior<never>
  protected status = NEW
  protected readonly supervised: boolean
  /** READY with nothing to do and not in the run queue: the one state in which a message must enqueue the cell. */
  protected idle = false
  /** Takes any message without a check: alive, unbounded, not draining. */
  protected open: boolean
  /** A message may be more than itself (asked, scheduled, to be stashed): until then none need be looked at. */
  protected opensEnvelopes: boolean
  /** The message that woke the actor when it was idle: most wake for one only, which then never touches a ring. */
  protected first: unknown = NOTHING
  /** Messages behind `first`. */
  protected mailbox: Ring<unknown> | PriorityQueue | null = null
  protected signals: SignalQueue | null = null
  protected rare: Rare | null = null

  constructor(system: CellSystem, behavior: Behavior<never>, supervised: boolean) {
    this.system = system
    this.behavior = behavior
    this.supervised = supervised
    this.open = behavior.mailbox === null
    this.opensEnvelopes = behavior.stashCapacity > 0
  }

  abstract get path(): string
  abstract get awaited(): readonly PendingReply[]
  abstract run(limit: number): number

  tell(told: unknown): void {
    const message = echo.depth === 0 ? told : this.echoed(told)
    if (!this.open) {
      this.tellWithLimits(message)
      return
    }
    this.push(message)
  }

  offer(offered: unknown): Promise<void> {
    if (this.isClosed) return Promise.reject(this.stoppedError())
    const message = echo.depth === 0 ? offered : this.echoed(offered)
    const bounds = this.bounds
    if (bounds === null || this.waiting < bounds.capacity) {
      this.accept(message, bounds)
      return Promise.resolve()
    }
    if (bounds.overflow === 'backpressure')
      return new Promise((resolve, reject) => {
        const rare = this.rarely()
        rare.offers ??= new Ring()
        rare.offers.push({ message, resolve, reject })
      })
    const shed = this.displace(message, bounds)
    // With equal primitives the oldest may look like the new one, which is in.
    const isIn = shed !== message || (bounds.overflow === 'drop-oldest' && bounds.priority === null)
    if (!isIn) return Promise.reject(this.fullError())
    this.refuse(shed, 'overflow')
    return Promise.resolve()
  }

  ask<Reply>(make: (replyTo: ReplyTo<Reply>) => unknown, options?: AskOptions): Promise<Reply> {
    const refusal = askRefusal(make, options)
    if (refusal !== null) return Promise.reject(refusal)
    const reply = new PendingReply(this, this.system.deadLetters)
    try {
      const envelope = new AskEnvelope(make(reply as ReplyTo<unknown> as ReplyTo<Reply>), reply)
      if (options?.timeoutMs !== undefined) reply.failAfter(options.timeoutMs, this.system.askDeadlines)
      this.opensEnvelopes = true
      this.tell(envelope)
    } catch (error) {
      reply.giveUp()
      return Promise.reject(error)
    }
    return reply.promise as Promise<Reply>
  }

  /** A message from this actor's own timers, which asks when it is taken whether it still counts. */
  tellScheduled(message: Scheduled): void {
    this.opensEnvelopes = true
    this.tell(message)
  }

  /** Messages that wait. */
  get waiting(): number {
    return (this.first === NOTHING ? 0 : 1) + (this.mailbox === null ? 0 : this.mailbox.length)
  }

  /**
   * What waits, for whoever looks: a copy, asked and scheduled messages in their envelopes. **Order**: oldest first; none
   * where the mailbox has priorities.
   */
  get waitingItems(): unknown[] {
    const items = this.first === NOTHING ? [] : [this.first]
    this.mailbox?.filter(item => {
      items.push(item)
      return true
    })
    return items
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
    if (first === NOTHING) return (this.mailbox as Ring<unknown> | PriorityQueue).shift()
    this.first = NOTHING
    return first
  }

  protected signal(message: SystemMessage): void {
    if (this.status === STOPPED || this.isDormant) return
    if (this.signals === null) this.signals = new SignalQueue(message)
    else this.signals.push(message)
    this.wake()
  }

  protected sweepMailbox(reason: ExitReason): void {
    const { takeBack } = this.behavior
    while (this.waiting > 0) {
      const item = this.takeOldest()
      if (takeBack === null || !takeBack(toldIn(item), reason)) this.refuse(item, 'stopped')
    }
    if (this.mailbox instanceof Ring) this.system.rings.give(this.mailbox)
    this.mailbox = null
    if (this.rare !== null) this.refuseOffers(this.rare)
  }

  /** Gives up what waits for a held child that cannot start: its asks fail with `error`, and the mailbox goes on. */
  refuseWaiting(error: RuntimeError): void {
    const { takeBack } = this.behavior
    const reason: ExitReason = { type: 'error', error }
    while (this.waiting > 0) {
      const item = this.takeOldest()
      if (takeBack?.(toldIn(item), reason) === true) continue
      if (item instanceof AskEnvelope) item.reply.fail(error)
      else this.refuse(item, 'stopped')
    }
  }

  /** Lets in as many of those who wait for room as there is room for. */
  protected admitOffers(rare: Rare): void {
    const { bounds } = this
    while (rare.offers !== null && bounds !== null && this.waiting < bounds.capacity) {
      const offer = rare.offers.shift()
      if (rare.offers.isEmpty) rare.offers = null
      this.accept(offer.message, bounds)
      offer.resolve()
    }
  }

  protected refuseOffers(rare: Rare): void {
    const { offers } = rare
    rare.offers = null
    if (offers !== null) while (!offers.isEmpty) offers.shift().reject(this.stoppedError())
  }

  /** Sets the message in the handler aside, or refuses it when there is no room. **Errors**: STASH_MISUSED. */
  stashCurrent(): void {
    const { rare } = this
    const capacity = this.behavior.stashCapacity
    if (capacity === 0)
      throw new RuntimeError(
        'STASH_MISUSED',
        `${this.path}: give its behavior \`stash: { capacity }\` to stash messages`,
      )
    if (rare === null || rare.current === NOTHING)
      throw new RuntimeError('STASH_MISUSED', `${this.path}: no message is in the handler that could be stashed`)
    const item = rare.current
    rare.current = NOTHING
    rare.stash ??= this.system.rings.take()
    if (rare.stash.length >= capacity) {
      this.refuse(item, 'stash-full')
      return
    }
    if (item instanceof AskEnvelope) {
      item.isStashed = true
      item.reply.holder = null
      rare.openAsks?.delete(item.reply)
    }
    rare.stash.push(item)
  }

  /** Puts what was set aside ahead of the mailbox: from its end, so that each step is one and the order stays. */
  unstashAll(): void {
    const { rare } = this
    if (rare === null || rare.stash === null) return
    const { stash } = rare
    rare.stash = null
    if (!stash.isEmpty) {
      this.mailbox ??= this.system.rings.take()
      if (this.first !== NOTHING) this.mailbox.unshift(this.first)
      this.first = NOTHING
      while (!stash.isEmpty) this.mailbox.unshift(stash.pop())
      this.wake()
    }
    this.system.rings.give(stash)
  }

  /** Puts the message that crashed the actor ahead of what waits, or parks it after its last attempt. */
  protected redeliver(item: unknown, attempts: number, error: Error): void {
    const crashes = crashesOf(item) + 1
    const message = messageOf(item)
    const depth = echoDepthOf(item)
    if (crashes >= attempts) {
      // An ask fails with the incarnation, which holds it.
      echoing(depth, () => this.system.deadLetters.add(message, this.path, 'parked', error))
      return
    }
    this.mailbox ??= this.system.rings.take()
    if (this.first !== NOTHING) this.mailbox.unshift(this.first)
    this.first = NOTHING
    if (item instanceof AskEnvelope) {
      item.crashed = { times: crashes, last: error }
      item.reply.holder = null
      this.rare?.openAsks?.delete(item.reply)
      this.mailbox.unshift(item)
    } else this.mailbox.unshift(new Redelivered(message, crashes, depth))
  }

  protected rarely(): Rare {
    if (this.rare === null) this.rare = new Rare()
    return this.rare
  }

  protected stoppedError(): RuntimeError {
    return new RuntimeError('ACTOR_STOPPED', `${this.path} has stopped`)
  }

  protected crashedError(error: Error): RuntimeError {
    const text = `${this.path} crashed before it answered: ${error.message}`
    return new RuntimeError('ACTOR_CRASHED', text, { cause: error })
  }

  protected get bounds(): Mailbox | null {
    return (this.rare?.original ?? this.behavior).mailbox
  }

  private wake(): void {
    if (!this.idle) return
    this.idle = false
    this.system.scheduler.enqueue(this)
  }

  private echoed(message: unknown): unknown {
    if (message instanceof AskEnvelope || message instanceof Scheduled) return message
    this.opensEnvelopes = true
    return new EchoMessage(message)
  }

  private accept(message: unknown, bounds: Mailbox | null): void {
    if (bounds === null || bounds.priority === null) this.push(message)
    else this.pushByUrgency(message, bounds.priority)
  }

  private pushByUrgency(message: unknown, priority: (message: unknown) => number): void {
    this.mailbox ??= new PriorityQueue(item => this.urgencyOf(messageOf(item), priority))
    this.mailbox.push(message)
    this.wake()
  }

  private urgencyOf(message: unknown, priority: (message: unknown) => number): number {
    let urgency: unknown
    try {
      urgency = priority(message)
    } catch (error) {
      return this.leastUrgent(error)
    }
    // Past the types it may be anything, and only numbers have an order.
    if (typeof urgency === 'number' && !Number.isNaN(urgency)) return urgency
    return this.leastUrgent(new RangeError(`it answered ${shown(urgency)}`))
  }

  private leastUrgent(error: unknown): number {
    this.system.logger.log('error', `${this.path}: the mailbox's priority failed; its message comes last`, { error })
    return Number.POSITIVE_INFINITY
  }

  private tellWithLimits(message: unknown): void {
    if (this.isClosed) {
      this.refuse(message, 'stopped')
      return
    }
    const bounds = this.bounds
    if (bounds === null || this.waiting < bounds.capacity) this.accept(message, bounds)
    else this.refuse(this.displace(message, bounds), 'overflow')
  }

  /** A full mailbox takes `message` in or not; what comes back is the message that has no room. */
  private displace(message: unknown, { overflow, priority }: Mailbox): unknown {
    if (overflow !== 'drop-oldest' && overflow !== 'drop-newest') return message
    const which = overflow === 'drop-oldest' ? 'oldest' : 'newest'
    if (priority !== null) {
      this.pushByUrgency(message, priority)
      return (this.mailbox as PriorityQueue).shed(which)
    }
    if (which === 'newest') return message
    const oldest = this.takeOldest()
    this.push(message)
    return oldest
  }

  /** The message will not be handled: whoever asked learns it, and everybody else from the dead letters. */
  private refuse(item: unknown, reason: DeadLetterReason): void {
    // One that is not handled again, since nothing is restarted, fails as it would have without redelivery.
    if (item instanceof AskEnvelope)
      item.reply.fail(item.crashed === null ? this.refusal(reason) : this.crashedError(item.crashed.last))
    else if (!(item instanceof Scheduled)) this.system.deadLetters.add(item, this.path, reason)
    else if (item.arrive()) echoing(item.echoDepth, () => this.system.deadLetters.add(item.message, this.path, reason))
  }

  private refusal(reason: DeadLetterReason): RuntimeError {
    if (reason === 'overflow') return this.fullError()
    if (reason !== 'stash-full') return this.stoppedError()
    const { stashCapacity } = this.behavior
    const text = `${this.path}: stash full with ${stashCapacity} messages`
    return new RuntimeError('STASH_FULL', text, { retryable: true })
  }

  private fullError(): RuntimeError {
    const capacity = this.bounds?.capacity
    return new RuntimeError('MAILBOX_FULL', `${this.path}: mailbox full with ${capacity} messages`, { retryable: true })
  }
}

const messageOf = (item: unknown): unknown =>
  item instanceof AskEnvelope || item instanceof Scheduled ? item.message : item

/** How often it has crashed its actor before. */
const crashesOf = (item: unknown): number => {
  if (item instanceof AskEnvelope) return item.crashed === null ? 0 : item.crashed.times
  return item instanceof Redelivered ? item.crashes : 0
}

/** How many dead letters led to it. */
const echoDepthOf = (item: unknown): number =>
  item instanceof AskEnvelope || item instanceof Scheduled ? item.echoDepth : 0
