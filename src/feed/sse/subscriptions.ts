import { toError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { type Cancel, type Clock, type Random, randomId } from '../../base/ports.ts'
import type { FeedLog } from '../log/feed-log.ts'
import { FrameMaker } from './frames.ts'
import { FeedSubscription, type SubscriptionTimes } from './subscription.ts'

export interface SubscriptionsOptions extends SubscriptionTimes {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Ended ids that are remembered per stream; older ones may subscribe again. */
const ENDED_MAX = 10_000
const TICK_MS = 1_000

/** All connections on one stream, and the ids that were ended. */
export class Subscriptions {
  private readonly log: FeedLog
  private readonly options: SubscriptionsOptions
  private readonly frames: FrameMaker
  private readonly live = new Map<string, FeedSubscription>()
  private readonly ended = new Set<string>()
  private unlisten: (() => void) | null = null
  private timer: Cancel | null = null
  private incarnation = ''

  constructor(log: FeedLog, options: SubscriptionsOptions) {
    this.log = log
    this.options = options
    this.frames = new FrameMaker(log)
  }

  get count(): number {
    return this.live.size
  }

  isEnded(owner: string, id: string): boolean {
    return this.ended.has(keyOf(owner, id))
  }

  nextId(): string {
    return randomId(this.options.random) + randomId(this.options.random)
  }

  /** Begins one after `number`; another one of the same owner and id is ended, since its requester has come again. */
  begin(owner: string, id: string, number: number, opening: Buffer): FeedSubscription {
    const key = keyOf(owner, id)
    this.live.get(key)?.end()
    const { frames, log, options } = this
    const source = {
      frames,
      get last() {
        return log.last
      },
      get isOpen() {
        return log.isOpen
      },
    }
    const subscription = new FeedSubscription(
      id,
      owner,
      source,
      number,
      opening,
      options.clock.monotonicMs(),
      (over, error) => this.over(key, over, error),
    )
    this.live.set(key, subscription)
    this.watch()
    return subscription
  }

  /** Ends one of `owner`, for good, also where it is not connected now. Gives how many were. */
  endOne(owner: string, id: string): number {
    const key = keyOf(owner, id)
    this.remember(key)
    const subscription = this.live.get(key)
    subscription?.end()
    return subscription === undefined ? 0 : 1
  }

  /** Ends all of `owner`. */
  endAllOf(owner: string): number {
    let count = 0
    for (const [key, subscription] of [...this.live]) {
      if (subscription.owner !== owner) continue
      this.remember(key)
      subscription.end()
      count++
    }
    return count
  }

  close(): void {
    for (const subscription of [...this.live.values()]) subscription.end()
  }

  private remember(key: string): void {
    this.ended.delete(key)
    this.ended.add(key)
    for (const oldest of this.ended) {
      if (this.ended.size <= ENDED_MAX) return
      this.ended.delete(oldest)
    }
  }

  private over(key: string, subscription: FeedSubscription, error: unknown): void {
    if (error !== null)
      this.options.logger.log(
        'warn',
        `feed ${this.log.name}: subscription ${subscription.id} cut: the feed cannot be read`,
        {
          error: toError(error),
        },
      )
    if (this.live.get(key) === subscription) this.live.delete(key)
    if (this.live.size > 0) return
    this.unlisten?.()
    this.unlisten = null
    this.timer?.()
    this.timer = null
  }

  private watch(): void {
    if (this.unlisten === null) this.incarnation = this.log.incarnation
    this.unlisten ??= this.log.listen(() => this.news())
    this.timer ??= this.options.clock.after(TICK_MS, () => this.tick())
  }

  private news(): void {
    // Their numbers are of a history that is no more: they come again, and are told where they stand.
    if (this.log.incarnation !== this.incarnation) this.close()
    else for (const subscription of this.live.values()) subscription.news()
  }

  private tick(): void {
    const nowMs = this.options.clock.monotonicMs()
    this.timer = this.options.clock.after(TICK_MS, () => this.tick())
    for (const subscription of [...this.live.values()]) subscription.tick(nowMs, this.options)
  }
}

/** Those without credentials share a space of ids. */
const keyOf = (owner: string, id: string): string => (owner.startsWith('credentials:') ? `${owner} ${id}` : id)
