import type { Logger } from '../../base/logger.ts'
import type { Cancel, Clock, Executor, Ports, Random } from '../../base/ports.ts'
import type { Cell } from '../../kernel/cell.ts'
import type { ActorSystem } from '../../kernel/system.ts'
import type { SimulatedWorld } from './simulated-world.ts'
import { streamOf } from './streams.ts'

/** When every simulation begins, by the wall. Units: ms since 1970. */
const WALL_MS = 1_700_000_000_000
/** How much time a look at the clock takes: code that loops until time is over ends. Units: ms. */
const LOOK_MS = 0.001

/**
 * One life of a simulated process: from its start to its crash, with an event loop of its own. Its ports are what the code in
 * it is to be given; what it does after its end is done by nobody.
 *
 *     soon  ─▶ ┐
 *     later ─▶ ├─ one at a time, when the world picks this host; all promises settle before the next
 *     due   ─▶ ┘  (timers, answers of stores, calls)
 */
export class SimulatedHost {
  /** `shop#2`: the process, and which of its lives. */
  readonly id: string
  readonly ports: Ports
  /** Warnings and errors are events of the trace. */
  readonly logger: Logger
  /** When it was told that another writer has its store, in ms of the world; null: it was not. */
  fencedAtMs: number | null = null
  private readonly world: SimulatedWorld
  private readonly soonTasks: (() => void)[] = []
  private readonly laterTasks: (() => void)[] = []
  private readonly dueTasks: { readonly what: string; readonly run: () => void }[] = []
  private readonly systems: ActorSystem[] = []
  private readonly endListeners = new Set<() => void>()
  private alive = true
  private stalledUntilMs = 0
  private lookedMs = 0
  private looksAtClock = 0
  private offMs = 0

  constructor(world: SimulatedWorld, name: string, life: number) {
    this.world = world
    this.id = `${name}#${life}`
    this.ports = {
      clock: this.makeClock(),
      random: streamOf(world.seed, this.id),
      executor: this.makeExecutor(),
    }
    this.logger = {
      log: (level, text, fields) => {
        if (level !== 'warn' && level !== 'error') return
        const { error } = fields ?? {}
        world.note(`${this.id} ${level}: ${text}${error instanceof Error ? `: ${error.message}` : ''}`)
      },
    }
  }

  get isAlive(): boolean {
    return this.alive
  }

  /** The world's time does not pass in it: its event loop stalls, and everything waits. */
  get isStalled(): boolean {
    return this.stalledUntilMs > this.world.nowMs
  }

  /** Faults for actors will reach those of this system. */
  adopt(system: ActorSystem): void {
    this.systems.push(system)
  }

  /** The actors in it, parents first; what has ended is left out. */
  actors(): readonly Cell[] {
    const cells: Cell[] = []
    for (const system of this.systems) cells.push(...system.topActors)
    for (let i = 0; i < cells.length; i++) cells.push(...(cells[i] as Cell).children())
    return cells
  }

  /** Ends it without a word: nothing that is under way in it goes on. What is on its way to a store arrives there. */
  crash(): void {
    if (!this.alive) return
    this.alive = false
    this.soonTasks.length = 0
    this.laterTasks.length = 0
    this.dueTasks.length = 0
    this.world.note(`${this.id} ends`)
    for (const listener of [...this.endListeners]) listener()
  }

  /** Nothing of it runs for that long; what is due meanwhile comes after. **Units**: ms. */
  stall(forMs: number): void {
    this.stalledUntilMs = Math.max(this.stalledUntilMs, this.world.nowMs + forMs)
    this.world.at(this.stalledUntilMs, null, `${this.id} runs again`, () => undefined)
  }

  /** Its wall clock is set anew. **Units**: ms. */
  jumpWall(byMs: number): void {
    this.offMs += byMs
  }

  /** Calls `listener` when it ends; the function that comes back takes it away. */
  onEnd(listener: () => void): () => void {
    this.endListeners.add(listener)
    return () => this.endListeners.delete(listener)
  }

  // ── for the world ────────────────────────────────────────────────────────────────────────────────────────────────

  get isReady(): boolean {
    return (
      this.alive &&
      (this.soonTasks.length > 0 || this.laterTasks.length > 0 || this.dueTasks.length > 0) &&
      !this.isStalled
    )
  }

  /** How often anything in it has looked at the clock. */
  get looks(): number {
    return this.looksAtClock
  }

  /** Something is due in it: it comes when the event loop gets there. */
  arrive(what: string, run: () => void): void {
    if (this.alive) this.dueTasks.push({ what, run })
  }

  /** Runs the next task. Call it only when it is ready. */
  step(random: Random): void {
    const soon = this.soonTasks.shift()
    if (soon !== undefined) {
      this.world.note(`${this.id} turn`)
      soon()
      return
    }
    const due = this.dueTasks.length
    const useLater = this.laterTasks.length > 0 && (due === 0 || random.next() < 0.5)
    if (useLater) {
      this.world.note(`${this.id} later turn`)
      this.laterTasks.shift()?.()
      return
    }
    const { what, run } = this.dueTasks.shift() as { readonly what: string; readonly run: () => void }
    this.world.note(what)
    run()
  }

  private makeExecutor(): Executor {
    return {
      soon: task => {
        if (this.alive) this.soonTasks.push(task)
      },
      later: task => {
        if (this.alive) this.laterTasks.push(task)
      },
    }
  }

  private makeClock(): Clock {
    return {
      nowMs: () => Math.floor(WALL_MS + this.world.nowMs + this.offMs),
      monotonicMs: () => {
        this.looksAtClock++
        this.lookedMs = Math.max(this.lookedMs + LOOK_MS, this.world.nowMs)
        return this.lookedMs
      },
      after: (delayMs, run): Cancel => {
        if (!this.alive) return () => undefined
        // As in Node, one that is due and waits for its turn can still be cancelled.
        let cancelled = false
        const cancel = this.world.at(this.world.nowMs + Math.max(0, delayMs), this, `${this.id} timer`, () => {
          if (!cancelled) run()
        })
        return () => {
          cancelled = true
          cancel()
        }
      },
    }
  }
}
