import { RuntimeError, toError } from '../../base/errors.ts'
import { AskEnvelope } from '../../kernel/ask.ts'
import type { Behavior } from '../../kernel/behavior.ts'
import type { Cell } from '../../kernel/cell.ts'
import { Scheduled } from '../../kernel/scheduled.ts'
import type { ActorRef, ActorContext as KernelContext } from '../../kernel/types.ts'
import { RestartWindow } from '../../supervision/restart-window.ts'
import { Deferral } from '../lib/deferral.ts'
import type { ActorPath } from '../lib/paths.ts'
import { ActorReference, bind, Nobody } from '../lib/references.ts'
import { defaultSupervisionPolicy, SupervisionActions } from '../lib/supervision.ts'
import type { NactSystem } from '../lib/system.ts'
import type { LoggerLike } from '../types.ts'
import { ChildMap, type Context, type Handler, type OnCrash, type Properties, Sent } from './context.ts'
import { hosting, launched, withFreeName } from './kernel-actor.ts'
import { failQueryOf, noteHandedOn } from './query.ts'
import { supervise } from './supervising.ts'

/** More resets than this within RESETS_PERIOD_MS, and the actor is stopped. */
const RESETS_MAX = 100
const RESETS_PERIOD_MS = 5_000

const NOBODY = new Nobody()
const NO_LIMIT = { shutdownMs: 'infinity' } as const
/** Told to an actor that has nothing to do: there is something all the same. */
const NUDGE = Symbol('nudge')
/** Told to an actor that had no message for the time of its `shutdownAfter`. */
const IDLE = Symbol('idle')
const NOTHING = Symbol('nothing')

/**
 * An actor of nact on an actor of the kernel, which has its mailbox and its turns: one message at a time, whatever happens.
 * A handler that fails does not crash the kernel's actor: that waits, as in an async handler, until `onCrash` has decided.
 */
export class Actor {
  readonly name: string
  readonly path: ActorPath
  readonly system: NactSystem
  readonly reference: ActorReference
  readonly children = new Map<string, Actor>()
  readonly log: LoggerLike | undefined
  readonly onCrash: OnCrash
  parent: Actor | NactSystem | undefined
  stopped = false
  state: unknown = undefined
  protected readonly handler: Handler
  private readonly properties: Properties
  private readonly shutdownAfterMs: number
  private cell!: Cell
  /** What contexts are given, until the children change. */
  private childMap: ChildMap | null = null
  /** A message is in hand, or what comes before the first. */
  protected isHandling = false
  /** Of the message in hand, or of the last one. */
  private senderInHand: unknown = NOBODY
  /** Taken from the mailbox and not begun, while a reset goes first. */
  private taken: unknown = NOTHING
  /** Asked for and not yet carried out. */
  private reset: Deferral<void> | null = null
  private resets: RestartWindow | null = null
  private startFailure: { readonly error: unknown } | null = null

  /** **Errors**: Error for a name that is invalid or taken, and a `shutdownAfter` that is no number. */
  constructor(parent: Actor | NactSystem, handler: Handler, name: unknown, properties: Properties) {
    const { system } = parent
    this.name = (name || system.nextName()) as string
    if (parent.children.has(this.name)) throw new Error(`child actor of name ${this.name} already exists`)
    this.path = parent.path.createChildPath(this.name)
    this.shutdownAfterMs = shutdownAfterOf(properties.shutdownAfter)
    this.parent = parent
    this.system = system
    this.handler = handler
    this.properties = properties
    this.onCrash = properties.onCrash ?? defaultSupervisionPolicy
    this.reference = new ActorReference(system.name, parent.reference, this.path, this.name)
    this.log = system.createLogger(this.reference)
  }

  /** Puts it in its place; from then on it takes messages, and `initialStateFunc` may already use it. */
  launch(): ActorReference {
    const parent = this.parent as Actor | NactSystem
    // Its function may know whose message its parent has in hand, and answer.
    if (parent instanceof Actor) noteHandedOn(undefined, parent.senderInHand)
    parent.childSpawned(this)
    this.cell = parent.adopt(hosting, this.name)
    launched.set(this.cell, this)
    bind(this.reference, this)
    try {
      this.initializeState()
    } catch (error) {
      this.startFailure = { error }
    }
    return this.reference
  }

  // ── what others do with it ─────────────────────────────────────────────────────────────────────────────────────────

  dispatch(message: unknown, sender?: unknown): void {
    this.cell.tell(
      sender === undefined && typeof message !== 'symbol'
        ? message
        : new Sent(message, sender === undefined ? NOBODY : sender),
    )
  }

  /** Rejects with Error `Query Timeout`; as the class Query says, sooner where nobody can answer any more. */
  query(message: unknown, timeoutMs: number): Promise<unknown> {
    const query = this.system.openQuery(timeoutMs)
    try {
      const { reference } = query
      const asked = typeof message === 'function' ? message(reference) : message
      query.noteAsked(asked)
      this.dispatch(asked, reference)
    } catch (error) {
      query.fail(toError(error))
      throw error
    }
    return query.promise
  }

  /**
   * Ends the actor and its children, at once for all who would send to them or take their names. A handler in flight goes on;
   * after it, or after 5,000 ms, `afterStop` runs, which sees what was left in the mailbox. All that is left is a dead letter.
   */
  stop(): void {
    if (this.stopped) return
    const { afterStop } = this.properties
    const left = this.mail()
    // As on nact, the oldest is in hand once it is there, begun or not, and no longer in the mailbox.
    const mailbox = this.isHandling ? left : left.slice(1)
    const context = afterStop === undefined ? null : { ...this.createContext(this.reference), mailbox }
    this.parent?.childStopped(this)
    this.parent = undefined
    for (const child of [...this.children.values()]) child.stop()
    this.stopped = true
    bind(this.reference, undefined)
    launched.delete(this.cell)
    this.reset?.resolve(undefined)
    // With no promise to wait for it needs no time limit; its children have their own.
    const ended = this.cell.stop(this.cell.stateName === 'up' ? NO_LIMIT : undefined)
    if (context === null) this.failQueries(left)
    else void ended.then(() => this.afterStop(context, left))
  }

  /** Has it reset before its next message. Resolves when that is done, or the actor stopped. */
  requestReset(): Promise<void> {
    if (this.stopped) return Promise.resolve()
    this.reset ??= new Deferral()
    if (!this.isHandling) this.cell.tell(NUDGE)
    return this.reset.promise
  }

  isAbove(other: Actor): boolean {
    for (let at: Actor | NactSystem | undefined = other.parent; at instanceof Actor; at = at.parent)
      if (at === this) return true
    return false
  }

  get kernelRef(): ActorRef<unknown> {
    return this.cell
  }

  // ── its place among others ─────────────────────────────────────────────────────────────────────────────────────────

  get childReferences(): Map<string, ActorReference> {
    return new ChildMap(this.children)
  }

  childSpawned(child: Actor): void {
    this.children.set(child.name, child)
    this.childMap = null
  }

  childStopped(child: Actor): void {
    this.children.delete(child.name)
    this.childMap = null
  }

  adopt(behavior: Behavior<unknown>, name: string): Cell {
    return withFreeName(name, free => this.cell.spawnChild(behavior, free))
  }

  /** **Errors**: AssertionError-like Error once it has stopped. */
  assertNotStopped(): true {
    if (this.stopped) throw new Error(`${this.path} has stopped`)
    return true
  }

  // ── what its own functions see ─────────────────────────────────────────────────────────────────────────────────────

  createContext(sender: unknown): Context {
    if (this.childMap === null || this.childMap.isTouched) this.childMap = new ChildMap(this.children)
    return {
      parent: this.parent?.reference,
      path: this.path,
      self: this.reference,
      name: this.name,
      children: this.childMap,
      sender,
      log: this.log,
    }
  }

  createSupervisionContext(sender: unknown): unknown {
    return { ...this.createContext(sender ?? this.reference), mailbox: this.mail(), ...SupervisionActions }
  }

  complain(what: string, error: unknown): void {
    this.system.kernel.logger.log('error', `${this.path}: ${what}`, {
      error: error === undefined ? undefined : toError(error),
    })
  }

  // ── its turns, as the kernel gives them ────────────────────────────────────────────────────────────────────────────

  /** The incarnation's start: before it, nothing is taken from the mailbox. */
  begin(kernel: KernelContext<unknown>): this | Promise<this> {
    const starting = this.start()
    if (starting === null) return this.begun(kernel)
    this.isHandling = true
    return starting.then(() => this.settle()).then(() => this.begun(kernel))
  }

  receive(item: unknown): this | Promise<this> {
    if (item === IDLE) {
      this.stop()
      return this
    }
    if (this.reset !== null) return this.resetFirst(item)
    return item === NUDGE ? this : this.handle(item)
  }

  /** What is to be done before the first message; null: nothing. */
  protected start(): Promise<void> | null {
    return this.startFailure === null ? null : this.fail(undefined, undefined, this.startFailure.error)
  }

  /** Back to the state that it began with. */
  protected async restart(): Promise<void> {
    try {
      this.initializeState()
    } catch (error) {
      await this.fail(undefined, undefined, error)
    }
  }

  protected get isToBeReset(): boolean {
    return this.reset !== null
  }

  /** For persistent actors, which take snapshots. */
  protected afterMessage(): void {}

  protected initializeState(): void {
    const { initialStateFunc, initialState } = this.properties
    this.state = initialStateFunc === undefined ? initialState : initialStateFunc(this.createContext(undefined))
  }

  /** Resolves when it has been decided what becomes of the failure. */
  protected async fail(message: unknown, sender: unknown, error: unknown): Promise<void> {
    if (this.stopped) this.complain('its handler failed after it was stopped', error)
    else await supervise({ actor: this, message, sender, error })
    failQueryOf(
      sender,
      () => new RuntimeError('ACTOR_CRASHED', `${this.path} failed before it answered`, { cause: toError(error) }),
    )
  }

  private begun(kernel: KernelContext<unknown>): this {
    if (this.shutdownAfterMs > 0 && !this.stopped) kernel.setReceiveTimeout(this.shutdownAfterMs, IDLE)
    return this
  }

  private handle(item: unknown): this | Promise<this> {
    let message = item
    let sender: unknown = NOBODY
    if (item instanceof Sent) {
      message = item.message
      sender = item.sender
    }
    this.isHandling = true
    this.senderInHand = sender
    const context = this.createContext(sender)
    try {
      const next = this.handler.call(context, this.state, message, context)
      if (isThenable(next)) return this.handleAsync(next, message, sender)
      return this.handled(next)
    } catch (error) {
      return this.fail(message, sender, error).then(() => this.settle())
    }
  }

  private handleAsync(next: PromiseLike<unknown>, message: unknown, sender: unknown): Promise<this> {
    // It stopped itself before it had anything to wait for.
    if (this.stopped) void this.cell.stop()
    return Promise.resolve(next).then(
      state => this.handled(state),
      error => this.fail(message, sender, error).then(() => this.settle()),
    )
  }

  private handled(next: unknown): this | Promise<this> {
    this.state = next
    this.afterMessage()
    if (this.reset !== null) return this.settle()
    this.isHandling = false
    return this
  }

  /** Carries out the resets that were asked for meanwhile. */
  private async settle(): Promise<this> {
    this.isHandling = true
    while (this.reset !== null) {
      const { reset } = this
      this.reset = null
      if (!this.stopped) await this.resetOnce()
      reset.resolve(undefined)
    }
    this.isHandling = false
    return this
  }

  private async resetOnce(): Promise<void> {
    this.resets ??= new RestartWindow(RESETS_MAX, RESETS_PERIOD_MS)
    if (!this.resets.admit(this.system.kernel.clock.monotonicMs())) {
      this.complain(`is stopped after more than ${RESETS_MAX} resets within ${RESETS_PERIOD_MS} ms`, undefined)
      this.stop()
      return
    }
    for (const child of [...this.children.values()]) child.stop()
    await this.restart()
  }

  private async resetFirst(item: unknown): Promise<this> {
    this.taken = item
    await this.settle()
    this.taken = NOTHING
    if (item === NUDGE) return this
    if (!this.stopped) return this.handle(item)
    this.system.kernel.deadLetters.add(item, this.cell.path, 'stopped')
    return this
  }

  private async afterStop(context: Context, left: readonly Sent[]): Promise<void> {
    try {
      await this.properties.afterStop?.call(this, this.state, context)
    } catch (error) {
      this.complain('its afterStop failed', error)
    }
    this.failQueries(left)
  }

  /** What waits, as nact shows it. */
  private mail(): readonly Sent[] {
    if (this.cell.waiting === 0 && this.taken === NOTHING) return []
    const waiting = this.taken === NOTHING ? this.cell.waitingItems : [this.taken, ...this.cell.waitingItems]
    return waiting
      .filter(item => typeof item !== 'symbol' && !(item instanceof Scheduled))
      .map(item => (item instanceof Sent ? item : new Sent(item instanceof AskEnvelope ? item.message : item, NOBODY)))
  }

  private failQueries(left: readonly Sent[]): void {
    for (const { sender } of left)
      failQueryOf(sender, () => new RuntimeError('ACTOR_STOPPED', `${this.path} stopped before it took the message`))
  }
}

const shutdownAfterOf = (shutdownAfter: unknown): number => {
  if (!shutdownAfter) return 0
  if (typeof shutdownAfter !== 'number') throw new Error('Shutdown should be specified as a number in milliseconds')
  if (shutdownAfter === Number.POSITIVE_INFINITY) return 0
  return Math.max(1, shutdownAfter)
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  (typeof value === 'object' || typeof value === 'function') &&
  value !== null &&
  typeof (value as { readonly then?: unknown }).then === 'function'
