import { RuntimeError, toError } from '../base/errors.ts'
import type { Cancel } from '../base/ports.ts'
import { askRefusal, PendingReply } from '../kernel/ask.ts'
import { NORMAL } from '../kernel/behavior.ts'
import type { Cell } from '../kernel/cell.ts'
import type { WaitingOffer } from '../kernel/cell-state.ts'
import type { DeadLetterReason } from '../kernel/dead-letters.ts'
import { echoing } from '../kernel/echo.ts'
import { Front } from '../kernel/front.ts'
import { LateReply } from '../kernel/late-reply.ts'
import { Ring } from '../kernel/ring.ts'
import { isNoTime, refuseTime } from '../kernel/shutdown-time.ts'
import type { AskOptions, ReplyTo, ShutdownTime, StopOptions } from '../kernel/types.ts'
import type { PoolLane } from './pool-lane.ts'
import { type PooledAsk, PoolItem, PoolQueue } from './pool-queue.ts'

export interface PoolRules {
  readonly keyOf: ((message: never) => string | number | undefined) | null
  readonly capacity: number
  readonly backpressure: boolean
  /** Infinite: messages wait as long as it takes. */
  readonly ttlMs: number
}

/**
 * Where a pool is told: hands a message to a free worker at once, and keeps it while there is none.
 *
 *     tell ──▶ [shared queue] ──────────▶ any free worker
 *          └─▶ [queue of lane 2] ───────▶ worker 2            messages with a key of worker 2
 *
 * A worker has one message at a time, so what waits can still expire and be counted. A free worker takes what came first of
 * its lane's and the shared queue.
 */
export class PoolFront extends Front {
  /** Messages that wait in all queues. */
  queued = 0
  private readonly lanes: readonly PoolLane[]
  private readonly rules: PoolRules
  private readonly shared = new PoolQueue()
  private readonly free: PoolLane[] = []
  private readonly offers = new Ring<WaitingOffer>()
  private nextOrder = 0
  private cancelExpiry: Cancel | null = null
  /** Each drain with a time has one: the earliest counts. */
  private readonly limits: Cancel[] = []
  private draining: Promise<void> | null = null
  private drained: (() => void) | null = null

  constructor(supervisor: Cell, lanes: readonly PoolLane[], rules: PoolRules) {
    super(supervisor)
    this.lanes = lanes
    this.rules = rules
  }

  // ── what it is told ──────────────────────────────────────────────────────────────────────────────────────────────

  override get isClosed(): boolean {
    return super.isClosed || this.drained !== null
  }

  override tell(message: unknown): void {
    if (this.isClosed) {
      this.system.deadLetters.add(message, this.path, 'stopped')
      return
    }
    try {
      if (!this.take(message, null)) this.system.deadLetters.add(message, this.path, 'overflow')
    } catch (error) {
      this.system.logger.log('error', `${this.path}: no key for a message`, { error: toError(error) })
      this.system.deadLetters.add(message, this.path, 'no-route')
    }
  }

  override async offer(message: unknown): Promise<void> {
    if (this.isClosed) throw this.stoppedError()
    if (this.take(message, null)) return
    if (!this.rules.backpressure) throw this.queueFullError()
    await new Promise<void>((resolve, reject) => this.offers.push({ message, resolve, reject }))
  }

  override async ask<Reply>(make: (replyTo: ReplyTo<Reply>) => unknown, options?: AskOptions): Promise<Reply> {
    if (this.isClosed) throw this.stoppedError()
    // Before a worker has the message: then it is too late to refuse the ask.
    const refusal = askRefusal(make, options)
    if (refusal !== null) throw refusal
    const late = new LateReply()
    const message = make(late as ReplyTo<unknown> as ReplyTo<Reply>)
    const outer = new PendingReply(this, this.system.deadLetters)
    if (!this.take(message, { outer, late })) throw this.queueFullError()
    if (options?.timeoutMs !== undefined) outer.failAfter(options.timeoutMs, this.system.askDeadlines)
    return outer.promise as Promise<Reply>
  }

  // ── its end ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes nothing more; ends when everything that waits has been handled. */
  override drain(options?: StopOptions): Promise<void> {
    if (isNoTime(options)) return refuseTime(options)
    if (this.isStopped) return this.keeper.stop(options)
    this.limitDrain(options?.shutdownMs ?? 'infinity')
    this.draining ??= this.drainOnce()
    return this.draining
  }

  private async drainOnce(): Promise<void> {
    await new Promise<void>(resolve => {
      this.drained = resolve
      this.rejectOffers()
      this.endIfDrained()
    })
    this.close(NORMAL)
    await this.keeper.stop()
  }

  private limitDrain(time: ShutdownTime): void {
    if (time === 'brutal-kill') this.kill()
    else if (time !== 'infinity') this.limits.push(this.system.clock.after(time, () => this.kill()))
  }

  protected letGo(): void {
    this.cancelExpiry?.()
    this.cancelExpiry = null
    for (const cancel of this.limits) cancel()
    this.queued = 0
    for (const queue of this.queues()) while (queue.first !== null) this.turnAway(queue.shift(), 'stopped')
    this.rejectOffers()
    this.drained?.()
  }

  private endIfDrained(): void {
    if (this.drained === null || this.queued > 0) return
    if (this.lanes.every(lane => !lane.busy)) this.drained()
  }

  private rejectOffers(): void {
    while (!this.offers.isEmpty) this.offers.shift().reject(this.stoppedError())
  }

  // ── its messages ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** False: the queue is full. */
  private take(message: unknown, ask: PooledAsk | null): boolean {
    const lane = this.laneOf(message)
    const worker = lane === null ? this.takeFree() : lane.busy ? null : lane
    if (worker !== null) {
      this.deliver(worker, message, ask)
      return true
    }
    if (this.queued >= this.rules.capacity) return false
    this.enqueue(lane, message, ask)
    return true
  }

  private enqueue(lane: PoolLane | null, message: unknown, ask: PooledAsk | null): void {
    const { ttlMs } = this.rules
    const dueMs = ttlMs === Number.POSITIVE_INFINITY ? ttlMs : this.system.clock.monotonicMs() + ttlMs
    const queue = lane === null ? this.shared : lane.queue
    queue.push(new PoolItem(message, ask, this.nextOrder++, dueMs))
    this.queued++
    if (dueMs !== Number.POSITIVE_INFINITY && this.cancelExpiry === null) this.expireAfter(ttlMs)
  }

  private laneOf(message: unknown): PoolLane | null {
    const { keyOf } = this.rules
    if (keyOf === null) return null
    const key = keyOf(message as never)
    return key === undefined ? null : (this.lanes[indexOf(String(key), this.lanes.length)] as PoolLane)
  }

  private takeFree(): PoolLane | null {
    for (let lane = this.free.pop(); lane !== undefined; lane = this.free.pop()) {
      lane.listed = false
      if (!lane.busy) return lane
    }
    return null
  }

  private deliver(lane: PoolLane, message: unknown, ask: PooledAsk | null): void {
    lane.give(message)
    const worker = lane.worker as Cell
    if (ask === null) {
      worker.tell(message)
      return
    }
    const { outer, late } = ask
    const answer = worker.ask<unknown>(replyTo => {
      late.bind(replyTo)
      return message
    })
    answer.then(
      reply => outer.tell(reply),
      error => outer.fail(error),
    )
  }

  /** For the lanes: this worker can take the next message. */
  freed(lane: PoolLane): void {
    const own = lane.queue.first
    const common = this.shared.first
    if (own === null && common === null) {
      if (!lane.listed) this.free.push(lane)
      lane.listed = true
      this.endIfDrained()
      return
    }
    const queue = common === null || (own !== null && own.order < common.order) ? lane.queue : this.shared
    // In the middle of another message, which neither this one nor the offers come of.
    const { message, ask, echoDepth } = this.unqueue(queue)
    echoing(echoDepth, () => this.deliver(lane, message, ask))
    echoing(0, () => this.acceptOffers())
  }

  private unqueue(queue: PoolQueue): PoolItem {
    this.queued--
    return queue.shift()
  }

  private acceptOffers(): void {
    while (!this.offers.isEmpty && this.queued < this.rules.capacity) {
      const { message, resolve, reject } = this.offers.shift()
      try {
        this.take(message, null)
        resolve()
      } catch (error) {
        reject(toError(error))
      }
    }
  }

  // ── what waits too long ──────────────────────────────────────────────────────────────────────────────────────────

  private expireAfter(delayMs: number): void {
    this.cancelExpiry = this.system.clock.after(delayMs, () => this.expire())
  }

  /** All wait equally long, so the first of each queue is its oldest, and one timer does for all. */
  private expire(): void {
    this.cancelExpiry = null
    const nowMs = this.system.clock.monotonicMs()
    let nextMs = Number.POSITIVE_INFINITY
    for (const queue of this.queues()) {
      while (queue.first !== null && queue.first.dueMs <= nowMs) this.turnAway(this.unqueue(queue), 'expired')
      if (queue.first !== null) nextMs = Math.min(nextMs, queue.first.dueMs)
    }
    if (nextMs !== Number.POSITIVE_INFINITY) this.expireAfter(nextMs - nowMs)
    this.acceptOffers()
  }

  private turnAway({ message, ask, echoDepth }: PoolItem, reason: DeadLetterReason & ('expired' | 'stopped')): void {
    if (ask === null) echoing(echoDepth, () => this.system.deadLetters.add(message, this.path, reason))
    else ask.outer.fail(reason === 'stopped' ? this.stoppedError() : this.expiredError())
  }

  private *queues(): Iterable<PoolQueue> {
    yield this.shared
    for (const lane of this.lanes) yield lane.queue
  }

  private expiredError(): RuntimeError {
    const text = `${this.path}: no worker took the message within ${this.rules.ttlMs} ms`
    return new RuntimeError('MESSAGE_EXPIRED', text, { retryable: true })
  }

  private queueFullError(): RuntimeError {
    const text = `${this.path}: queue full with ${this.rules.capacity} messages`
    return new RuntimeError('MAILBOX_FULL', text, { retryable: true })
  }
}

/** FNV-1a: the number of workers is fixed, so the remainder does. */
const indexOf = (key: string, lanes: number): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) {
    hash ^= key.charCodeAt(i)
    hash = Math.imul(hash, 0x01000193)
  }
  return (hash >>> 0) % lanes
}
