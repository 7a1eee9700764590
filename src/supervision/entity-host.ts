import type { RuntimeError } from '../base/errors.ts'
import type { Cancel } from '../base/ports.ts'
import type { Behavior } from '../kernel/behavior.ts'
import type { Cell, ChildExited, IdleWatcher, StartResult } from '../kernel/cell.ts'
import type { Context } from '../kernel/context.ts'
import type { ExitReason } from '../kernel/types.ts'
import { type Backoff, backoffMs } from './backoff.ts'
import type { EntitiesOptions, EntityHooks } from './entity-options.ts'
import { IdleList } from './idle-list.ts'

/** Up: its cell takes and handles messages. Stopping: passivated unless a message comes. Resting, down: crashed; the
 * next message starts it, but not before its rest is over. */
type Phase = 'up' | 'stopping' | 'resting' | 'down'

export class Entry implements IdleWatcher {
  readonly cell: Cell
  phase: Phase = 'up'
  /** The sweep after which it became idle. */
  idleSince = 0
  /** Its place in the list of the idle ones. */
  isListed = false
  olderIdle: Entry | null = null
  youngerIdle: Entry | null = null
  failures = 0
  failedAtMs = 0
  rest: Cancel | null = null
  /** What its last start failed with, where trying again does not mend it; until its rest is over. */
  lasting: RuntimeError | null = null
  private readonly host: EntityHost<never>

  constructor(host: EntityHost<never>, behavior: Behavior<never>, id: string, parent: Cell) {
    this.host = host
    this.cell = parent.holdEntity(behavior, id, this)
  }

  becameIdle(): void {
    this.host.becameIdle(this)
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
  private readonly entries = new Map<string, Entry>()
  /** Those that may be stopped: up with nothing to do, or down. */
  private readonly idle = new IdleList()
  private stopping = 0
  /** What came for ids that found no room. */
  private readonly queued = new Map<string, Queued[]>()
  /** Goes through `queued` from the first to come; null: nothing has waited since it came to the end. */
  private waitingIds: Iterator<string> | null = null
  private sweeps = 0
  private cancelSweep: Cancel
  private makingRoom = false
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
      if (this.entries.size >= this.roomAt) this.stopOldestIdle()
      if (this.entries.size >= this.maxLive || this.queued.has(id)) return null
      entry = this.open(id)
    } else if (entry.isListed) this.idle.remove(entry)
    return entry
  }

  enqueue(id: string, message: Queued): void {
    const messages = this.queued.get(id)
    if (messages === undefined) this.queued.set(id, [message])
    else messages.push(message)
    this.makeRoomSoon()
  }

  becameIdle(entry: Entry): void {
    entry.idleSince = this.sweeps
    this.idle.add(entry)
    if (this.queued.size > 0) this.makeRoomSoon()
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
    for (const entry of this.entries.values()) entry.rest?.()
    for (const messages of this.queued.values()) for (const message of messages) message.refuse()
    this.queued.clear()
  }

  private open(id: string): Entry {
    const behavior = this.hooks.behaviorOf(id) as Behavior<never>
    const entry = new Entry(this as EntityHost<unknown> as EntityHost<never>, behavior, id, this.context.cell)
    this.entries.set(id, entry)
    this.start(entry)
    return entry
  }

  private restart(entry: Entry): void {
    this.restarts++
    this.start(entry)
  }

  private start(entry: Entry): void {
    this.setPhase(entry, 'up')
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
    this.setPhase(entry, 'resting')
    entry.rest = this.context.clock.after(restMs, () => this.rested(entry))
    return restMs
  }

  private rested(entry: Entry): void {
    entry.rest = null
    entry.lasting = null
    this.setPhase(entry, 'down')
    if (entry.cell.waiting > 0) this.restart(entry)
    else this.becameIdle(entry)
  }

  /** It stopped in an orderly way, by itself or passivated. */
  private ended(entry: Entry): void {
    if (entry.cell.waiting > 0) this.start(entry)
    else this.drop(entry)
  }

  private drop(entry: Entry): void {
    this.entries.delete(entry.cell.name)
    this.setPhase(entry, 'down')
    entry.cell.abandon({ type: 'shutdown' })
    if (this.entries.size < this.maxLive) this.openNextQueued()
  }

  private openNextQueued(): void {
    // One iterator for all: a new one each time would walk over the holes that those before have left in the Map.
    this.waitingIds ??= this.queued.keys()
    for (let next = this.waitingIds.next(); next.done !== true; next = this.waitingIds.next()) {
      const messages = this.queued.get(next.value)!
      this.queued.delete(next.value)
      const wanted = messages.filter(message => message.isWanted)
      if (wanted.length === 0) continue
      const { cell } = this.open(next.value)
      for (const message of wanted) message.deliver(cell)
      return
    }
    this.waitingIds = null
  }

  private passivate(entry: Entry): void {
    if (entry.cell.retire()) {
      this.drop(entry)
      return
    }
    this.setPhase(entry, 'stopping')
    void entry.cell.shutdown('infinity').then(reason => {
      if (this.closed) return
      if (reason.type === 'error' || reason.type === 'killed') this.failed(entry, reason)
      else this.ended(entry)
    })
  }

  private setPhase(entry: Entry, phase: Phase): void {
    if (entry.phase === 'stopping') this.stopping--
    if (phase === 'stopping') this.stopping++
    entry.phase = phase
    this.idle.remove(entry)
  }

  /** Stops the entity that has been idle for longest; false: none is. */
  private stopOldestIdle(): boolean {
    for (let entry = this.idle.oldest; entry !== null; entry = this.idle.oldest) {
      if (this.stopIdle(entry)) return true
      // A message of its own came meanwhile, from a timer say: it is back in the list after that.
      this.idle.remove(entry)
    }
    return false
  }

  private stopIdle(entry: Entry): boolean {
    if (entry.phase === 'down') this.drop(entry)
    else if (entry.phase === 'up' && entry.cell.isIdle) this.passivate(entry)
    else return false
    return true
  }

  /** Once what runs now is over: an entity says that it is idle in the middle of its turn. */
  private makeRoomSoon(): void {
    if (this.makingRoom) return
    this.makingRoom = true
    void Promise.resolve().then(this.makeRoom)
  }

  /** Called whenever an entity becomes idle while messages wait, and when the first one begins to. */
  private readonly makeRoom = (): void => {
    this.makingRoom = false
    if (this.closed) return
    while (this.queued.size > this.stopping && this.stopOldestIdle());
  }

  private scheduleSweep(): Cancel {
    return this.context.clock.after(this.passivateAfterMs / SWEEPS, () => {
      this.sweep()
      this.cancelSweep = this.scheduleSweep()
    })
  }

  private sweep(): void {
    this.sweeps++
    for (let entry = this.idle.oldest; entry !== null; entry = this.idle.oldest) {
      if (this.sweeps - entry.idleSince <= SWEEPS) return
      if (!this.stopIdle(entry)) this.idle.remove(entry)
    }
  }
}
