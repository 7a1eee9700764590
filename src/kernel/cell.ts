import { assert } from '../base/assert.ts'
import { RuntimeError, toError } from '../base/errors.ts'
import { Behavior, behaviorInvalid, NORMAL, SHUTDOWN } from './behavior.ts'
import {
  BUSY,
  type CellSystem,
  ENDING,
  type IdleWatcher,
  NEW,
  READY,
  STARTING,
  STOPPED,
  type StartResult,
  SUSPENDED,
} from './cell-state.ts'
import { Context } from './context.ts'
import type { CrashGuard } from './crash-guard.ts'
import { echo } from './echo.ts'
import { Ending } from './ending.ts'
import { type ActorStateName, STATE_NAMES } from './inspect.ts'
import { isName, nameInvalid, nameTaken } from './names.ts'
import { isNoTime, refuseTime } from './shutdown-time.ts'
import { promiseIn } from './thenable.ts'
import {
  type ActorContext,
  type ActorRef,
  type ExitReason,
  ignore,
  type ShutdownTime,
  type StopOptions,
} from './types.ts'

export type { ChildExited, IdleWatcher, StartResult } from './cell-state.ts'

/**
 * An actor. The cell is the ref that users hold; what the ref's interface does not name is for the runtime. It is one object
 * of five storeys: what senders meet (`Receiver`), its place among others (`Kin`), how it handles messages (`Running`), how
 * it ends (`Ending`), and this: what users and supervisors order, and how an incarnation starts.
 *
 * Holds: one handler at a time per incarnation; system messages before messages; what the mailbox holds when the cell stops
 * goes to dead letters.
 */
export class Cell extends Ending implements ActorRef<unknown> {
  constructor(
    system: CellSystem,
    parent: Cell | null,
    behavior: Behavior<never>,
    label: string | number,
    supervised: boolean,
  ) {
    super(
      system,
      parent,
      system.interception === null ? behavior : system.interception.around(behavior),
      label,
      supervised,
    )
    this.keepEcho()
    if (!supervised) system.scheduler.enqueue(this)
  }

  // ── what users see ───────────────────────────────────────────────────────────────────────────────────────────────

  stop(options?: StopOptions): Promise<void> {
    if (isNoTime(options)) return refuseTime(options)
    return this.end(SHUTDOWN, options?.shutdownMs ?? this.defaultShutdownMs, !this.supervised)
  }

  drain(options?: StopOptions): Promise<void> {
    if (isNoTime(options)) return refuseTime(options)
    if (this.status === STOPPED || this.isDormant) return Promise.resolve()
    const rare = this.rarely()
    rare.draining = true
    this.open = false
    this.limitShutdown(options?.shutdownMs ?? this.defaultShutdownMs)
    if (this.isIdle) this.signal({ type: 'stop', reason: NORMAL })
    return this.whenEnded()
  }

  // ── what supervisors and the system use ──────────────────────────────────────────────────────────────────────────

  /** Starts an actor under this one; it ends when this one does. **Errors**: those of `ActorContext.spawn`. */
  spawnChild<M>(behavior: Behavior<M>, name: string | null): ActorRef<M> {
    if (!(behavior instanceof Behavior)) throw behaviorInvalid(this.path, behavior)
    return this.adoptChild(behavior as Behavior<never>, name, false) as ActorRef<M>
  }

  /** Makes a child that starts, restarts and ends for good only as its supervisor (this cell) says. */
  holdChild(behavior: Behavior<never>, name: string | null): Cell {
    return this.adoptChild(behavior, name, true)
  }

  /** The same for a supervisor that keeps its children's names unique itself: the name costs no entry here. */
  holdEntity(behavior: Behavior<never>, name: string, watcher: IdleWatcher): Cell {
    const cell = this.attach(new Cell(this.system, this, behavior, name, true))
    cell.rarely().idleWatcher = watcher
    return cell
  }

  get isUp(): boolean {
    return this.status === READY || this.status === BUSY
  }

  /** A held child of which nothing runs, and nothing is about to. */
  get isAtRest(): boolean {
    return this.status === STOPPED || this.isDormant
  }

  /** It will end once it has started, or after the message that it handles. */
  get isAskedToStop(): boolean {
    return this.signals?.some(signal => signal.type === 'stop') === true
  }

  /** Takes no new children. */
  get isEnding(): boolean {
    return this.status === ENDING || this.status === STOPPED
  }

  get isStopped(): boolean {
    return this.status === STOPPED
  }

  /** Its unasked end ends a system whose top level it is on. */
  get escalates(): boolean {
    return (this.rare?.original ?? this.behavior).escalates
  }

  /** Has a held child ask `guard` about its crashes from now on. */
  guardWith(guard: CrashGuard): void {
    this.rarely().guard = guard
    this.opensEnvelopes = true
  }

  /** Starts the next incarnation of a held child; its mailbox is what it was. */
  start(): Promise<StartResult> {
    return new Promise(resolve => this.startThen(resolve))
  }

  /** The same for a supervisor of very many, without a promise: `answer` is called in the middle of the cell's turn. */
  startThen(answer: (result: StartResult) => void): void {
    if (this.status !== NEW && this.status !== SUSPENDED) assert(false, `${this.path}: start while running`)
    const rare = this.rarely()
    rare.incarnation++
    this.status = NEW
    this.behavior = rare.original ?? this.behavior
    rare.startWaiter = answer
    rare.echoDepth = Math.max(rare.echoDepth, echo.depth, this.parent?.echoDepth ?? 0)
    this.system.scheduler.enqueue(this)
  }

  /** Ends the running incarnation of a held child and keeps its mailbox. Resolves with the reason of its end. */
  shutdown(time: ShutdownTime): Promise<ExitReason> {
    if (this.status === STOPPED || this.isDormant) return Promise.resolve(NORMAL)
    return new Promise(resolve => {
      const rare = this.rarely()
      const earlier = rare.shutdownWaiter
      rare.shutdownWaiter = reason => {
        earlier?.(reason)
        resolve(reason)
      }
      if (time === 'brutal-kill') this.kill()
      else {
        this.limitShutdown(time)
        const stop = (): void => this.signal({ type: 'stop', reason: SHUTDOWN })
        if (this.parent === null) stop()
        else this.parent.caused(stop)
      }
    })
  }

  /** Gives up a held child that does not run: what its mailbox holds goes to dead letters. */
  abandon(reason: ExitReason): void {
    if (this.status === STOPPED) return
    if (this.status !== NEW && this.status !== SUSPENDED) assert(false, `${this.path}: abandoned while running`)
    this.finalize(reason)
  }

  /** Ends a held child for good at once, where that leaves nothing undone: true if it did. */
  retire(): boolean {
    const { isQuiet } = this.behavior
    if (isQuiet === null || !this.isIdle || this.lastChild !== null || !isQuiet(this.state)) return false
    this.leaveIncarnation(SHUTDOWN)
    this.finalize(SHUTDOWN)
    return true
  }

  failFromOutside(thrown: unknown): void {
    this.signal({ type: 'fail', error: toError(thrown), from: null })
  }

  // ── what is to be seen from outside ──────────────────────────────────────────────────────────────────────────────

  get stateName(): ActorStateName {
    return STATE_NAMES[this.status] as ActorStateName
  }

  get handledCount(): number {
    return this.handled
  }

  get stashedCount(): number {
    return this.rare?.stash?.length ?? 0
  }

  get lastError(): Error | null {
    return this.rare?.lastError ?? null
  }

  // ── start ────────────────────────────────────────────────────────────────────────────────────────────────────────

  protected begin(): void {
    this.caused(() => this.beginIncarnation())
  }

  private beginIncarnation(): void {
    const context = new Context(this)
    this.context = context
    this.status = STARTING
    if (this.isAskedToStop) {
      this.conclude(SHUTDOWN)
      return
    }
    let state: unknown
    try {
      state = this.behavior.initial(context as ActorContext<unknown> as ActorContext<never>)
    } catch (error) {
      this.startFailed(context, toError(error))
      return
    }
    const promise = promiseIn(state)
    if (promise !== null) this.waitForStart(promise, context)
    else this.started(context, state)
  }

  private waitForStart(promise: Promise<unknown>, context: Context): void {
    if (this.rare !== null) this.refuseCycles(this.rare)
    const { startTimeoutMs } = this.behavior
    const cancel = this.system.clock.after(startTimeoutMs, () => {
      const late = new RuntimeError('ACTOR_START_TIMEOUT', `${this.path}: not started within ${startTimeoutMs} ms`)
      this.startFailed(context, late)
    })
    // No handler runs yet. It ends with the incarnation, which may be killed while it starts.
    this.rarely().handlerTimer = cancel
    promise.then(
      state => {
        cancel()
        this.started(context, state)
        if (this.status === READY) this.rest()
      },
      error => {
        cancel()
        if (this.isStartingWith(context)) this.caused(() => this.startFailed(context, toError(error)))
        else this.system.logger.log('debug', `${this.path}: a start failed after its incarnation had ended`, { error })
      },
    )
  }

  private isStartingWith(context: Context): boolean {
    return this.context === context && this.status === STARTING
  }

  private started(context: Context, state: unknown): void {
    if (!this.isStartingWith(context)) return
    if (state === ignore) {
      this.endIncarnation(NORMAL, false, () => this.notStarted({ type: 'ignored' }, NORMAL))
      return
    }
    this.state = state
    this.status = READY
    if (this.rare !== null) this.rare.echoDepth = 0
    this.answerStart({ type: 'started' })
  }

  private startFailed(context: Context, error: Error): void {
    if (!this.isStartingWith(context)) return
    this.endIncarnation({ type: 'error', error }, false, () =>
      this.notStarted({ type: 'failed', error }, { type: 'error', error }),
    )
  }

  private notStarted(result: StartResult, reason: ExitReason): void {
    this.leaveIncarnation(reason)
    if (this.supervised) {
      this.suspend()
      this.answerStart(result)
      this.answerShutdown(reason)
      return
    }
    if (reason.type === 'error') this.reportUnsupervised('did not start', reason.error)
    this.finalize(reason)
  }

  // ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────

  private adoptChild(behavior: Behavior<never>, name: string | null, supervised: boolean): Cell {
    if (name !== null && !supervised && !isName(name)) throw nameInvalid(this.path, name)
    if (name !== null && this.rare?.childNames?.has(name) === true) throw nameTaken(this.path, name)
    const child = this.attach(new Cell(this.system, this, behavior, name ?? this.system.nextLabel(), supervised))
    if (name !== null) {
      const rare = this.rarely()
      rare.childNames ??= new Map()
      rare.childNames.set(name, child)
    }
    return child
  }
}
