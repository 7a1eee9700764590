import { type Clock, systemClock } from '../../base/ports.ts'
import type { MessageSource, SourceMessage } from '../../messaging/message-source.ts'
import { type FaultPlan, failureOf, underFault } from './fault.ts'

/** `deliver`: a message on its way to the reader. `done`: its acknowledgement. `again`: messages that are read once more. */
export type SourceOperation = 'open' | 'deliver' | 'done' | 'again' | 'close'

/**
 * A source between a bridge and the source that it really has. A delivery that is a `duplicate` comes again after those that
 * are there, as if it had been redelivered; one that has `delayMs` holds up what is behind it, since their order is promised;
 * one that fails or is dropped is not given until the source is opened again. An acknowledgement that fails or is dropped
 * never arrives, so its message comes again after the next start.
 */
export class FaultySource implements MessageSource {
  plan: FaultPlan<SourceOperation>
  /** As the inner source has them. */
  readonly again?: NonNullable<MessageSource['again']>
  readonly givenTo?: NonNullable<MessageSource['givenTo']>
  private readonly inner: MessageSource
  private readonly clock: Clock
  private readonly doubles: SourceMessage[] = []
  private held: SourceMessage | null = null
  /** Of each partition the first position that was lost on the way. */
  private readonly lost = new Map<number, number>()
  private isHeld = false
  private wake: () => void = () => undefined
  private openings = 0

  constructor(inner: MessageSource, plan: FaultPlan<SourceOperation> = () => null, clock: Clock = systemClock) {
    this.inner = inner
    this.plan = plan
    this.clock = clock
    const { again, givenTo } = inner
    if (again !== undefined)
      this.again = (partition, positions) =>
        this.within('again', () => again.call(inner, partition, positions), lostWhole)
    if (givenTo !== undefined)
      this.givenTo = partition => Math.min(givenTo.call(inner, partition), this.firstHeldBack(partition) - 1)
  }

  get group(): string {
    return this.inner.group
  }

  open(wake: () => void, fail: (error: Error) => void): Promise<void> {
    this.openings++
    this.wake = wake
    this.forget()
    return this.within('open', () => this.inner.open(wake, fail), nothing)
  }

  close(): Promise<void> {
    this.openings++
    this.forget()
    return this.within('close', () => this.inner.close(), nothing)
  }

  next(): SourceMessage | null {
    while (!this.isHeld) {
      const { held } = this
      this.held = null
      const message = held ?? this.inner.next()
      if (message === null) return this.doubles.shift() ?? null
      const fault = held === null ? this.plan('deliver') : null
      if (fault === null) return message
      if (fault.drop === true || fault.fail !== undefined || fault.hang !== undefined) {
        this.lose(message)
        continue
      }
      if (fault.duplicate === true) this.doubles.push(message)
      if (fault.delayMs === undefined) return message
      this.hold(message, fault.delayMs)
    }
    return null
  }

  done(message: SourceMessage): void {
    const fault = this.plan('done')
    if (fault === null) this.inner.done(message)
    else if (fault.delayMs !== undefined) this.clock.after(fault.delayMs, () => this.inner.done(message))
    else if (fault.duplicate === true) {
      this.inner.done(message)
      this.inner.done(message)
    }
  }

  private hold(message: SourceMessage, delayMs: number): void {
    this.held = message
    this.isHeld = true
    const { openings } = this
    this.clock.after(delayMs, () => {
      if (this.openings !== openings) return
      this.isHeld = false
      this.wake()
    })
  }

  private lose({ partition, position }: SourceMessage): void {
    if (position !== null) this.lost.set(partition, Math.min(this.lost.get(partition) ?? position, position))
  }

  /** The first position of a partition that the inner source has given and this one has not. */
  private firstHeldBack(partition: number): number {
    const { held } = this
    const late = held?.partition === partition ? (held.position ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY
    return Math.min(late, this.lost.get(partition) ?? Number.POSITIVE_INFINITY)
  }

  /** What was given and not acknowledged is the inner source's to give again. */
  private forget(): void {
    this.doubles.length = 0
    this.lost.clear()
    this.held = null
    this.isHeld = false
  }

  private within<Result>(
    operation: SourceOperation,
    run: () => Promise<Result>,
    dropped: () => Result,
  ): Promise<Result> {
    return underFault(operation, this.plan(operation), this.clock, run, dropped)
  }
}

const nothing = (): undefined => undefined

/** An answer that leaves something out would break the promise of the one who gives it: it is a failure. */
const lostWhole = (): never => {
  throw failureOf('again', { fail: 'before' })
}
