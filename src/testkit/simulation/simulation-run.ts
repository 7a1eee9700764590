import { checkOptions, optionsProblem } from '../../base/bounds.ts'
import { shown, toError } from '../../base/errors.ts'
import { promiseIn } from '../../kernel/thenable.ts'
import type { PlannedFault } from './fault-kinds.ts'
import { checkFaultOptions, FAULTS_WITHIN_MS, type FaultOptions, kindsOf } from './fault-schedule.ts'
import { SimulatedWorld, type WorldLimits } from './simulated-world.ts'
import type { TraceEvent } from './trace.ts'

/** Throws, or answers false, where it does not hold. */
export type Invariant<System> = (system: System, world: SimulatedWorld) => unknown

export interface Invariants<System> {
  /**
   * What must hold from the start and after every event: keep it cheap. One that gives a promise is refused: nobody could
   * wait for it.
   */
  readonly always?: Readonly<Record<string, Invariant<System>>>
  /** The same when the load has ended. These may be async and ask the system, whose world goes on meanwhile. */
  readonly atEnd?: Readonly<Record<string, Invariant<System>>>
}

export interface Simulated<System> extends WorldLimits {
  /** Builds the system that is tested, in a world of its own: stores, topics, processes. At once: a promise is refused. */
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

/** Runs one seed with these faults. Everything in it is made anew. **Errors**: TypeError for a system that is a promise. */
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
    if (thrown instanceof SystemIsPromise) throw thrown
    broken =
      thrown instanceof Broken
        ? { invariant: thrown.invariant, error: thrown.error }
        : { invariant: LOAD, error: toError(thrown) }
  }
  const { trace, nowMs } = world
  return { seed, faults, injected, broken, events: trace.count, endedAtMs: nowMs, hash: trace.hash, tail: trace.tail() }
}

const MEMBERS = ['seeds', 'onRun', 'system', 'load', 'faults', 'invariants', 'maxMs', 'maxSteps']

/**
 * A misspelt member would be a run that checks nothing. **Errors**: RangeError, for what no simulation has and what is
 * none, faults as well.
 */
export const checkSimulated = <System>(simulated: Simulated<System>): void => {
  checkOptions('a simulation', simulated, MEMBERS)
  const { system, load, faults, invariants } = simulated
  for (const [name, member] of Object.entries({ system, load })) checkFunction(name, member)
  if (faults !== undefined) checkFaultOptions(faults)
  checkObject('invariants', invariants, ['always', 'atEnd'])
  for (const when of ['always', 'atEnd'] as const) {
    const held = invariants[when]
    if (held === undefined) continue
    checkObject(`invariants.${when}`, held, Object.keys(held))
    for (const [name, invariant] of Object.entries(held)) checkFunction(`invariants.${when}.${name}`, invariant)
  }
}

/** As `checkOptions`, of what may not be left out. */
const checkObject = (what: string, value: unknown, keys: readonly string[]): void => {
  const problem = optionsProblem(value, keys)
  if (problem !== null) throw new RangeError(`${what} ${problem}`)
}

const checkFunction = (what: string, value: unknown): void => {
  if (typeof value !== 'function') throw new RangeError(`${what} must be a function, not ${shown(value)}`)
}

/** Nothing could be asked of it, and nothing checked: the simulation is wrong, whatever the seed. */
class SystemIsPromise extends TypeError {
  constructor() {
    super('`system` gives a promise: build it at once, and let the processes of the world start in their time')
  }
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
  const promise = promiseIn(system)
  if (promise !== null) {
    promise.catch(() => undefined)
    throw new SystemIsPromise()
  }
  const check = (): void => {
    for (const [name, holds] of always)
      try {
        checkNow(holds(system, world))
      } catch (error) {
        throw new Broken(name, error)
      }
  }
  check()
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
      if (kind.inject(world, fault) !== false) injected.push(fault)
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
