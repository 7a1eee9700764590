import type { RuntimeError } from '../base/errors.ts'
import type { Cancel } from '../base/ports.ts'
import type { Behavior } from '../kernel/behavior.ts'
import type { Cell, ChildExited, StartResult } from '../kernel/cell.ts'
import type { Context } from '../kernel/context.ts'
import type { ExitReason } from '../kernel/types.ts'
import { type Backoff, backoffMs } from './backoff.ts'
import type { EntitiesOptions, EntityHooks } from './entity-options.ts'

/** Up: its cell takes and handles messages. Stopping: passivated unless a message comes. Resting, down: crashed; the
 * next message starts it, but not before its rest is over. */
type Phase = 'up' | 'stopping' | 'resting' | 'down'

export class Entry {
  readonly cell: Cell
  phase: Phase = 'up'
  /** The sweep after which it had its last message. */
  touched: number
  failures = 0
  failedAtMs = 0
  rest: Cancel | null = null
  /** What its last start failed with, where trying again does not mend it; until its rest is over. */
  lasting: RuntimeError | null = null
  constructor(cell: Cell, touched: number) {
    this.cell = cell
    this.touched = touched
  }
}

/** A message for an id that found no room yet. */
export interface Queued {
  /** Whether anybody still waits for what it leads to. */
  readonly isWanted: boolean
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

/** One incarnation of the supervisor: which entities there are, and in which phase of their lives. */
export class EntityHost<Message> {
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
  /** Gives the ids of its kind free. */
  private readonly release: (() => void) | null

  constructor(hooks: EntityHooks<Message>, options: EntitiesOptions, context: Context, release: (() => void) | null) {
    this.hooks = hooks
    this.release = release
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

  /** A message came into the mailbox of an entity that is not up. */
  cameWhileNotUp(entry: Entry): void {
    if (entry.phase === 'down') this.restart(entry)
    else if (entry.lasting !== null) entry.cell.refuseWaiting(entry.lasting)
  }

  exited({ child, incarnation, reason }: ChildExited): void {
    const entry = this.entries.get(child.name)
    if (entry === undefined || entry.cell !== child || child.incarnation !== incarnation) return
    if (reason.type === 'error' || reason.type === 'killed') this.failed(entry, reason)
    else this.ended(entry)
  }

  /** It was killed, and its entities with it. */
  kill(): void {
    this.close()
    this.release?.()
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
    this.release?.()
  }

  private close(): void {
    this.closed = true
    this.cancelSweep()
    this.cancelRoom?.()
    for (const entry of this.entries.values()) entry.rest?.()
    for (const messages of this.queued.values()) for (const message of messages) message.refuse()
    this.queued.clear()
  }

  private open(id: string): Entry {
    const entry = new Entry(this.context.cell.holdEntity(this.hooks.behaviorOf(id) as Behavior<never>, id), this.sweeps)
    this.entries.set(id, entry)
    this.start(entry)
    return entry
  }

  private restart(entry: Entry): void {
    this.restarts++
    this.start(entry)
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
    if (result.type === 'failed') this.startFailed(entry, result.error)
    else if (result.type === 'ignored') this.drop(entry)
  }

  private startFailed(entry: Entry, error: Error): void {
    if (this.hooks.isLasting?.(error) !== true) {
      this.failed(entry, { type: 'error', error })
      return
    }
    const restMs = this.rest(entry)
    entry.lasting = error
    this.context.log.log(
      'error',
      `${entry.cell.path} cannot start, and what waits for it fails; a message after ${Math.round(restMs)} ms tries again`,
      { error },
    )
    entry.cell.refuseWaiting(error)
  }

  private failed(entry: Entry, reason: ExitReason): void {
    const error = reason.type === 'error' ? reason.error : undefined
    if (error !== undefined && this.hooks.isFatal?.(error) === true) {
      this.context.fail(error)
      return
    }
    const restMs = this.rest(entry)
    this.context.log.log(
      'warn',
      `${entry.cell.path} failed; its next message starts it again, after ${Math.round(restMs)} ms`,
      { error },
    )
  }

  /** How long that is. Units: ms. */
  private rest(entry: Entry): number {
    const nowMs = this.context.clock.monotonicMs()
    const calmMs = CALM_FACTOR * (this.backoff.maxMs ?? 10_000)
    entry.failures = nowMs - entry.failedAtMs > calmMs ? 1 : entry.failures + 1
    entry.failedAtMs = nowMs
    const restMs = backoffMs(entry.failures, this.context.random, this.backoff)
    entry.phase = 'resting'
    entry.rest = this.context.clock.after(restMs, () => this.rested(entry))
    return restMs
  }

  private rested(entry: Entry): void {
    entry.rest = null
    entry.lasting = null
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
    if (this.entries.size < this.maxLive) this.openNextQueued()
  }

  private openNextQueued(): void {
    for (const [id, messages] of this.queued) {
      this.queued.delete(id)
      const wanted = messages.filter(message => message.isWanted)
      if (wanted.length === 0) continue
      const { cell } = this.open(id)
      for (const message of wanted) message.deliver(cell)
      return
    }
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
