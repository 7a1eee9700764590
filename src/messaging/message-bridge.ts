import { RuntimeError, toError } from '../base/errors.ts'
import type { Cancel } from '../base/ports.ts'
import { type Behavior, systemBehavior } from '../kernel/behavior.ts'
import type { ActorContext, ActorRef } from '../kernel/types.ts'
import type { Delivery } from '../persistence/command.ts'
import { type EntityKind, entities } from '../persistence/event-sourced-entities.ts'
import type { EventStore } from '../persistence/event-store.ts'
import { recover } from '../persistence/recovery.ts'
import { type Backoff, backoffMs } from '../supervision/backoff.ts'
import type { MessageSource, SourceMessage } from './message-source.ts'
import { type ParkedMessage, type ParkingCommand, parkingLot } from './parking-lot.ts'

/** Whoever a bridge delivers to: the entities of a kind. */
export interface BridgeTarget {
  readonly name: string
  deliver(id: string, message: unknown, delivery: Delivery): void
}

/** What a message of the bus becomes inside. */
export interface Route {
  readonly to: BridgeTarget
  readonly id: string
  /** The internal message. A promise of it takes as long as it takes, and holds up nothing but its own key. */
  readonly message: unknown
  /** Messages of one key are handled one after another. Default: the receiver (`to` and `id`). */
  readonly key?: string
}

export interface MessageBridgeDefinition {
  /** Stable for ever: receivers remember by it what they have handled. Unique in its store. */
  readonly name: string
  readonly source: MessageSource
  /** Validates and translates; null: nothing to do. What it throws parks the message at once: it would throw again. */
  readonly translate: (message: SourceMessage) => Route | null
  /** Holds what is parked. */
  readonly store: EventStore
  /** Most messages accepted and not yet dealt with. Default: 4,096. */
  readonly maxInFlight?: number
  /** How often a message may fail before it is parked. Default: 5. */
  readonly attempts?: number
  readonly backoff?: Backoff
}

export interface ReplayResult {
  readonly delivered: number
  /** Left parked, since one of them failed again. */
  readonly parked: number
}

/**
 * The receiving adapter as an actor: takes messages from a source, validates and translates them, hands them to the
 * domain's actors, and acknowledges each when what it caused is durable.
 *
 * **Delivery**: at least once to the receiver's mailbox; with an event-sourced receiver its effect is stored once.
 * **Order**: one message of a key at a time, in the source's order; keys do not wait for one another. **Bounds**:
 * `maxInFlight`. **Slowness** is no failure: nothing is delivered again while its receiver works. **Errors**: a message
 * that fails `attempts` times is parked with its error, and the later ones of its key behind it, durably; `replay` sends
 * them again. A receiver that is down makes its messages wait, however long.
 */
export interface MessageBridge {
  readonly name: string
  readonly behavior: Behavior<never>
  /** What is parked, key by key, in the order it was. **Errors**: BRIDGE_STOPPED. */
  parked(): Promise<readonly ParkedMessage[]>
  /**
   * Translates and delivers what is parked of a key again, in order, until one fails as often as `attempts` says.
   * **Errors**: BRIDGE_STOPPED; then what was not delivered is still parked.
   */
  replay(key: string): Promise<ReplayResult>
  /** Resolves when everything that the source had is dealt with; more may come after. **Errors**: BRIDGE_STOPPED. */
  settled(): Promise<void>
}

export const messageBridge = (definition: MessageBridgeDefinition): MessageBridge => {
  let running: ActorRef<BridgeMessage> | null = null
  const behavior = systemBehavior<BridgeMessage, Bridge>(
    {
      initial: async context => {
        const bridge = new Bridge(definition, context)
        try {
          await bridge.open()
        } catch (error) {
          await bridge.close()
          throw error
        }
        running = context.self
        return bridge
      },
      receive: (bridge, message) => {
        bridge.handle(message)
        return bridge
      },
      onStop: async bridge => {
        running = null
        await bridge.close()
      },
    },
    {
      onKill: bridge => {
        running = null
        void bridge.close()
      },
      // What is in the mailbox of one that ends is the source's, and comes again from there.
      takeBack: message => message === WAKE || message instanceof InFlight,
    },
  )
  const asked = async <Reply>(make: (replyTo: { tell(reply: Reply): void }) => BridgeMessage): Promise<Reply> => {
    if (running === null) throw bridgeStopped(definition.name)
    try {
      return await running.ask<Reply>(make)
    } catch (error) {
      throw bridgeStopped(definition.name, error)
    }
  }
  return {
    name: definition.name,
    behavior: behavior as Behavior<never>,
    parked: () => asked(replyTo => ({ type: 'parked', replyTo })),
    replay: key => asked(replyTo => ({ type: 'replay', key, replyTo })),
    settled: () => asked(replyTo => ({ type: 'settled', replyTo })),
  }
}

const bridgeStopped = (name: string, cause?: unknown): RuntimeError =>
  new RuntimeError('BRIDGE_STOPPED', `bridge ${name} is not running`, { cause, retryable: true })

type BridgeMessage =
  | { readonly type: 'wake' }
  | { readonly type: 'parked'; readonly replyTo: { tell(reply: readonly ParkedMessage[]): void } }
  | { readonly type: 'settled'; readonly replyTo: { tell(reply: undefined): void } }
  | { readonly type: 'replay'; readonly key: string; readonly replyTo: { tell(reply: ReplayResult): void } }
  | InFlight

const WAKE: BridgeMessage = { type: 'wake' }

/** What became of a message, told by its receiver or found by the bridge. */
type Outcome = 'pending' | 'prepared' | 'done' | 'failed' | 'rested' | 'stored' | 'not-stored' | 'released'

/**
 * One message on its way. It is the delivery that the receiver holds, and it is told to the bridge when its outcome is
 * known. While it is not with its receiver it is set aside: later messages to that receiver say that it is yet to come.
 */
class InFlight implements Delivery {
  readonly type = 'in-flight'
  readonly bridge: Bridge
  readonly source: string
  readonly message: SourceMessage
  readonly route: Route | null
  readonly key: string
  readonly target: string
  outstanding: readonly number[] = NONE
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
    bridge: Bridge,
    source: string,
    message: SourceMessage,
    route: Route | null,
    key: string,
    target: string,
  ) {
    this.bridge = bridge
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
    this.bridge.setAside(this)
    this.error = error
    this.culprit = culprit
    this.tell('failed')
  }

  tell(outcome: Outcome): void {
    this.outcome = outcome
    // A bridge that has ended leaves it to the next one, to which the source gives the message again.
    if (!this.bridge.closed) this.bridge.self.tell(this)
  }
}

const targetOf = ({ to, id }: Route): string => `${to.name}|${id}`

/** Longest text of an error that is stored with a parked message. Units: UTF-16 code units. */
const ERROR_TEXT_MAX = 2_000

/** Texts of errors hold what they like; what is stored is well-formed and bounded. */
const textOf = (error: Error | null): string | null =>
  error === null ? null : String(error.message).slice(0, ERROR_TEXT_MAX).toWellFormed()

const NONE: readonly number[] = []
const DEFERRAL: Backoff = { minMs: 10, maxMs: 1_000 }

class Bridge {
  readonly self: ActorRef<BridgeMessage>
  closed = false
  private readonly definition: MessageBridgeDefinition
  private readonly context: ActorContext<BridgeMessage>
  private readonly maxInFlight: number
  private readonly attempts: number
  private readonly lot: EntityKind<ParkingCommand, true>
  private accepted = 0
  private readonly timers = new Set<Cancel>()
  /** The first message under way of each key; the others wait behind it. */
  private readonly lanes = new Map<string, InFlight>()
  /** Per receiver and partition the positions that are not with it, ascending. */
  private readonly aside = new Map<string, number[]>()
  private readonly parkedByKey = new Map<string, ParkedMessage[]>()
  private replaying: {
    readonly key: string
    delivered: number
    readonly replyTo: { tell(reply: ReplayResult): void }
  } | null = null
  private readonly settling: { tell(reply: undefined): void }[] = []
  private readonly replays: { readonly key: string; readonly replyTo: { tell(reply: ReplayResult): void } }[] = []

  constructor(definition: MessageBridgeDefinition, context: ActorContext<BridgeMessage>) {
    this.definition = definition
    this.context = context
    this.self = context.self
    this.maxInFlight = definition.maxInFlight ?? 4_096
    this.attempts = definition.attempts ?? 5
    this.lot = entities(parkingLot, definition.store)
  }

  async open(): Promise<void> {
    this.context.spawn(this.lot.behavior)
    const { state } = await recover(this.definition.store, parkingLot as never, this.definition.name)
    // Killed meanwhile: the source may be its successor's by now.
    if (this.context.signal.aborted) return
    for (const message of (state as { readonly parked: readonly ParkedMessage[] }).parked) {
      this.addParked(message)
      if (message.target !== null) this.addAside(message.target, message.partition, message.position)
    }
    await this.definition.source.open(() => this.self.tell(WAKE))
    this.self.tell(WAKE)
  }

  close(): Promise<void> {
    this.closed = true
    for (const cancel of this.timers) cancel()
    this.timers.clear()
    return this.definition.source.close()
  }

  handle(message: BridgeMessage): void {
    switch (message.type) {
      case 'in-flight':
        // One that an earlier incarnation delivered comes again from the source.
        if (message.bridge === this) this.advance(message)
        break
      case 'wake':
        break
      case 'settled':
        this.settling.push(message.replyTo)
        break
      case 'parked':
        message.replyTo.tell([...this.parkedByKey.values()].flat())
        return
      case 'replay':
        this.replays.push(message)
        this.startReplay()
        return
    }
    this.pump()
  }

  setAside(inFlight: InFlight): void {
    this.addAside(inFlight.target, inFlight.partition, inFlight.position)
  }

  private pump(): void {
    while (this.accepted < this.maxInFlight) {
      const message = this.definition.source.next()
      if (message === null) {
        if (this.accepted === 0 && this.settling.length > 0)
          for (const waiting of this.settling.splice(0)) waiting.tell(undefined)
        return
      }
      this.accept(message)
    }
  }

  private accept(message: SourceMessage): void {
    let inFlight: InFlight
    try {
      const route = this.translate(message)
      if (route === null) {
        this.definition.source.done(message)
        return
      }
      const target = targetOf(route)
      inFlight = new InFlight(this, this.definition.name, message, route, route.key ?? target, target)
    } catch (thrown) {
      inFlight = new InFlight(this, this.definition.name, message, null, message.id, '')
      inFlight.error = toError(thrown)
    }
    this.accepted++
    this.enter(inFlight)
  }

  /** **Errors**: MESSAGE_INVALID for what the source could not read; what the definition throws. */
  private translate(message: SourceMessage): Route | null {
    const { invalid } = message
    if (invalid === undefined || invalid === null) return this.definition.translate(message)
    throw new RuntimeError('MESSAGE_INVALID', invalid)
  }

  /** Into the lane of its key: at once if that is free, behind the others if not. */
  private enter(inFlight: InFlight): void {
    const first = this.lanes.get(inFlight.key)
    if (first === undefined) {
      this.lanes.set(inFlight.key, inFlight)
      this.begin(inFlight)
    } else {
      this.setAside(inFlight)
      if (first.behind === null) first.behind = [inFlight]
      else first.behind.push(inFlight)
    }
  }

  private begin(inFlight: InFlight): void {
    const { route } = inFlight
    if (inFlight.replayed && route === null && inFlight.error === null) this.release(inFlight)
    else if (!inFlight.replayed && this.isParked(inFlight)) this.finish(inFlight)
    else if (route === null || (!inFlight.replayed && this.isBehindParked(inFlight))) this.park(inFlight)
    else this.prepare(inFlight, route.message)
  }

  /** It comes a second time: the source did not learn in time that it is dealt with. */
  private isParked({ key, id }: InFlight): boolean {
    return this.parkedByKey.get(key)?.some(parked => parked.id === id) === true
  }

  /**
   * Not so one that comes a second time and was before them: its turn was over when the first of them was parked. Without
   * positions nobody can tell; such a one is parked too, and its receiver knows it when it is replayed.
   */
  private isBehindParked({ key, partition, position }: InFlight): boolean {
    const parked = this.parkedByKey.get(key)
    return parked?.some(m => m.partition !== partition || position === null || m.position! < position) === true
  }

  private prepare(inFlight: InFlight, message: unknown): void {
    if (!(message instanceof Promise)) {
      inFlight.command = message
      this.deliver(inFlight)
      return
    }
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
    const { target, partition, position, route } = inFlight
    inFlight.outcome = 'pending'
    inFlight.error = null
    if (this.aside.size > 0) inFlight.outstanding = this.takeFromAside(target, partition, position)
    try {
      route!.to.deliver(route!.id, inFlight.command, inFlight)
    } catch (thrown) {
      inFlight.failed(toError(thrown), true)
    }
  }

  private advance(inFlight: InFlight): void {
    switch (inFlight.outcome) {
      case 'pending':
        return
      case 'prepared':
      case 'rested':
        if (inFlight.command !== undefined) this.deliver(inFlight)
        else this.retranslate(inFlight)
        return
      case 'done':
        if (inFlight.replayed) this.release(inFlight)
        else this.finish(inFlight)
        return
      case 'failed':
        this.retry(inFlight)
        return
      case 'stored':
      case 'released':
        this.finish(inFlight)
        return
      case 'not-stored':
        this.park(inFlight)
        return
    }
  }

  /** What had to be prepared and failed is prepared again. */
  private retranslate(inFlight: InFlight): void {
    try {
      const route = this.translate(inFlight.message)
      if (route !== null) this.prepare(inFlight, route.message)
      else if (inFlight.replayed) this.release(inFlight)
      else {
        this.takeFromAside(inFlight.target, inFlight.partition, inFlight.position)
        this.finish(inFlight)
      }
    } catch (thrown) {
      inFlight.failed(toError(thrown), true)
    }
  }

  private retry(inFlight: InFlight): void {
    if (inFlight.culprit) inFlight.failures++
    if (inFlight.failures >= this.attempts) {
      this.park(inFlight)
      return
    }
    if (inFlight.culprit) {
      const restMs = backoffMs(inFlight.failures, this.context.random, this.definition.backoff)
      this.after(restMs, () => inFlight.tell('rested'))
    } else this.defer(inFlight, 'rested')
  }

  /** What it waits for is no fault of the message, so it is tried for as long as it takes. */
  private defer(inFlight: InFlight, outcome: Outcome): void {
    this.after(backoffMs(++inFlight.deferrals, this.context.random, DEFERRAL), () => inFlight.tell(outcome))
  }

  /** Ends with the bridge. */
  private after(delayMs: number, run: () => void): void {
    if (this.closed) return
    const cancel = this.context.clock.after(delayMs, () => {
      this.timers.delete(cancel)
      run()
    })
    this.timers.add(cancel)
  }

  private finish(inFlight: InFlight): void {
    if (!inFlight.replayed) {
      this.accepted--
      this.definition.source.done(inFlight.message)
    }
    this.next(inFlight)
  }

  /** The next of its key has its turn. */
  private next(inFlight: InFlight): void {
    const { behind, key } = inFlight
    const next = behind?.shift()
    if (next === undefined) {
      this.lanes.delete(key)
      if (this.replaying?.key === key) this.endReplay()
      return
    }
    next.behind = behind!.length === 0 ? null : behind
    this.lanes.set(key, next)
    this.begin(next)
  }

  // ── parking ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private park(inFlight: InFlight): void {
    if (inFlight.replayed) {
      // It is parked already, and so are those behind it.
      if (inFlight.isMoved) this.takeFromAside(inFlight.target, inFlight.partition, inFlight.position)
      inFlight.behind = inFlight.behind?.filter(other => !other.replayed) ?? null
      this.next(inFlight)
      return
    }
    const { message, key, error } = inFlight
    const { partition, position, type, payload, id, correlationId, invalid = null } = message
    const target = inFlight.route === null ? null : inFlight.target
    if (target !== null) this.setAside(inFlight)
    const place = { key, partition, position, target }
    const record = { ...place, type, payload, id, correlationId, invalid, error: textOf(error) }
    if (error !== null)
      this.context.log.log('error', `bridge ${this.definition.name}: parks ${type} (${id}) of key ${key}`, { error })
    this.lot.ask(this.definition.name, { type: 'Park', message: record }).then(
      () => {
        this.addParked({ ...record, parkedAtMs: this.context.clock.nowMs() })
        inFlight.tell('stored')
      },
      failure => {
        this.context.log.log('warn', `bridge ${this.definition.name}: ${id} not parked yet`, {
          error: toError(failure),
        })
        this.defer(inFlight, 'not-stored')
      },
    )
  }

  private startReplay(): void {
    if (this.replaying !== null) return
    const request = this.replays.shift()
    if (request === undefined) return
    const parked = this.parkedByKey.get(request.key) ?? []
    if (parked.length === 0) {
      request.replyTo.tell({ delivered: 0, parked: 0 })
      this.startReplay()
      return
    }
    this.replaying = { ...request, delivered: 0 }
    for (const message of parked) this.enter(this.replayOf(message))
  }

  private replayOf(message: ParkedMessage): InFlight {
    const { name } = this.definition
    let route: Route | null = null
    let error: Error | null = null
    try {
      route = this.translate(message)
    } catch (thrown) {
      error = toError(thrown)
      this.context.log.log('warn', `bridge ${name}: ${message.id} still cannot be translated`, { error })
    }
    const target = route === null ? (message.target ?? '') : targetOf(route)
    // Only the receiver that it was meant for was told that it is yet to come; to another one its place looks handled.
    const isMoved = target !== message.target && message.position !== null
    const inFlight = new InFlight(this, isMoved ? `${name}/${message.id}` : name, message, route, message.key, target)
    inFlight.error = error
    inFlight.replayed = true
    inFlight.isMoved = isMoved
    return inFlight
  }

  private release(inFlight: InFlight): void {
    this.lot.ask(this.definition.name, { type: 'Release', id: inFlight.id }).then(
      () => {
        this.removeParked(inFlight)
        if (this.replaying !== null) this.replaying.delivered++
        inFlight.tell('released')
      },
      error => {
        this.context.log.log('warn', `bridge ${this.definition.name}: release not stored`, { error: toError(error) })
        this.defer(inFlight, 'done')
      },
    )
  }

  private endReplay(): void {
    const { key, delivered, replyTo } = this.replaying!
    this.replaying = null
    replyTo.tell({ delivered, parked: this.parkedByKey.get(key)?.length ?? 0 })
    this.startReplay()
  }

  private addParked(message: ParkedMessage): void {
    const parked = this.parkedByKey.get(message.key)
    if (parked === undefined) this.parkedByKey.set(message.key, [message])
    else parked.push(message)
  }

  private removeParked({ key, id }: InFlight): void {
    const parked = this.parkedByKey.get(key) ?? []
    for (const m of parked) if (m.id === id && m.target !== null) this.takeFromAside(m.target, m.partition, m.position)
    const left = parked.filter(m => m.id !== id)
    if (left.length === 0) this.parkedByKey.delete(key)
    else this.parkedByKey.set(key, left)
  }

  // ── what is not with its receiver ────────────────────────────────────────────────────────────────────────────────

  private addAside(target: string, partition: number, position: number | null): void {
    if (position === null) return
    const place = `${partition}|${target}`
    const positions = this.aside.get(place)
    if (positions === undefined) this.aside.set(place, [position])
    else if (!positions.includes(position)) {
      positions.push(position)
      if (position < positions[positions.length - 2]!) positions.sort((a, b) => a - b)
    }
  }

  /** The message goes to its receiver now: what of lower positions does not. */
  private takeFromAside(target: string, partition: number, position: number | null): readonly number[] {
    if (position === null) return NONE
    const place = `${partition}|${target}`
    const positions = this.aside.get(place)
    if (positions === undefined) return NONE
    const left = positions.filter(other => other !== position)
    if (left.length === 0) this.aside.delete(place)
    else this.aside.set(place, left)
    return left.length === 0 ? NONE : left.filter(other => other < position)
  }
}
