import type { Delivery } from '../../persistence/command.ts'
import type { SourceMessage } from '../message-source.ts'
import type { ParkedMessage } from '../parking-lot.ts'
import type { Route } from '../route.ts'
import { NONE_OVERTAKEN } from './overtaken.ts'
import type { Waiting } from './waiting.ts'

/** The bridge that a message is on its way with. */
export interface Holder {
  readonly name: string
  /** From now on, and not only when the bridge has its turn, later messages say that this one is yet to come. */
  announce(inFlight: InFlight): void
  /** The outcome of a message is known; it is taken up in the bridge's own turn. */
  settled(inFlight: InFlight): void
}

/** What became of a message, told by its receiver or found by the bridge. */
export type Outcome =
  | 'pending'
  | 'prepared'
  | 'done'
  | 'failed'
  | 'rested'
  | 'stored'
  | 'not-stored'
  | 'released'
  /** Those that wait behind it were read again; or could not be, and that is to be tried again. */
  | 'read'
  | 'not-read'
  /** Its payload, which was left in its log, was read again; or could not be. */
  | 'recalled'
  | 'not-recalled'

/** What went wrong with a message so far. Few have one. */
export interface Trouble {
  error: Error | null
  culprit: boolean
  failures: number
  deferrals: number
}

/**
 * One message on its way. It is the delivery that the receiver holds, and it is told to the bridge when its outcome is
 * known. While it is not with its receiver it is announced: later messages to that receiver say that it is yet to come.
 */
export class InFlight implements Delivery {
  readonly holder: Holder
  /** A parked one whose payload was left in its log gets it back here. */
  message: SourceMessage
  route: Route | null
  readonly key: string
  /** What it was parked as, for one that is replayed or discarded; null: it comes from the source. */
  readonly parked: ParkedMessage | null
  outstanding: ArrayLike<number> = NONE_OVERTAKEN
  outcome: Outcome = 'pending'
  command: unknown = undefined
  trouble: Trouble | null = null
  /** Later messages of its key. */
  behind: Waiting | null = null
  /** It does not count as in flight, since it waits: for those before it, for its preparation, after a failure. */
  isAside = false
  /** It goes to another receiver than the one that knows it as yet to come, which would take its place for handled. */
  isMoved = false
  private knownTarget: string | null

  constructor(
    holder: Holder,
    message: SourceMessage,
    route: Route | null,
    key: string,
    parked: ParkedMessage | null,
    target: string | null,
  ) {
    this.holder = holder
    this.message = message
    this.route = route
    this.key = key
    this.parked = parked
    this.knownTarget = target
  }

  /** Kind and id of its receiver; null: it has never had one. Most messages are never asked. */
  get target(): string | null {
    if (this.knownTarget === null && this.route !== null) this.knownTarget = targetOf(this.route)
    return this.knownTarget
  }
  /** Its own failures so far. */
  get failures(): number {
    return this.trouble?.failures ?? 0
  }
  get source(): string {
    return this.isMoved ? `${this.holder.name}/${this.message.id}` : this.holder.name
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
  get principal(): string | null {
    return this.message.principal ?? null
  }
  get traceParent(): string | null {
    return this.message.traceParent ?? null
  }

  done(): void {
    this.tell('done')
  }

  failed(error: Error, culprit: boolean): void {
    this.holder.announce(this)
    this.blame(error, culprit)
    this.tell('failed')
  }

  blame(error: Error, culprit: boolean): void {
    this.trouble ??= { error, culprit, failures: 0, deferrals: 0 }
    this.trouble.error = error
    this.trouble.culprit = culprit
  }

  /** How often it has waited for something that is not its own fault, this time included. */
  nextDeferral(): number {
    this.trouble ??= { error: null, culprit: false, failures: 0, deferrals: 0 }
    return ++this.trouble.deferrals
  }

  tell(outcome: Outcome): void {
    this.outcome = outcome
    this.holder.settled(this)
  }

  /** By a later translation. */
  reroute(route: Route | null): void {
    const before = this.target
    this.route = route
    if (route === null) return
    this.knownTarget = targetOf(route)
    if (this.knownTarget !== before && this.position !== null) this.isMoved = true
  }
}

export const targetOf = ({ to, id }: Route): string => `${to.name}|${id}`
