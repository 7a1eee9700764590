/// <reference lib="esnext.disposable" preserve="true" />
import { checkOptions } from '../base/bounds.ts'
import { RuntimeError } from '../base/errors.ts'
import { type Logger, patientLogger, stderrLogger } from '../base/logger.ts'
import { type Clock, type Ports, type Random, systemPorts } from '../base/ports.ts'
import { AskDeadlines } from './ask-deadlines.ts'
import { Behavior, behaviorInvalid, NORMAL } from './behavior.ts'
import { Cell } from './cell.ts'
import type { CellSystem } from './cell-state.ts'
import { DeadLetters } from './dead-letters.ts'
import { deathWatchOf } from './death-watch.ts'
import { EventStream, type TypedEvent } from './event-stream.ts'
import { type ActorInfo, inspect } from './inspect.ts'
import { Interception, type Interceptor } from './intercept.ts'
import { programFailed } from './main-program.ts'
import { isName, nameIn, nameInvalid, nameTaken } from './names.ts'
import { Registry } from './registry.ts'
import { RingPool } from './ring.ts'
import { Scheduler, type SchedulerOptions } from './scheduler.ts'
import {
  SHUTDOWN_PHASES,
  type ShutdownPhase,
  ShutdownPhases,
  type ShutdownTask,
  type ShutdownTaskOptions,
} from './shutdown-phases.ts'
import { onShutdownSignal } from './shutdown-signals.ts'
import { isNoTime, refuseTime } from './shutdown-time.ts'
import type { ActorRef, ExitReason, SpawnOptions, StopOptions } from './types.ts'

/** What a system is given; all of it may be left out. **Errors**: RangeError for other options. */
export interface ActorSystemOptions extends SchedulerOptions {
  /** First part of every path. **Errors**: ACTOR_NAME_INVALID, as for actors. Default: `system`. */
  readonly name?: string
  readonly logger?: Logger
  /** Clock, chance and turns of the event loop; give your own to replay a run. Default: the machine's. */
  readonly ports?: Partial<Ports>
  /**
   * Around every behavior that `behavior` made, outside its own ones; see `intercept`. Supervisors, bridges and
   * event-sourced actors, whose messages are the runtime's, are left alone.
   */
  readonly interceptors?: readonly Interceptor<never>[]
  /** The phases of `onShutdown`, in order. Default: `stop-accepting`, `drain`, `flush`. */
  readonly shutdownPhases?: readonly string[]
  /**
   * Terminates at the first SIGTERM or SIGINT; a second one has its usual effect, which ends the process. Once the system
   * has ended the process ends by itself when nothing else keeps it. Default: as `main`, since a process may host more.
   */
  readonly signals?: boolean
  /**
   * The program is there for this system: when it ends by escalation, the exit code of the process is 1, unless it has one
   * already. Default: false.
   */
  readonly main?: boolean
}

const OPTIONS = [
  'name',
  'logger',
  'ports',
  'interceptors',
  'shutdownPhases',
  'signals',
  'main',
  'throughput',
  'sliceMs',
] satisfies (keyof ActorSystemOptions)[]

/**
 * A tree of actors in this thread, and what they share. Ends with `terminate()` or `await using`.
 *
 * **Escalation**: when a top-level supervisor gives up or fails, the system terminates with its reason, whose error has
 * what led to it as its causes.
 */
export class ActorSystem implements AsyncDisposable {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Every message that reached nobody. */
  readonly deadLetters: DeadLetters
  /** Resolves when the system has ended, with the reason. */
  readonly whenTerminated: Promise<ExitReason>
  /** In the order of their start. */
  private readonly topLevel = new Set<Cell>()
  private readonly names = new Map<string, Cell>()
  /** For the runtime: what the actors share. */
  readonly cells: CellSystem
  private readonly isMain: boolean
  private labels = 0
  private readonly phases: ShutdownPhases
  private foundBy: Registry | null = null
  private stream: EventStream<TypedEvent> | null = null
  private ending: Promise<void> | null = null
  private resolveTerminated!: (reason: ExitReason) => void

  private constructor(options: ActorSystemOptions) {
    const ports: Ports = { ...systemPorts, ...options.ports }
    this.name = options.name ?? 'system'
    if (!isName(this.name)) throw nameInvalid('the system', this.name)
    this.clock = ports.clock
    this.random = ports.random
    this.logger = patientLogger(options.logger ?? stderrLogger)
    this.deadLetters = new DeadLetters(this.clock, this.logger)
    this.whenTerminated = new Promise(resolve => {
      this.resolveTerminated = resolve
    })
    this.cells = {
      name: this.name,
      clock: this.clock,
      random: this.random,
      logger: this.logger,
      scheduler: new Scheduler(ports.clock, ports.executor, options),
      deadLetters: this.deadLetters,
      askDeadlines: new AskDeadlines(ports.clock, ports.executor),
      rings: new RingPool(),
      interception: options.interceptors === undefined ? null : new Interception(options.interceptors),
      nextLabel: () => ++this.labels,
      topLevelEnded: (cell, reason, asked) => this.topLevelEnded(cell, reason, asked),
    }
    this.phases = new ShutdownPhases(options.shutdownPhases ?? SHUTDOWN_PHASES, this.clock, this.logger)
    this.isMain = options.main ?? false
    if (options.signals ?? this.isMain)
      void this.whenTerminated.then(onShutdownSignal(signal => this.signalled(signal)))
  }

  /** **Errors**: RangeError for options that are none and for bounds that are none; ACTOR_NAME_INVALID. */
  static start(options: ActorSystemOptions = {}): ActorSystem {
    checkOptions('the options of a system', options, OPTIONS)
    return new ActorSystem(options)
  }

  /**
   * Starts a top-level actor. **Errors**: ACTOR_NAME_TAKEN; ACTOR_NAME_INVALID; BEHAVIOR_INVALID; SYSTEM_TERMINATED;
   * RangeError for other options.
   */
  spawn<Message>(behavior: Behavior<Message>, options: SpawnOptions = {}): ActorRef<Message> {
    if (this.ending !== null) throw new RuntimeError('SYSTEM_TERMINATED', `system ${this.name} has been terminated`)
    if (!(behavior instanceof Behavior)) throw behaviorInvalid(`/${this.name}`, behavior)
    const name = nameIn(options)
    if (name !== undefined && !isName(name)) throw nameInvalid(`/${this.name}`, name)
    if (name !== undefined && this.names.has(name)) throw nameTaken(`/${this.name}`, name)
    const cell = new Cell(this.cells, null, behavior as Behavior<never>, name ?? ++this.labels, false)
    this.topLevel.add(cell)
    if (name !== undefined) this.names.set(name, cell)
    return cell as ActorRef<Message>
  }

  /** Actors by the service that they offer. */
  get registry(): Registry {
    this.foundBy ??= new Registry(deathWatchOf(this.cells))
    return this.foundBy
  }

  /** The system's one event stream; the caller says which events it speaks of. */
  eventStream<Event extends TypedEvent = TypedEvent>(): EventStream<Event> {
    this.stream ??= new EventStream(deathWatchOf(this.cells))
    return this.stream as unknown as EventStream<Event>
  }

  /**
   * Has `task` run once, in its phase, when the system terminates, for whatever reason; the function that comes back takes
   * it out again.
   *
   * **Order**: phases one after the other, as `shutdownPhases` lists them, then the actors; the tasks of one phase at the
   * same time, begun in the order they were added. **Bounds**: a phase waits for a task up to its `timeoutMs` (5,000), then
   * aborts its signal and goes on. **Errors**: RangeError for a phase that is none; SYSTEM_TERMINATED for one that has
   * begun. What a task throws is logged and stops nothing.
   */
  onShutdown(phase: ShutdownPhase | (string & {}), task: ShutdownTask, options: ShutdownTaskOptions = {}): () => void {
    return this.phases.add(phase, task, options)
  }

  /**
   * Runs the tasks of `onShutdown`, then stops the top-level actors in reverse order of their start, each within
   * `shutdownMs`, which is no limit for the tasks. Resolves when no actor is left; a second call waits for the first. From
   * the call on no top-level actor is started. **Errors**: RangeError for a `shutdownMs` that is none, and then nothing ends.
   */
  terminate(options?: StopOptions): Promise<void> {
    if (isNoTime(options)) return refuseTime(options)
    return this.terminateBecause(NORMAL, options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.terminate()
  }

  /** The tree of actors as it is now, in the order of their start. What it shows is counted anyway; only the look costs. */
  inspect(): readonly ActorInfo[] {
    return inspect(this.topLevel, `/${this.name}`)
  }

  /** For the testkit, which lets any of them fail: the actors without a parent, in the order of their start. */
  get topActors(): Iterable<Cell> {
    return this.topLevel
  }

  private terminateBecause(reason: ExitReason, options?: StopOptions): Promise<void> {
    if (this.ending === null) {
      // Set before anything runs: the first part of a task may call `terminate` itself.
      this.ending = this.whenTerminated.then(() => undefined)
      void this.runDown(reason, options).then(() => this.resolveTerminated(reason))
    }
    return this.ending
  }

  private async runDown(reason: ExitReason, options?: StopOptions): Promise<void> {
    const tasks = this.phases.run(reason)
    // Without any the actors stop at once: nothing told after `terminate()` slips in.
    if (tasks !== null) await tasks
    await this.stopAll(options)
  }

  private signalled(signal: NodeJS.Signals): void {
    this.logger.log('info', `${signal}: system ${this.name} terminates`)
    void this.terminate()
  }

  private async stopAll(options?: StopOptions): Promise<void> {
    for (const cell of [...this.topLevel].reverse()) await cell.stop(options)
  }

  private topLevelEnded(cell: Cell, reason: ExitReason, asked: boolean): void {
    this.topLevel.delete(cell)
    if (this.names.get(cell.name) === cell) this.names.delete(cell.name)
    if (!cell.escalates || asked || this.ending !== null || reason.type === 'normal') return
    this.logger.log('error', `${cell.path} gave up; the system terminates`, {
      error: reason.type === 'error' ? reason.error : reason.type === 'shutdown' ? reason.cause : undefined,
    })
    if (this.isMain) programFailed()
    void this.terminateBecause(reason)
  }
}
