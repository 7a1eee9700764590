import type { Cancel, Random } from '../../base/ports.ts'
import { Deadlines } from '../deadlines.ts'
import { eventLoopTurn, microtasksDone } from '../microtasks.ts'
import { SimulatedHost } from './simulated-host.ts'
import { type Boot, SimulatedProcess } from './simulated-process.ts'
import { SimulatedStore } from './simulated-store.ts'
import { SimulatedTopic } from './simulated-topic.ts'
import { below, between, streamOf } from './streams.ts'
import { Trace } from './trace.ts'

export interface WorldLimits {
  /** Simulated time after which a run counts as one that does not end. Units: ms. Default: 600,000. */
  readonly maxMs?: number
  /** The same in events; each look at the clock beyond 16 in one turn counts as one. Default: 500,000. */
  readonly maxSteps?: number
}

/** Nothing is left to happen, or too much has. */
export class SimulationStuck extends Error {
  override readonly name = 'SimulationStuck'
}

/** How long one turn of an event loop takes. Units: ms. */
const TURN_MS_MIN = 0.005
const TURN_MS_MAX = 0.08
/** Looks at the clock in one turn; more make a turn that handles messages by the thousand, which is worth more than one. */
const LOOKS_A_TURN = 16
/** Events between two turns of the real event loop, so that a test runner's own timers work. */
const REAL_TURN_EVERY = 4_096

/**
 * Everything that a whole system needs, made of one seed: hosts with event loops, stores, topics, a network between them,
 * and time. One event happens at a time, and every promise that it settles has had its effects before the next: so the seed
 * orders everything that happens, and the same seed gives the same run.
 *
 * **Bounds**: of what runs in it nothing may use real timers, sockets or files: that would happen at times of its own.
 */
export class SimulatedWorld {
  readonly seed: number
  /** For the load: whom to ask, when. */
  readonly random: Random
  readonly trace = new Trace()
  readonly processes: SimulatedProcess<unknown>[] = []
  readonly stores: SimulatedStore[] = []
  readonly topics: SimulatedTopic[] = []
  private readonly limits: Required<WorldLimits>
  private readonly scheduling: Random
  private readonly travelling: Random
  private readonly timed = new Deadlines()
  private readonly hosts = new Set<SimulatedHost>()
  private readonly lives = new Map<string, number>()
  private readonly uncaught: { readonly who: string; readonly error: unknown }[] = []
  private timeMs = 0
  private looksBeyond = 0

  constructor(seed: number, { maxMs = 600_000, maxSteps = 500_000 }: WorldLimits = {}) {
    this.seed = seed
    this.limits = { maxMs, maxSteps }
    this.random = streamOf(seed, 'load')
    this.scheduling = streamOf(seed, 'scheduling')
    this.travelling = streamOf(seed, 'travelling')
  }

  /** Time since the world began, the same everywhere. **Units**: ms. */
  get nowMs(): number {
    return this.timeMs
  }

  /** A process that is started at once, and again after each end. */
  process<Instance>(name: string, boot: Boot<Instance>): SimulatedProcess<Instance> {
    const process = new SimulatedProcess(this, name, boot)
    this.processes.push(process)
    return process
  }

  /** A store that all processes may open. **Bounds**: `partitions` as for `memoryStore`; 1 by default. */
  store(partitions = 1): SimulatedStore {
    const store = new SimulatedStore(this, partitions)
    this.stores.push(store)
    return store
  }

  /** A topic of a bus that all processes may read. */
  topic(name: string): SimulatedTopic {
    const topic = new SimulatedTopic(this, name)
    this.topics.push(topic)
    return topic
  }

  /** A host that no process manages. */
  host(name: string): SimulatedHost {
    const life = (this.lives.get(name) ?? 0) + 1
    this.lives.set(name, life)
    const host = new SimulatedHost(this, name, life)
    this.hosts.add(host)
    host.onEnd(() => this.hosts.delete(host))
    return host
  }

  /** For the load, which lives outside all processes. **Units**: ms. */
  sleep(ms: number): Promise<void> {
    return new Promise(resolve => {
      this.at(this.timeMs + ms, null, 'load', resolve)
    })
  }

  /** Writes an event into the trace. */
  note(what: string): void {
    this.trace.note(this.timeMs, what)
  }

  /**
   * Runs `load` and everything that it sets off, until it has settled. `check` is called once it has begun, and after every
   * event. **Errors**: what `load` or `check` throw; SimulationStuck; what a task throws that nobody catches.
   */
  async run<Result>(load: () => Promise<Result>, check: () => void = () => undefined): Promise<Result> {
    const outcome: { value: { readonly result: Result } | { readonly error: unknown } | null } = { value: null }
    const start = async (): Promise<Result> => load()
    start().then(
      result => {
        outcome.value = { result }
      },
      error => {
        outcome.value = { error }
      },
    )
    await microtasksDone()
    check()
    while (outcome.value === null) {
      this.step()
      await microtasksDone()
      const uncaught = this.uncaught[0]
      if (uncaught !== undefined) throw new Error(`${uncaught.who}: uncaught error`, { cause: uncaught.error })
      check()
      if (this.trace.count % REAL_TURN_EVERY === 0) await eventLoopTurn()
    }
    if ('error' in outcome.value) throw outcome.value.error
    return outcome.value.result
  }

  // ── for the parts of the world ───────────────────────────────────────────────────────────────────────────────────

  /** Has `run` happen at a time: on the event loop of `host`, or by itself where that is null. */
  at(atMs: number, host: SimulatedHost | null, what: string, run: () => void): Cancel {
    return this.timed.add(atMs, () => {
      if (host !== null) {
        host.arrive(what, run)
        return
      }
      this.note(what)
      run()
    })
  }

  /** How long something is on its way. **Units**: ms. */
  travelMs(): number {
    const dice = this.travelling.next()
    // Mostly quick, seldom slow: what happens within one round trip is where orders differ.
    return dice < 0.9 ? between(this.travelling, 0.05, 1) : between(this.travelling, 1, 20)
  }

  /** How long somebody waits before he concludes that no answer comes. **Units**: ms. */
  patienceMs(): number {
    return between(this.travelling, 20, 300)
  }

  private step(): void {
    if (this.trace.count + this.looksBeyond >= this.limits.maxSteps)
      throw new SimulationStuck(`the run goes on after ${this.limits.maxSteps} events`)
    const due = this.timed.nextDueMs
    if (due !== null && due <= this.timeMs) {
      this.timed.take()()
      return
    }
    const ready = [...this.hosts].filter(host => host.isReady)
    const host = ready.length < 2 ? ready[0] : ready[below(this.scheduling, ready.length)]
    if (host === undefined) this.leap(due)
    else this.turn(host)
  }

  private turn(host: SimulatedHost): void {
    const looks = host.looks + LOOKS_A_TURN
    this.timeMs += between(this.scheduling, TURN_MS_MIN, TURN_MS_MAX)
    try {
      host.step(this.scheduling)
    } catch (error) {
      this.uncaught.push({ who: host.id, error })
    }
    this.looksBeyond += Math.max(0, host.looks - looks)
  }

  private leap(due: number | null): void {
    if (due === null)
      throw new SimulationStuck('nothing is left to happen, and the load has not ended: it waits for ever')
    if (due > this.limits.maxMs) throw new SimulationStuck(`the run goes on after ${this.limits.maxMs} ms`)
    this.timeMs = due
    this.timed.take()()
  }
}
