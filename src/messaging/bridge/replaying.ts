import type { MessageSource } from '../message-source.ts'
import type { ParkedMessage } from '../parking-lot.ts'
import type { Route } from '../route.ts'
import { type Holder, InFlight, type Outcome } from './in-flight.ts'
import type { Lanes } from './lanes.ts'
import type { Overtaken } from './overtaken.ts'
import type { ParkedMessages } from './parked-messages.ts'
import { type ParkedRequest, Requests } from './requests.ts'
import type { Waiting } from './waiting.ts'

/** What replaying needs of the bridge. */
export interface ReplayHost extends Holder {
  wake(): void
  /** The turn of its key passes on. */
  next(ended: InFlight): void
  /** **Errors**: those of the bridge's `translate`. */
  retranslate(inFlight: InFlight): Route | null
  prepare(inFlight: InFlight, message: unknown): void
  /** Tells the outcome after a rest. */
  defer(inFlight: InFlight, outcome: Outcome): void
  /** Unless the bridge ends before. */
  after(delayMs: number, run: () => void): void
  warn(text: string, error: unknown): void
}

/** How long until it is looked at again whether a replay may begin. Units: ms. */
const LOOK_AGAIN_MS = 100

/**
 * Replays and discards what is parked, as it is asked to: in the lanes of the keys, ahead of what waits there, one message
 * after another for as long as the key has some.
 */
export class Replaying {
  private readonly requests = new Requests()
  private readonly host: ReplayHost
  private readonly source: MessageSource
  private readonly lanes: Lanes
  private readonly parked: ParkedMessages
  private readonly overtaken: Overtaken
  private isLookingAgain = false

  constructor(host: ReplayHost, source: MessageSource, lanes: Lanes, parked: ParkedMessages, overtaken: Overtaken) {
    this.host = host
    this.source = source
    this.lanes = lanes
    this.parked = parked
    this.overtaken = overtaken
  }

  get isIdle(): boolean {
    return this.requests.isEmpty
  }

  request(request: ParkedRequest): void {
    this.requests.add(request)
  }

  /** Whether a parked message of the key has its turn: the next that a request wants. */
  serve(key: string, waiting: Waiting | null): boolean {
    for (let request = this.requests.of(key); request !== null; request = this.requests.of(key)) {
      const wanted = request.type === 'discard' && request.id !== null ? request.id : null
      const parked = this.parked.first(key, wanted)
      if (parked === null) {
        this.requests.end(key, this.parked.countOf(key))
        continue
      }
      if (request.type === 'replay' && !this.isItsTime(parked)) return false
      const inFlight = new InFlight(this.host, parked, null, key, parked, parked.target)
      this.lanes.pass(key, waiting, inFlight)
      if (request.type === 'discard') this.release(inFlight)
      else if (parked.isReference) this.recall(inFlight, parked)
      else this.replay(inFlight)
      return true
    }
    return false
  }

  /** Keys under way are served in their turn. A replay whose time has not come is looked at again. */
  serveFreeKeys(): void {
    for (const key of this.requests.keys()) if (this.lanes.isFree(key)) this.serve(key, null)
    if (this.requests.isEmpty || this.isLookingAgain) return
    this.isLookingAgain = true
    this.host.after(LOOK_AGAIN_MS, () => {
      this.isLookingAgain = false
      this.host.wake()
    })
  }

  /** The payload is at hand, so it is translated and goes its way. */
  replay(inFlight: InFlight): void {
    try {
      const route = this.host.retranslate(inFlight)
      if (route === null) this.release(inFlight)
      else this.host.prepare(inFlight, route.message)
    } catch (thrown) {
      this.host.warn(`${inFlight.id} still cannot be translated`, thrown)
      this.stayParked(inFlight)
    }
  }

  /** It is dealt with, or given up: that is stored. */
  release(inFlight: InFlight): void {
    const isDiscarded = this.requests.of(inFlight.key)?.type === 'discard'
    this.parked.release(inFlight, isDiscarded).then(
      () => inFlight.tell('released'),
      error => {
        this.host.warn(`release of ${inFlight.id} not stored`, error)
        this.host.defer(inFlight, 'done')
      },
    )
  }

  /** One more is dealt with. */
  released({ key }: InFlight): void {
    this.requests.count(key)
  }

  /** A replay ends with the first that fails: it and those behind it are parked already. */
  stayParked(inFlight: InFlight): void {
    const { key, target, partition, position } = inFlight
    if (inFlight.isMoved && target !== null) this.overtaken.remove(target, partition, position)
    this.requests.end(key, this.parked.countOf(key))
    this.host.next(inFlight)
  }

  /**
   * Whether the source has given all that is before it. Nobody could say yet that those are to come, and its receiver would
   * take their places for handled.
   */
  private isItsTime({ partition, position }: ParkedMessage): boolean {
    const { source } = this
    return position === null || source.givenTo === undefined || source.givenTo(partition) >= position
  }

  /** Its payload was left in its log. */
  private recall(inFlight: InFlight, parked: ParkedMessage): void {
    this.source.again!(parked.partition, [parked.position!]).then(
      ([message]) => {
        inFlight.message = message!
        inFlight.tell('recalled')
      },
      error => {
        this.host.warn(`${parked.id} cannot be read again, and stays parked`, error)
        inFlight.tell('not-recalled')
      },
    )
  }
}
