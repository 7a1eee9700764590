import { RuntimeError } from '../base/errors.ts'
import { type Logger, patientLogger, stderrLogger } from '../base/logger.ts'
import { type Clock, type Ports, type Random, systemPorts } from '../base/ports.ts'
import { type Behavior, NORMAL } from './behavior.ts'
import { Cell, nameTaken } from './cell.ts'
import type { CellSystem } from './cell-state.ts'
import { DeadLetters } from './dead-letters.ts'
import { RingPool } from './ring.ts'
import { Scheduler, type SchedulerOptions } from './scheduler.ts'
import type { ActorRef, ExitReason, SpawnOptions, StopOptions } from './types.ts'

export interface ActorSystemOptions extends SchedulerOptions {
  /** First part of every path. Default: `system`. */
  readonly name?: string
  readonly logger?: Logger
  /** Clock, chance and turns of the event loop; give your own to replay a run. Default: the machine's. */
  readonly ports?: Partial<Ports>
}

/**
 * A tree of actors in this thread, and what they share. Ends with `terminate()` or `await using`.
 *
 * **Escalation**: when a top-level supervisor gives up, the system terminates with its reason.
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
  private readonly cells: CellSystem
  private labels = 0
  private ending: Promise<void> | null = null
  private resolveTerminated!: (reason: ExitReason) => void

  private constructor(options: ActorSystemOptions) {
    const ports: Ports = { ...systemPorts, ...options.ports }
    this.name = options.name ?? 'system'
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
      rings: new RingPool(),
      nextLabel: () => ++this.labels,
      topLevelEnded: (cell, reason, asked) => this.topLevelEnded(cell, reason, asked),
    }
  }

  static start(options: ActorSystemOptions = {}): ActorSystem {
    return new ActorSystem(options)
  }

  /** Starts a top-level actor. **Errors**: ACTOR_NAME_TAKEN; SYSTEM_TERMINATED. */
  spawn<Message>(behavior: Behavior<Message>, options: SpawnOptions = {}): ActorRef<Message> {
    if (this.ending !== null) throw new RuntimeError('SYSTEM_TERMINATED', `system ${this.name} has been terminated`)
    const { name } = options
    if (name !== undefined && this.names.has(name)) throw nameTaken(`/${this.name}`, name)
    const cell = new Cell(this.cells, null, behavior as Behavior<never>, name ?? ++this.labels, false)
    this.topLevel.add(cell)
    if (name !== undefined) this.names.set(name, cell)
    return cell as ActorRef<Message>
  }

  /**
   * Stops the top-level actors in reverse order of their start, each within `shutdownMs`. Resolves when none is left; a
   * second call waits for the first.
   */
  terminate(options?: StopOptions): Promise<void> {
    return this.terminateBecause(NORMAL, options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.terminate()
  }

  private terminateBecause(reason: ExitReason, options?: StopOptions): Promise<void> {
    this.ending ??= this.stopAll(options).then(() => this.resolveTerminated(reason))
    return this.ending
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
    void this.terminateBecause(reason)
  }
}
