import { RuntimeError } from '../base/errors.ts'
import type { Cancel } from '../base/ports.ts'
import { type Behavior, systemBehavior } from '../kernel/behavior.ts'
import type { Cell, ChildExited, StartResult } from '../kernel/cell.ts'
import type { Context } from '../kernel/context.ts'
import type { ActorContext, AskOptions, ExitReason, ReplyTo } from '../kernel/types.ts'
import { type Backoff, backoffMs } from './backoff.ts'

export interface EntitiesOptions {
  /** An entity without a message for so long (up to a quarter longer) is stopped. Units: ms. Default: 60,000. */
  readonly passivateAfterMs?: number
  /** Most entities alive at once; above it the longest idle one makes room, or a new one waits. Default: 100,000. */
  readonly maxLive?: number
  /** How long a crashed entity rests before its next message starts it again. */
  readonly backoff?: Backoff
  /** How long the entities have to end when their supervisor does. Units: ms. Default: 5,000. */
  readonly shutdownMs?: number
}

export interface EntityHooks<Message> {
  readonly behaviorOf: (id: string) => Behavior<Message>
  /** An error that no restart mends: the supervisor fails with it, and its own supervisor decides. */
  readonly isFatal?: (error: Error) => boolean
  /** Takes back a message that cannot be delivered since the supervisor is down: true if it did. */
  readonly takeBack?: (message: unknown) => boolean
}

/**
 * Actors of one kind, one per id, each started by its first message. `behavior` is their supervisor, to be put into a
 * tree; `tell` and `ask` reach an entity through whichever incarnation of it runs.
 *
 * **Restart**: an entity that crashes keeps its mailbox and starts again for its next message, after a backoff of its own:
 * its siblings notice nothing. **Bounds**: `maxLive`; passivated when idle, and no message is lost in the change.
 * **Order**: per sender and entity, over restarts and passivation too. **Errors**: what comes before the supervisor's
 * first start waits for it; while it is down later, a tell is a dead letter `no-route`, an ask fails with ACTOR_STOPPED.
 */
export class Entities<Message> {
  readonly behavior: Behavior<never>
  private readonly hooks: EntityHooks<Message>
  private host: Host<Message> | null = null
  private context: Context | null = null
  /** What came before the first start. */
  private early: { readonly id: string; readonly message: Queued }[] = []

  constructor(hooks: EntityHooks<Message>, options: EntitiesOptions = {}) {
    this.hooks = hooks
    this.behavior = systemBehavior<never, Host<Message>>(
      {
        initial: context => {
          this.context = context as ActorContext<unknown> as Context
          this.host = new Host(hooks, options, this.context)
          this.deliverEarly(this.host)
          return this.host
        },
        receive: host => host,
        onSignal: (host, signal) => {
          if ((signal as { type: string }).type === 'child-exited') host.exited(signal as unknown as ChildExited)
          return host
        },
      },
      {
        stopChildren: async host => {
          if (this.host === host) this.host = null
          await host.stopAll()
        },
        onKill: host => {
          if (this.host === host) this.host = null
          host.close()
        },
      },
    ) as Behavior<never>
  }

  tell(id: string, message: Message): void {
    const entry = this.host === null ? null : this.host.entryFor(id)
    if (entry === null) {
      this.hold(id, { deliver: cell => cell.tell(message), refuse: () => this.noRoute(id, message) })
      return
    }
    entry.cell.tell(message)
    if (entry.phase === 'down') this.host!.restart(entry)
  }

  ask<Reply>(id: string, make: (replyTo: ReplyTo<Reply>) => Message, options?: AskOptions): Promise<Reply> {
    const entry = this.host === null ? null : this.host.entryFor(id)
    if (entry === null)
      return new Promise((resolve, reject) =>
        this.hold(id, {
          deliver: cell => cell.ask(make, options).then(resolve, reject),
          refuse: () => reject(new RuntimeError('ACTOR_STOPPED', `entity ${id}: its supervisor is down`)),
        }),
      )
    const answer = entry.cell.ask(make, options)
    if (entry.phase === 'down') this.host!.restart(entry)
    return answer
  }

  /** Entities alive, starting or resting. */
  get live(): number {
    return this.host === null ? 0 : this.host.size
  }

  /** Entities that were started again after a crash, by this supervisor's running incarnation. */
  get restarts(): number {
    return this.host === null ? 0 : this.host.restarts
  }

  /** There is no room for the entity now, or nobody to open it. */
  private hold(id: string, message: Queued): void {
    if (this.host !== null) this.host.enqueue(id, message)
    else if (this.context === null) this.early.push({ id, message })
    else message.refuse()
  }

  private deliverEarly(host: Host<Message>): void {
    const { early } = this
    this.early = []
    for (const { id, message } of early) {
      const entry = host.entryFor(id)
      if (entry === null) host.enqueue(id, message)
      else message.deliver(entry.cell)
    }
  }

  private noRoute(id: string, message: Message): void {
    if (this.hooks.takeBack?.(message) === true) return
    const { cell } = this.context!
    cell.system.deadLetters.add(message, `${cell.path}/${id}`, 'no-route')
  }
}

/** Up: its cell takes and handles messages. Stopping: passivated unless a message comes. Resting, down: crashed; the
 * next message starts it, but not before its rest is over. */
type Phase = 'up' | 'stopping' | 'resting' | 'down'

class Entry {
  readonly cell: Cell
  phase: Phase = 'up'
  /** The sweep after which it had its last message. */
  touched: number
  failures = 0
  failedAtMs = 0
  rest: Cancel | null = null
  constructor(cell: Cell, touched: number) {
    this.cell = cell
    this.touched = touched
  }
}

/** A message for an id that found no room yet. */
interface Queued {
  deliver(cell: Cell): void
  refuse(): void
}

/** Sweeps in the time after which an idle entity is passivated. */
const SWEEPS = 4
/** An entity that ran so many times its longest rest without a crash has recovered. */
const CALM_FACTOR = 2
/** How many busy entities are looked at to find an idle one. */
const EVICTION_LOOK = 64
/** How long messages without room wait until idle entities are looked for again. Units: ms. */
const ROOM_MS = 5

class Host<Message> {
  restarts = 0
  private readonly hooks: EntityHooks<Message>
  private readonly context: Context
  private readonly backoff: Backoff
  private readonly maxLive: number
  private readonly roomAt: number
  private readonly passivateAfterMs: number
  private readonly shutdownMs: number
  /** Insertion order is about the order of last use: what a search for an idle one finds busy moves to the end. */
  private readonly entries = new Map<string, Entry>()
  /** What came for ids that found no room. */
  private readonly queued = new Map<string, Queued[]>()
  private sweeps = 0
  private cancelSweep: Cancel
  private cancelRoom: Cancel | null = null
  private closed = false

  constructor(hooks: EntityHooks<Message>, options: EntitiesOptions, context: Context) {
    this.hooks = hooks
    this.context = context
    this.backoff = options.backoff ?? {}
    this.maxLive = options.maxLive ?? 100_000
    this.roomAt = Math.max(1, Math.floor(this.maxLive * 0.95))
    this.passivateAfterMs = options.passivateAfterMs ?? 60_000
    this.shutdownMs = options.shutdownMs ?? 5_000
    this.cancelSweep = this.scheduleSweep()
  }

  get size(): number {
    return this.entries.size
  }

  /** The entity of that id, opened if it was not; null: there is no room for it now. */
  entryFor(id: string): Entry | null {
    let entry = this.entries.get(id)
    if (entry === undefined) {
      if (this.entries.size >= this.roomAt) this.evict()
      if (this.entries.size >= this.maxLive || this.queued.has(id)) return null
      entry = this.open(id)
    }
    entry.touched = this.sweeps
    return entry
  }

  enqueue(id: string, message: Queued): void {
    const messages = this.queued.get(id)
    if (messages === undefined) this.queued.set(id, [message])
    else messages.push(message)
    this.makeRoomSoon()
  }

  restart(entry: Entry): void {
    this.restarts++
    this.start(entry)
  }

  exited({ child, incarnation, reason }: ChildExited): void {
    const entry = this.entries.get(child.name)
    if (entry === undefined || entry.cell !== child || child.incarnation !== incarnation) return
    if (reason.type === 'error' || reason.type === 'killed') this.failed(entry, reason)
    else this.ended(entry)
  }

  close(): void {
    this.closed = true
    this.cancelSweep()
    this.cancelRoom?.()
    for (const entry of this.entries.values()) entry.rest?.()
    for (const messages of this.queued.values()) for (const message of messages) message.refuse()
    this.queued.clear()
  }

  /** All at once under one timer: their last writes share a flush. */
  async stopAll(): Promise<void> {
    this.close()
    const cells = [...this.entries.values()].map(entry => entry.cell)
    const cancel = this.context.clock.after(this.shutdownMs, () => {
      for (const cell of cells) cell.kill()
    })
    await Promise.all(cells.map(cell => cell.shutdown('infinity')))
    cancel()
    for (const cell of cells) cell.abandon({ type: 'shutdown' })
  }

  private open(id: string): Entry {
    const entry = new Entry(this.context.cell.holdEntity(this.hooks.behaviorOf(id) as Behavior<never>, id), this.sweeps)
    this.entries.set(id, entry)
    this.start(entry)
    return entry
  }

  private start(entry: Entry): void {
    entry.phase = 'up'
    entry.cell.startThen(result => {
      // What did not start is dealt with after the cell's own turn.
      if (result.type !== 'started') Promise.resolve(result).then(ended => this.startEnded(entry, ended))
    })
  }

  private startEnded(entry: Entry, result: StartResult): void {
    if (this.closed) return
    if (result.type === 'failed') this.failed(entry, { type: 'error', error: result.error })
    else if (result.type === 'ignored') this.drop(entry)
  }

  private failed(entry: Entry, reason: ExitReason): void {
    const { cell } = entry
    const error = reason.type === 'error' ? reason.error : undefined
    if (error !== undefined && this.hooks.isFatal?.(error) === true) {
      this.context.fail(error)
      return
    }
    const nowMs = this.context.clock.monotonicMs()
    const calmMs = CALM_FACTOR * (this.backoff.maxMs ?? 10_000)
    entry.failures = nowMs - entry.failedAtMs > calmMs ? 1 : entry.failures + 1
    entry.failedAtMs = nowMs
    const restMs = backoffMs(entry.failures, this.context.random, this.backoff)
    entry.phase = 'resting'
    entry.rest = this.context.clock.after(restMs, () => this.rested(entry))
    this.context.log.log(
      'warn',
      `${cell.path} failed; its next message starts it again, after ${Math.round(restMs)} ms`,
      { error },
    )
  }

  private rested(entry: Entry): void {
    entry.rest = null
    entry.phase = 'down'
    if (entry.cell.waiting > 0) this.restart(entry)
  }

  /** It stopped in an orderly way, by itself or passivated. */
  private ended(entry: Entry): void {
    if (entry.cell.waiting > 0) this.start(entry)
    else this.drop(entry)
  }

  private drop(entry: Entry): void {
    this.entries.delete(entry.cell.name)
    entry.cell.abandon({ type: 'shutdown' })
    const next = this.queued.entries().next()
    if (next.done === true || this.entries.size >= this.maxLive) return
    const [id, messages] = next.value
    this.queued.delete(id)
    const opened = this.open(id)
    for (const message of messages) message.deliver(opened.cell)
  }

  private passivate(entry: Entry): void {
    if (entry.cell.retire()) {
      this.drop(entry)
      return
    }
    entry.phase = 'stopping'
    void entry.cell.shutdown('infinity').then(reason => {
      if (this.closed) return
      if (reason.type === 'error' || reason.type === 'killed') this.failed(entry, reason)
      else this.ended(entry)
    })
  }

  /** Makes room: stops the entity whose last use is about the longest ago, among those with nothing to do. */
  private evict(): void {
    let looks = EVICTION_LOOK
    for (const [id, entry] of this.entries) {
      if (looks-- === 0) return
      if (entry.phase === 'up' && entry.cell.isIdle) {
        this.passivate(entry)
        return
      }
      this.entries.delete(id)
      this.entries.set(id, entry)
    }
  }

  /** Nobody says that an entity has become idle, so while messages wait for room it is looked for again and again. */
  private makeRoomSoon(): void {
    this.cancelRoom ??= this.context.clock.after(ROOM_MS, () => {
      this.cancelRoom = null
      this.makeRoom()
      if (this.queued.size > 0) this.makeRoomSoon()
    })
  }

  private makeRoom(): void {
    let wanted = this.queued.size
    for (const entry of this.entries.values()) {
      if (entry.phase === 'stopping') wanted--
      else if (entry.phase === 'down') this.drop(entry)
    }
    for (const entry of this.entries.values()) {
      if (wanted <= 0) return
      if (entry.phase !== 'up' || !entry.cell.isIdle) continue
      wanted--
      this.passivate(entry)
    }
  }

  private scheduleSweep(): Cancel {
    return this.context.clock.after(this.passivateAfterMs / SWEEPS, () => {
      this.sweep()
      this.cancelSweep = this.scheduleSweep()
    })
  }

  private sweep(): void {
    this.sweeps++
    for (const entry of this.entries.values()) {
      if (this.sweeps - entry.touched <= SWEEPS) continue
      if (entry.phase === 'up' && entry.cell.isIdle) this.passivate(entry)
      else if (entry.phase === 'down') this.drop(entry)
    }
  }
}
