import { isRuntimeError, RuntimeError, shown, toError } from '../../base/errors.ts'
import type { Cancel } from '../../base/ports.ts'
import { Ring } from '../../kernel/ring.ts'
import type { ActorContext, ActorRef } from '../../kernel/types.ts'
import { definitionInvalid } from '../../persistence/event-sourced.ts'
import { type Backoff, backoffMs } from '../../supervision/backoff.ts'
import type { MessageBridgeDefinition, UnderWay } from '../message-bridge.ts'
import type { SourceMessage } from '../message-source.ts'
import type { ParkedMessage } from '../parking-lot.ts'
import { Route } from '../route.ts'
import { type Holder, InFlight, type Outcome, targetOf } from './in-flight.ts'
import { Lanes } from './lanes.ts'
import { NONE_OVERTAKEN, Overtaken } from './overtaken.ts'
import { errorText, ParkedMessages } from './parked-messages.ts'
import { type ReplayHost, Replaying } from './replaying.ts'
import type { ParkedRequest } from './requests.ts'
import type { Waiting } from './waiting.ts'

export type BridgeMessage =
  | { readonly type: 'wake' }
  | { readonly type: 'parked'; readonly replyTo: { tell(reply: readonly ParkedMessage[]): void } }
  | { readonly type: 'under-way'; readonly key: string; readonly replyTo: { tell(reply: UnderWay | null): void } }
  | { readonly type: 'settled'; readonly replyTo: { tell(reply: undefined): void } }
  | ParkedRequest

export const WAKE: BridgeMessage = { type: 'wake' }

/** What a message waits for that is not its own fault. */
const DEFERRAL: Backoff = { minMs: 10, maxMs: 1_000 }
/** Outcomes taken up, and messages accepted, in one turn: then others have theirs. */
const TURN_MAX = 256

/**
 * The life of a message in a bridge.
 *
 *     accept ─▶ lane ─▶ prepare ─▶ deliver ─▶ done ─▶ finish ─▶ the next of its key
 *                ▲                   │ failed
 *                │                   ├─▶ rest, and again
 *                └ waits             └─▶ park ─▶ finish
 *
 * What waits (in its lane, for its preparation, after a failure, for the parking lot) is aside, and has a bound of its own.
 */
export class Bridge implements Holder, ReplayHost {
  readonly name: string
  private readonly overtaken = new Overtaken()
  private readonly self: ActorRef<BridgeMessage>
  private closed = false
  private readonly definition: MessageBridgeDefinition
  private readonly context: ActorContext<BridgeMessage>
  private readonly maxInFlight: number
  private readonly maxWaiting: number
  private readonly attempts: number
  private readonly parked: ParkedMessages
  private readonly lanes: Lanes
  private readonly replaying: Replaying
  /** Taken from the source and not dealt with; `aside` of them wait. */
  private accepted = 0
  private aside = 0
  private readonly timers = new Set<Cancel>()
  private readonly settling: { tell(reply: undefined): void }[] = []
  /** Messages whose outcome is known and not taken up yet. */
  private readonly outcomes = new Ring<InFlight>()
  private isWoken = false

  constructor(definition: MessageBridgeDefinition, context: ActorContext<BridgeMessage>) {
    this.definition = definition
    this.name = definition.name
    this.context = context
    this.self = context.self
    this.maxInFlight = definition.maxInFlight ?? 4_096
    this.maxWaiting = definition.maxWaiting ?? 262_144
    this.attempts = definition.attempts ?? 5
    this.lanes = new Lanes(definition.source.again !== undefined, this.maxInFlight)
    this.parked = new ParkedMessages(definition.store, definition.name, this.overtaken)
    this.replaying = new Replaying(this, definition.source, this.lanes, this.parked, this.overtaken)
  }

  async open(): Promise<void> {
    this.context.spawn(this.parked.lot.behavior)
    await this.parked.recover()
    // Killed meanwhile: the source may be its successor's by now.
    if (this.context.signal.aborted) return
    await this.definition.source.open(
      () => this.wake(),
      error => this.context.fail(error),
    )
    this.wake()
  }

  close(): Promise<void> {
    this.closed = true
    for (const cancel of this.timers) cancel()
    this.timers.clear()
    return this.definition.source.close()
  }

  handle(message: BridgeMessage): void {
    switch (message.type) {
      case 'wake':
        this.isWoken = false
        break
      case 'settled':
        this.settling.push(message.replyTo)
        break
      case 'parked':
        message.replyTo.tell(this.parked.all())
        return
      case 'under-way':
        message.replyTo.tell(underWayOf(this.lanes.first(message.key)))
        return
      case 'replay':
      case 'discard':
        this.replaying.request(message)
        break
    }
    this.takeUp()
    this.pump()
    if (!this.replaying.isIdle) this.replaying.serveFreeKeys()
  }

  announce({ target, partition, position }: InFlight): void {
    if (target !== null) this.overtaken.add(target, partition, position)
  }

  settled(inFlight: InFlight): void {
    // A bridge that has ended leaves it to the next one, to which the source gives the message again.
    if (this.closed) return
    this.outcomes.push(inFlight)
    this.wake()
  }

  wake(): void {
    if (this.isWoken || this.closed) return
    this.isWoken = true
    this.self.tell(WAKE)
  }

  private takeUp(): void {
    for (let i = 0; i < TURN_MAX && !this.outcomes.isEmpty; i++) this.advance(this.outcomes.shift())
    if (!this.outcomes.isEmpty) this.wake()
  }

  // ── taking on ────────────────────────────────────────────────────────────────────────────────────────────────────

  private pump(): void {
    for (let i = 0; this.hasRoom; i++) {
      if (i === TURN_MAX) {
        this.wake()
        return
      }
      const message = this.definition.source.next()
      if (message === null) {
        if (this.accepted === 0 && this.settling.length > 0)
          for (const waiting of this.settling.splice(0)) waiting.tell(undefined)
        return
      }
      this.accept(message)
    }
  }

  private get hasRoom(): boolean {
    return this.accepted - this.aside < this.maxInFlight && this.aside < this.maxWaiting
  }

  private accept(message: SourceMessage): void {
    let inFlight: InFlight
    try {
      const route = this.translate(message)
      if (route === null) {
        this.definition.source.done(message)
        return
      }
      inFlight = new InFlight(this, message, route, route.key ?? targetOf(route), null, null)
    } catch (thrown) {
      inFlight = new InFlight(this, message, null, message.id, null, null)
      inFlight.blame(toError(thrown), true)
    }
    this.accepted++
    const ahead = this.lanes.enter(inFlight)
    if (ahead === null) this.begin(inFlight)
    else this.wait(ahead, inFlight)
  }

  /** **Errors**: MESSAGE_INVALID for what the source could not read; DEFINITION_INVALID; what the definition throws. */
  private translate(message: SourceMessage): Route | null {
    const { invalid } = message
    if (invalid !== undefined && invalid !== null) throw new RuntimeError('MESSAGE_INVALID', invalid)
    const route: unknown = this.definition.translate(message)
    if (route === null || route instanceof Route) return route
    throw definitionInvalid(
      `bridge ${this.definition.name}: translate must give routeTo(…) or null, not ${shown(route)}, for a message of type ${message.type}`,
    )
  }

  private wait(ahead: InFlight, inFlight: InFlight): void {
    this.announce(inFlight)
    this.setAside(inFlight)
    this.lanes.wait(ahead, inFlight)
    heardLater(inFlight.route)
  }

  // ── turns ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The next of its key has its turn: what is parked and wanted again first, then what waits. */
  next(ended: InFlight): void {
    if (!this.replaying.isIdle && this.replaying.serve(ended.key, ended.behind)) return
    const next = this.lanes.next(ended)
    if (next !== null) this.begin(next)
    else if (ended.behind !== null) this.readAgain(ended, ended.behind)
  }

  private begin(inFlight: InFlight): void {
    const { route } = inFlight
    const isKnown = !this.parked.isEmpty && this.parked.knows(inFlight)
    // It may be one of thousands that come again together, so not at once.
    if (isKnown) inFlight.tell('stored')
    else if (route === null || (!this.parked.isEmpty && this.parked.isBefore(inFlight))) this.park(inFlight)
    else {
      this.prepare(inFlight, route.message)
      return
    }
    heardLater(route)
  }

  private readAgain(ended: InFlight, waiting: Waiting): void {
    const { partition, positions } = waiting.reading ?? waiting.beginReading(this.lanes.readingMax)
    this.definition.source.again!(partition, positions).then(
      messages => {
        waiting.read = messages
        ended.tell('read')
      },
      error => {
        if (this.closed) return
        if (isRuntimeError(error, 'JOURNAL_CORRUPT')) this.context.fail(error)
        else {
          this.warn(`cannot read again what waits for key ${ended.key}`, error)
          this.defer(ended, 'not-read')
        }
      },
    )
  }

  private readDone(ended: InFlight, waiting: Waiting): void {
    const { targets } = waiting.reading!
    const messages = waiting.read!
    waiting.reading = null
    waiting.read = null
    for (const [i, message] of messages.entries()) {
      const inFlight = new InFlight(this, message, null, ended.key, null, targets[i]!)
      inFlight.isAside = true
      try {
        heardLater(this.retranslate(inFlight))
        if (inFlight.route === null) this.dealtWith(inFlight)
        else this.lanes.keep(waiting, inFlight)
      } catch (thrown) {
        inFlight.blame(toError(thrown), true)
        this.lanes.keep(waiting, inFlight)
      }
    }
    this.next(ended)
  }

  /** Once more, and perhaps to another receiver. **Errors**: those of `translate`. */
  retranslate(inFlight: InFlight): Route | null {
    const { target, partition, position, parked } = inFlight
    const route = this.translate(inFlight.message)
    inFlight.reroute(route)
    // The one that is known to wait for it waits no more. Of what is parked it is told when that is released.
    if (parked === null && target !== null && (route === null || inFlight.isMoved))
      this.overtaken.remove(target, partition, position)
    return route
  }

  // ── attempts ─────────────────────────────────────────────────────────────────────────────────────────────────────

  prepare(inFlight: InFlight, message: unknown): void {
    if (!(message instanceof Promise)) {
      inFlight.command = message
      this.deliver(inFlight)
      return
    }
    this.announce(inFlight)
    this.setAside(inFlight)
    message.then(
      command => {
        inFlight.command = command
        inFlight.tell('prepared')
      },
      error => inFlight.failed(toError(error), true),
    )
  }

  private deliver(inFlight: InFlight): void {
    const route = inFlight.route!
    if (inFlight.isAside) this.takeBack(inFlight)
    inFlight.outstanding = this.overtaken.isEmpty
      ? NONE_OVERTAKEN
      : this.overtaken.remove(inFlight.target!, inFlight.partition, inFlight.position)
    try {
      // `routeTo` has seen to it that the receiver takes it.
      route.to.deliver(route.id, inFlight.command as never, inFlight)
    } catch (thrown) {
      inFlight.failed(toError(thrown), true)
    }
  }

  private advance(inFlight: InFlight): void {
    const { outcome } = inFlight
    inFlight.outcome = 'pending'
    switch (outcome) {
      case 'pending':
        return
      case 'prepared':
        this.deliver(inFlight)
        return
      case 'rested':
        if (inFlight.command !== undefined) this.deliver(inFlight)
        else this.prepareAgain(inFlight)
        return
      case 'done':
        if (inFlight.parked !== null) this.replaying.release(inFlight)
        else this.finish(inFlight)
        return
      case 'failed':
        this.retry(inFlight)
        return
      case 'stored':
        this.finish(inFlight)
        return
      case 'released':
        this.replaying.released(inFlight)
        this.finish(inFlight)
        return
      case 'not-stored':
        this.park(inFlight)
        return
      case 'read':
        this.readDone(inFlight, inFlight.behind!)
        return
      case 'recalled':
        this.replaying.replay(inFlight)
        return
      case 'not-recalled':
        this.replaying.stayParked(inFlight)
        return
      case 'not-read':
        this.readAgain(inFlight, inFlight.behind!)
        return
    }
  }

  /** What had to be prepared and failed is prepared again, from its translation on. */
  private prepareAgain(inFlight: InFlight): void {
    try {
      const route = this.retranslate(inFlight)
      if (route !== null) this.prepare(inFlight, route.message)
      else if (inFlight.parked !== null) this.replaying.release(inFlight)
      else this.finish(inFlight)
    } catch (thrown) {
      inFlight.failed(toError(thrown), true)
    }
  }

  private retry(inFlight: InFlight): void {
    const trouble = inFlight.trouble!
    if (!trouble.culprit) {
      this.defer(inFlight, 'rested')
      return
    }
    this.setAside(inFlight)
    if (++trouble.failures >= this.attempts) this.park(inFlight)
    else
      this.after(backoffMs(trouble.failures, this.context.random, this.definition.backoff), () =>
        inFlight.tell('rested'),
      )
  }

  /** What it waits for is no fault of the message, so it is tried for as long as it takes. */
  defer(inFlight: InFlight, outcome: Outcome): void {
    this.after(backoffMs(inFlight.nextDeferral(), this.context.random, DEFERRAL), () => inFlight.tell(outcome))
  }

  /** Ends with the bridge. */
  after(delayMs: number, run: () => void): void {
    if (this.closed) return
    const cancel = this.context.clock.after(delayMs, () => {
      this.timers.delete(cancel)
      run()
    })
    this.timers.add(cancel)
  }

  private finish(inFlight: InFlight): void {
    if (inFlight.parked === null) this.dealtWith(inFlight)
    this.next(inFlight)
  }

  private dealtWith(inFlight: InFlight): void {
    if (inFlight.isAside) this.takeBack(inFlight)
    this.accepted--
    this.definition.source.done(inFlight.message)
  }

  private setAside(inFlight: InFlight): void {
    if (inFlight.isAside) return
    inFlight.isAside = true
    if (inFlight.parked === null) this.aside++
  }

  private takeBack(inFlight: InFlight): void {
    inFlight.isAside = false
    if (inFlight.parked === null) this.aside--
  }

  // ── parking ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private park(inFlight: InFlight): void {
    if (inFlight.parked !== null) {
      this.replaying.stayParked(inFlight)
      return
    }
    this.setAside(inFlight)
    const { key, id, message } = inFlight
    const error = inFlight.trouble?.error ?? null
    if (error !== null)
      this.context.log.log('error', `bridge ${this.name}: parks ${message.type} (${id}) of key ${key}`, { error })
    const canReadAgain = this.definition.source.again !== undefined && inFlight.position !== null
    this.parked.park(inFlight, error, this.context.clock.nowMs(), canReadAgain).then(
      () => inFlight.tell('stored'),
      failure => {
        this.warn(`${id} not parked yet`, failure)
        this.defer(inFlight, 'not-stored')
      },
    )
  }

  warn(text: string, error: unknown): void {
    this.context.log.log('warn', `bridge ${this.name}: ${text}`, { error: toError(error) })
  }
}

const underWayOf = (first: InFlight | null): UnderWay | null =>
  first === null
    ? null
    : {
        type: first.message.type,
        id: first.id,
        failures: first.failures,
        error: errorText(first.trouble?.error ?? null),
      }

/** A preparation that fails before its turn, or has none, must not end the process: its message is prepared anew. */
const heardLater = (route: Route | null): void => {
  if (route?.message instanceof Promise) route.message.catch(() => undefined)
}
