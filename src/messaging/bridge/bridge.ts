import { RuntimeError, toError } from '../../base/errors.ts'
import type { Cancel } from '../../base/ports.ts'
import type { ActorContext, ActorRef } from '../../kernel/types.ts'
import { type Backoff, backoffMs } from '../../supervision/backoff.ts'
import type { MessageBridgeDefinition, ReplayResult, Route } from '../message-bridge.ts'
import type { SourceMessage } from '../message-source.ts'
import type { ParkedMessage } from '../parking-lot.ts'
import { type Holder, InFlight, type Outcome } from './in-flight.ts'
import { Overtaken } from './overtaken.ts'
import { ParkedMessages } from './parked-messages.ts'

export type BridgeMessage =
  | { readonly type: 'wake' }
  | { readonly type: 'parked'; readonly replyTo: { tell(reply: readonly ParkedMessage[]): void } }
  | { readonly type: 'settled'; readonly replyTo: { tell(reply: undefined): void } }
  | { readonly type: 'replay'; readonly key: string; readonly replyTo: { tell(reply: ReplayResult): void } }
  | InFlight

export const WAKE: BridgeMessage = { type: 'wake' }

/** What a message waits for that is not its own fault. */
const DEFERRAL: Backoff = { minMs: 10, maxMs: 1_000 }

export class Bridge implements Holder {
  readonly overtaken = new Overtaken()
  private readonly self: ActorRef<BridgeMessage>
  private closed = false
  private readonly definition: MessageBridgeDefinition
  private readonly context: ActorContext<BridgeMessage>
  private readonly maxInFlight: number
  private readonly attempts: number
  private readonly parked: ParkedMessages
  private accepted = 0
  private readonly timers = new Set<Cancel>()
  /** The first message under way of each key; the others wait behind it. */
  private readonly lanes = new Map<string, InFlight>()
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
    this.parked = new ParkedMessages(definition.store, definition.name, this.overtaken)
  }

  async open(): Promise<void> {
    this.context.spawn(this.parked.lot.behavior)
    await this.parked.recover()
    // Killed meanwhile: the source may be its successor's by now.
    if (this.context.signal.aborted) return
    await this.definition.source.open(
      () => this.self.tell(WAKE),
      error => this.context.fail(error),
    )
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
        if (message.holder === this) this.advance(message)
        break
      case 'wake':
        break
      case 'settled':
        this.settling.push(message.replyTo)
        break
      case 'parked':
        message.replyTo.tell(this.parked.all())
        return
      case 'replay':
        this.replays.push(message)
        this.startReplay()
        return
    }
    this.pump()
  }

  settled(inFlight: InFlight): void {
    // A bridge that has ended leaves it to the next one, to which the source gives the message again.
    if (!this.closed) this.self.tell(inFlight)
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
    else if (!inFlight.replayed && this.parked.has(inFlight)) this.finish(inFlight)
    else if (route === null || (!inFlight.replayed && this.parked.isBefore(inFlight))) this.park(inFlight)
    else this.prepare(inFlight, route.message)
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
    inFlight.outstanding = this.overtaken.remove(target, partition, position)
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
        this.overtaken.remove(inFlight.target, inFlight.partition, inFlight.position)
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
      if (inFlight.isMoved) this.overtaken.remove(inFlight.target, inFlight.partition, inFlight.position)
      inFlight.behind = inFlight.behind?.filter(other => !other.replayed) ?? null
      this.next(inFlight)
      return
    }
    const { key, id, error } = inFlight
    const where = `bridge ${this.definition.name}`
    if (error !== null)
      this.context.log.log('error', `${where}: parks ${inFlight.message.type} (${id}) of key ${key}`, { error })
    this.parked.park(inFlight, this.context.clock.nowMs()).then(
      () => inFlight.tell('stored'),
      failure => {
        this.context.log.log('warn', `${where}: ${id} not parked yet`, { error: toError(failure) })
        this.defer(inFlight, 'not-stored')
      },
    )
  }

  private startReplay(): void {
    if (this.replaying !== null) return
    const request = this.replays.shift()
    if (request === undefined) return
    const parked = this.parked.of(request.key)
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
    this.parked.release(inFlight).then(
      () => {
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
    replyTo.tell({ delivered, parked: this.parked.of(key).length })
    this.startReplay()
  }

  private setAside({ target, partition, position }: InFlight): void {
    this.overtaken.add(target, partition, position)
  }
}

const targetOf = ({ to, id }: Route): string => `${to.name}|${id}`
