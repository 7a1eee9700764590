import type { Delivery } from '../../persistence/command.ts'
import type { Route } from '../message-bridge.ts'
import type { SourceMessage } from '../message-source.ts'
import { NONE_OVERTAKEN, type Overtaken } from './overtaken.ts'

/** The bridge that a message is on its way with. */
export interface Holder {
  readonly overtaken: Overtaken
  /** The outcome of a message is known; it is taken up in the bridge's own turn. */
  settled(inFlight: InFlight): void
}

/** What became of a message, told by its receiver or found by the bridge. */
export type Outcome = 'pending' | 'prepared' | 'done' | 'failed' | 'rested' | 'stored' | 'not-stored' | 'released'

/**
 * One message on its way. It is the delivery that the receiver holds, and it is told to the bridge when its outcome is
 * known. While it is not with its receiver it is set aside: later messages to that receiver say that it is yet to come.
 */
export class InFlight implements Delivery {
  readonly type = 'in-flight'
  readonly holder: Holder
  readonly source: string
  readonly message: SourceMessage
  readonly route: Route | null
  readonly key: string
  readonly target: string
  outstanding: readonly number[] = NONE_OVERTAKEN
  outcome: Outcome = 'pending'
  command: unknown = undefined
  error: Error | null = null
  culprit = false
  failures = 0
  deferrals = 0
  /** Later messages of its key, in order. */
  behind: InFlight[] | null = null
  replayed = false
  /** Replayed to another receiver than the one that it was parked for. */
  isMoved = false

  constructor(
    holder: Holder,
    source: string,
    message: SourceMessage,
    route: Route | null,
    key: string,
    target: string,
  ) {
    this.holder = holder
    this.source = source
    this.message = message
    this.route = route
    this.key = key
    this.target = target
  }

  get partition(): number {
    return this.message.partition
  }
  get position(): number | null {
    return this.message.position
  }
  get id(): string {
    return this.message.id
  }
  get causationId(): string {
    return this.message.id
  }
  get correlationId(): string | null {
    return this.message.correlationId
  }

  done(): void {
    this.tell('done')
  }

  failed(error: Error, culprit: boolean): void {
    // At once, not when the bridge gets the message: what it delivers meanwhile must name this one as yet to come.
    this.holder.overtaken.add(this.target, this.partition, this.position)
    this.error = error
    this.culprit = culprit
    this.tell('failed')
  }

  tell(outcome: Outcome): void {
    this.outcome = outcome
    this.holder.settled(this)
  }
}
