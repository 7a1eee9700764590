import { toError } from '../../base/errors.ts'
import { promiseIn } from '../../kernel/thenable.ts'
import type { PlannedFault } from './fault-kinds.ts'
import { FAULTS_WITHIN_MS, type FaultOptions, kindsOf } from './fault-schedule.ts'
import { SimulatedWorld, type WorldLimits } from './simulated-world.ts'
import type { TraceEvent } from './trace.ts'

/** Throws, or answers false, where it does not hold. */
export type Invariant<System> = (system: System, world: SimulatedWorld) => unknown

export interface Invariants<System> {
  /** What must hold after every event: keep it cheap. One that gives a promise is refused: nobody could wait for it. */
  readonly always?: Readonly<Record<string, Invariant<System>>>
  /** The same when the load has ended. These may be async and ask the system, whose world goes on meanwhile. */
  readonly atEnd?: Readonly<Record<string, Invariant<System>>>
}

export interface Simulated<System> extends WorldLimits {
  /** Builds the system that is tested, in a world of its own: stores, topics, processes. */
  readonly system: (world: SimulatedWorld) => System
  /**
   * What is asked of it. Resolves when everything that was asked is answered; `calm` resolves when the last fault has been
   * injected. What it rejects with is a broken invariant, as is a run that cannot end.
   */
  readonly load: (system: System, world: SimulatedWorld, calm: Promise<void>) => Promise<void>
  readonly faults?: FaultOptions
  readonly invariants: Invariants<System>
}

/** How one run went. */
export interface RunResult {
  readonly seed: number
  readonly faults: readonly PlannedFault[]
  /** Those of them that came to pass before the run ended: what their kinds do was done to the world. */
  readonly injected: readonly PlannedFault[]
  /** Null: everything held. */
  readonly broken: { readonly invariant: string; readonly error: Error } | null
  readonly events: number
  readonly endedAtMs: number
  /** Of all events. */
  readonly hash: string
  readonly tail: readonly TraceEvent[]
}

/** What is told of a load that failed, or of a run that could not end. */
export const LOAD = 'the load ends'

/** Runs one seed with these faults. Everything in it is made anew. */
export const runOnce = async <System>(
  simulated: Simulated<System>,
  seed: number,
  faults: readonly PlannedFault[],
): Promise<RunResult> => {
  const world = new SimulatedWorld(seed, simulated)
  const injected: PlannedFault[] = []
  let broken: RunResult['broken'] = null
  try {
    await run(simulated, world, faults, injected)
  } catch (thrown) {
    broken =
      thrown instanceof Broken
        ? { invariant: thrown.invariant, error: thrown.error }
        : { invariant: LOAD, error: toError(thrown) }
  }
  const { trace, nowMs } = world
  return { seed, faults, injected, broken, events: trace.count, endedAtMs: nowMs, hash: trace.hash, tail: trace.tail() }
}

class Broken extends Error {
  readonly invariant: string
  readonly error: Error
  constructor(invariant: string, thrown: unknown) {
    super(invariant)
    this.invariant = invariant
    this.error = toError(thrown)
  }
}

const run = async <System>(
  simulated: Simulated<System>,
  world: SimulatedWorld,
  faults: readonly PlannedFault[],
  injected: PlannedFault[],
): Promise<void> => {
  const always = Object.entries(simulated.invariants.always ?? {})
  const atEnd = Object.entries(simulated.invariants.atEnd ?? {})
  const system = simulated.system(world)
  const check = (): void => {
    for (const [name, holds] of always)
      try {
        checkNow(holds(system, world))
      } catch (error) {
        throw new Broken(name, error)
      }
  }
  const calm = plant(simulated, world, faults, injected)
  await world.run(async () => {
    await simulated.load(system, world, calm)
    for (const [name, holds] of atEnd)
      try {
        checkAnswer(await holds(system, world))
      } catch (error) {
        throw new Broken(name, error)
      }
  }, check)
}

const checkNow = (answer: unknown): void => {
  const promise = promiseIn(answer)
  if (promise === null) {
    checkAnswer(answer)
    return
  }
  promise.catch(() => undefined)
  throw new TypeError('it gives a promise, and nobody waits for it between two events: let it hold at the end')
}

const checkAnswer = (answer: unknown): void => {
  if (answer === false) throw new Error('it answers false')
}

/** Puts the faults into the world's time; resolves when there are no more. */
const plant = <System>(
  { faults: options }: Simulated<System>,
  world: SimulatedWorld,
  faults: readonly PlannedFault[],
  injected: PlannedFault[],
): Promise<void> => {
  const kinds = kindsOf(options ?? { kinds: [] })
  for (const fault of faults) {
    const kind = kinds.get(fault.kind)
    if (kind === undefined) throw new RangeError(`no kind of fault is named ${fault.kind}`)
    world.at(fault.atMs, null, `fault ${fault.kind}`, () => {
      injected.push(fault)
      kind.inject(world, fault)
    })
  }
  // At the same time however many there are: a schedule that is cut down leaves the rest as it was.
  const calmAtMs = options === undefined ? 0 : (options.withinMs ?? FAULTS_WITHIN_MS) + 1
  return new Promise(resolve => {
    world.at(calmAtMs, null, 'calm', () => {
      for (const { faults: left } of [...world.stores, ...world.topics, ...world.processes]) left.clear()
      resolve()
    })
  })
}
