import type { FrameMaker } from './frames.ts'
import type { Outlet } from './outlet.ts'

export interface SubscriptionTimes {
  readonly heartbeatMs: number
  readonly stallMs: number
}

/** What a subscription reads: the log of its stream, with the frames that all of its subscriptions share. */
export interface SubscriptionSource {
  readonly frames: FrameMaker
  readonly last: number
  readonly isOpen: boolean
}

const HEARTBEAT = Buffer.from(':\n\n')

/**
 * One connection's place in a feed: a number, and what waits in its outlet. It reads the next events only when the outlet
 * has room, so a reader that does not read costs one write of some 64 KiB and no more, however far it is behind.
 *
 *     pump ─▶ read after the number ─▶ write ─▶ room? ─▶ pump
 *               │ nothing: wait for news          └ no: wait for room, and be cut after a stall
 */
export class FeedSubscription {
  readonly id: string
  readonly owner: string
  private readonly source: SubscriptionSource
  private readonly onEnd: (subscription: FeedSubscription, error: unknown) => void
  private readonly opening: Buffer
  private outlet: Outlet | null = null
  private number: number
  private reading = false
  private ended = false
  /** Since when the outlet has had no room; null: it has. */
  private blockedSinceMs: number | null = null
  private writtenMs = 0
  private nowMs: number

  constructor(
    id: string,
    owner: string,
    source: SubscriptionSource,
    number: number,
    opening: Buffer,
    nowMs: number,
    onEnd: (subscription: FeedSubscription, error: unknown) => void,
  ) {
    this.id = id
    this.owner = owner
    this.source = source
    this.number = number
    this.opening = opening
    this.nowMs = nowMs
    this.writtenMs = nowMs
    this.onEnd = onEnd
  }

  /** Begins to write. Called once. */
  attach(outlet: Outlet): void {
    this.outlet = outlet
    if (this.ended) {
      outlet.end()
      return
    }
    this.write(this.opening)
    this.pump()
  }

  /** There is news in the feed. */
  news(): void {
    this.pump()
  }

  roomAgain(): void {
    this.blockedSinceMs = null
    this.pump()
  }

  /** The reader is gone. */
  gone(): void {
    if (this.ended) return
    this.ended = true
    this.onEnd(this, null)
  }

  /** Ends it in order, at the server's wish. */
  end(): void {
    if (this.ended) return
    this.ended = true
    this.outlet?.end()
    this.onEnd(this, null)
  }

  /** Called about once a second. */
  tick(nowMs: number, { heartbeatMs, stallMs }: SubscriptionTimes): void {
    this.nowMs = nowMs
    if (this.ended || this.outlet === null) return
    if (!this.outlet.hasRoom) {
      this.blockedSinceMs ??= nowMs
      if (nowMs - this.blockedSinceMs >= stallMs) this.cut(null)
    } else if (!this.reading && nowMs - this.writtenMs >= heartbeatMs) this.write(HEARTBEAT)
  }

  private pump(): void {
    while (!this.ended && !this.reading && this.outlet?.hasRoom === true && this.number < this.source.last) {
      const frames = this.source.frames.after(this.number)
      if (!(frames instanceof Promise)) {
        this.number = frames.to
        this.write(frames.bytes)
        continue
      }
      this.reading = true
      frames.then(
        read => {
          this.reading = false
          if (this.ended) return
          this.number = read.to
          this.write(read.bytes)
          this.pump()
        },
        error => this.cut(error),
      )
    }
  }

  private write(bytes: Buffer): void {
    this.writtenMs = this.nowMs
    this.outlet!.write(bytes)
    if (!this.outlet!.hasRoom) this.blockedSinceMs ??= this.nowMs
  }

  private cut(error: unknown): void {
    if (this.ended) return
    this.ended = true
    this.outlet?.cut()
    this.onEnd(this, error)
  }
}
