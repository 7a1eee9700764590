import { isRuntimeError, RuntimeError, toError } from '../../base/errors.ts'
import type { Cancel } from '../../base/ports.ts'
import type { ActorContext } from '../../kernel/types.ts'
import type { Command } from '../../persistence/command.ts'
import { persistenceIdOf } from '../../persistence/event-sourced.ts'
import type { EventSourcedEntitiesOptions } from '../../persistence/event-sourced-entities.ts'
import type { EventStore } from '../../persistence/event-store.ts'
import { lastingFailure } from '../../persistence/recovery.ts'
import { backoffMs } from '../../supervision/backoff.ts'
import { JournalEngine } from '../engine/journal-engine.ts'
import { blankHosted, type Hosted, hostedCoding } from './hosted-coding.ts'
import { type AnyDefinition, failed, hostedHandler } from './hosted-handler.ts'

/**
 * What is needed of nact, 7.6 or later: `import * as nact from 'nact'`, or from `troupe/nact`. Two packages with types of
 * their own fulfil it, so it says how many arguments there are and leaves what they are to them.
 */
export interface NactModule {
  readonly start: (...extensions: never[]) => unknown
  readonly stop: (actor: never) => void
  readonly dispatch: (actor: never, message: never) => void
  readonly spawnPersistent: (parent: never, f: never, key: string, name?: string, properties?: never) => unknown
  readonly configurePersistence: (engine: never) => unknown
}

/** The same, for the one place that gives it what belongs there. */
interface CallableNact {
  start(extension: unknown): unknown
  stop(actor: unknown): void
  dispatch(actor: unknown, message: unknown): void
  spawnPersistent(parent: unknown, f: unknown, key: string, name: string, properties: unknown): unknown
  configurePersistence(engine: unknown): unknown
}

/** Sweeps in the time after which an idle actor is stopped. */
const SWEEPS = 4

/** One id: the actor of nact that has it now, and what was sent to it and is not dealt with. */
class Entry {
  readonly id: string
  /** Null: it rests after a crash. */
  actor: unknown = null
  pending: Command<unknown>[] = []
  touched = 0
  failures = 0
  failedAtMs = 0
  rest: Cancel | null = null
  constructor(id: string) {
    this.id = id
  }
}

/**
 * The persistent actors of one kind in a system of nact, one per id, each spawned by its first message. nact forgets what is
 * in a mailbox when it stops an actor, so what is not dealt with is kept here: given back to its log, or sent again.
 */
export class Hosting {
  restarts = 0
  private readonly nact: CallableNact
  private readonly definition: AnyDefinition
  private readonly store: EventStore
  private readonly options: EventSourcedEntitiesOptions
  private readonly context: ActorContext<never>
  private readonly engine: JournalEngine
  private readonly system: unknown
  private readonly entries = new Map<string, Entry>()
  private readonly maxLive: number
  /** Those whose actors have nothing to do, the longest idle one first. */
  private readonly idle = new Set<Entry>()
  /** What came for ids that found no room. */
  private readonly queued = new Map<string, Command<unknown>[]>()
  private makingRoom = false
  private spawned = 0
  private sweeps = 0
  private cancelSweep: Cancel
  private closed = false
  private whenQuiet: (() => void) | null = null

  constructor(
    nact: NactModule,
    definition: AnyDefinition,
    store: EventStore,
    options: EventSourcedEntitiesOptions,
    context: ActorContext<never>,
  ) {
    this.nact = nact as unknown as CallableNact
    this.definition = definition
    this.store = store
    this.options = options
    this.context = context
    this.maxLive = options.maxLive ?? 100_000
    const { version = 1, keep = 2 } = definition.snapshot ?? {}
    this.engine = new JournalEngine(async () => store, hostedCoding(version, keep))
    this.system = this.nact.start(this.nact.configurePersistence(this.engine))
    this.cancelSweep = this.scheduleSweep()
  }

  get live(): number {
    return this.entries.size
  }

  send(id: string, command: Command<unknown>): void {
    if (this.closed) {
      failed(command, stopping(this.definition.name), false)
      return
    }
    const entry = this.entries.get(id) ?? this.open(id)
    if (entry === null) this.enqueue(id, command)
    else this.sendTo(entry, command)
  }

  /** Ends them after what they have in hand, or after `shutdownMs`. */
  async end(shutdownMs: number): Promise<void> {
    this.closed = true
    this.cancelSweep()
    for (const commands of this.queued.values())
      for (const command of commands) failed(command, stopping(this.definition.name), false)
    this.queued.clear()
    for (const entry of this.entries.values())
      if (entry.actor === null) this.abandon(entry, stopping(this.definition.name))
    if (this.isBusy) {
      await new Promise<void>(resolve => {
        const cancel = this.context.clock.after(shutdownMs, resolve)
        this.whenQuiet = () => {
          cancel()
          resolve()
        }
      })
    }
    for (const entry of this.entries.values()) {
      if (entry.actor !== null) this.nact.stop(entry.actor)
      this.abandon(entry, stopping(this.definition.name))
    }
    this.entries.clear()
    this.nact.stop(this.system)
  }

  private get isBusy(): boolean {
    for (const entry of this.entries.values()) if (entry.pending.length > 0) return true
    return false
  }

  private sendTo(entry: Entry, command: Command<unknown>): void {
    entry.touched = this.sweeps
    entry.pending.push(command)
    this.idle.delete(entry)
    if (entry.actor !== null) this.nact.dispatch(entry.actor, command)
    else if (entry.rest === null) this.spawn(entry)
  }

  /** Null: there is no room for it now. */
  private open(id: string): Entry | null {
    if (this.queued.has(id) || !this.hasRoom()) return null
    const entry = new Entry(id)
    this.entries.set(id, entry)
    return entry
  }

  /** There is, or the longest idle one has made some. */
  private hasRoom(): boolean {
    if (this.entries.size < this.maxLive) return true
    const [oldest] = this.idle
    if (oldest === undefined) return false
    this.passivate(oldest)
    return true
  }

  private enqueue(id: string, command: Command<unknown>): void {
    const commands = this.queued.get(id)
    if (commands === undefined) this.queued.set(id, [command])
    else commands.push(command)
  }

  /** Later, since whoever became idle is yet to return from its handler, and may take a snapshot then. */
  private openQueuedSoon(): void {
    if (this.makingRoom || this.queued.size === 0) return
    this.makingRoom = true
    this.store.ports.executor.later(() => {
      this.makingRoom = false
      for (const [id, commands] of this.queued) {
        if (!this.hasRoom()) return
        this.queued.delete(id)
        const entry = this.open(id) as Entry
        for (const command of commands) this.sendTo(entry, command)
      }
    })
  }

  /** Has an actor of nact take the entry over, and sends it all that is pending. */
  private spawn(entry: Entry): void {
    const { definition } = this
    const key = persistenceIdOf(definition.name, entry.id)
    try {
      const initial = definition.initial(entry.id)
      const handler = hostedHandler(
        definition,
        entry.id,
        this.store,
        (command, error) => this.handled(entry, command, error),
        hosted => this.recovered(key, hosted),
      )
      let isFirst = true
      const properties = {
        initialStateFunc: () => {
          const state = isFirst ? initial : definition.initial(entry.id)
          isFirst = false
          return blankHosted(state)
        },
        onCrash: (_message: unknown, error: unknown, { stop }: { readonly stop: unknown }) => {
          // nact goes on with its own decision; the entry is another actor's from here on.
          if (entry.actor === actor) this.crashed(entry, toError(error))
          return stop
        },
        snapshotEvery: definition.snapshot?.every,
      }
      const actor = this.nact.spawnPersistent(this.system, handler, key, `${++this.spawned}`, properties)
      entry.actor = actor
    } catch (thrown) {
      this.crashed(entry, new RuntimeError('RECOVERY_FAILED', `${key}: initial failed`, { cause: toError(thrown) }))
      return
    }
    for (const command of entry.pending) this.nact.dispatch(entry.actor, command)
  }

  private recovered(persistenceId: string, hosted: Hosted): void {
    try {
      this.options.onRecovery?.recovered(persistenceId, hosted)
    } catch (error) {
      this.context.log.log('error', `${persistenceId}: the listener of recoveries failed`, { error })
    }
  }

  private handled(entry: Entry, command: Command<unknown>, error: Error | null): void {
    const at = entry.pending.indexOf(command)
    if (at >= 0) entry.pending.splice(at, 1)
    if (error === null) entry.failures = 0
    if (isIdle(entry)) {
      this.idle.add(entry)
      this.openQueuedSoon()
    }
    if (this.whenQuiet !== null && !this.isBusy) this.whenQuiet()
  }

  /** What its log had sent goes back there; what was asked or told waits for the next actor. */
  private crashed(entry: Entry, error: Error): void {
    const key = persistenceIdOf(this.definition.name, entry.id)
    entry.actor = null
    this.idle.delete(entry)
    this.engine.forget(key)
    if (isRuntimeError(error, 'JOURNAL_FENCED') || isRuntimeError(error, 'JOURNAL_CLOSED')) {
      this.abandon(entry, error)
      this.context.fail(error)
      return
    }
    const lasting = lastingFailure(key, error)
    if (lasting !== null) this.abandon(entry, lasting, true)
    else {
      const delivered = entry.pending.filter(command => command.delivery !== null)
      entry.pending = entry.pending.filter(command => command.delivery === null)
      for (const command of delivered) failed(command, error, false)
    }
    this.restAfter(entry, error)
    if (this.whenQuiet !== null && !this.isBusy) this.whenQuiet()
  }

  private restAfter(entry: Entry, error: Error): void {
    const { backoff = {} } = this.options
    const restMs = backoffMs(++entry.failures, this.context.random, backoff)
    const text = `${this.definition.name}|${entry.id} failed; its next message starts it again, after ${Math.round(restMs)} ms`
    this.context.log.log('warn', text, { error })
    if (this.closed) {
      this.abandon(entry, stopping(this.definition.name))
      return
    }
    entry.rest = this.context.clock.after(restMs, () => {
      entry.rest = null
      if (entry.pending.length === 0) {
        this.entries.delete(entry.id)
        this.openQueuedSoon()
      } else {
        this.restarts++
        this.spawn(entry)
      }
    })
  }

  private abandon(entry: Entry, error: Error, isOwnFault = false): void {
    entry.rest?.()
    entry.rest = null
    const { pending } = entry
    entry.pending = []
    for (const command of pending) failed(command, error, isOwnFault)
  }

  private passivate(entry: Entry): void {
    this.nact.stop(entry.actor)
    // What still becomes of its last handler is no business of the entry that has the id next.
    entry.actor = null
    this.idle.delete(entry)
    this.engine.forget(persistenceIdOf(this.definition.name, entry.id))
    this.entries.delete(entry.id)
  }

  private scheduleSweep(): Cancel {
    const { passivateAfterMs = 60_000 } = this.options
    return this.context.clock.after(passivateAfterMs / SWEEPS, () => {
      this.sweeps++
      for (const entry of this.idle) if (this.sweeps - entry.touched > SWEEPS) this.passivate(entry)
      this.openQueuedSoon()
      this.cancelSweep = this.scheduleSweep()
    })
  }
}

const isIdle = (entry: Entry): boolean => entry.actor !== null && entry.pending.length === 0

const stopping = (name: string): RuntimeError =>
  new RuntimeError('ACTOR_STOPPED', `${name}: its supervisor is down`, { retryable: true })
