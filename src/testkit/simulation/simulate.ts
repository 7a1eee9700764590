import type { PlannedFault } from './fault-kinds.ts'
import { scheduleOf } from './fault-schedule.ts'
import { shrink } from './shrink.ts'
import { checkSimulated, type RunResult, runOnce, type Simulated } from './simulation-run.ts'

export interface Simulation<System> extends Simulated<System> {
  /** How many, from 1; or which. */
  readonly seeds: number | { readonly first: number; readonly count: number } | readonly number[]
  /** Told of every run that held. */
  readonly onRun?: (result: RunResult) => void
}

export interface SimulationReport {
  readonly seeds: number
  /** Faults injected: those that were due after the end of a run's load, or found nothing to befall, are left out. */
  readonly faults: number
  readonly events: number
  /** The same by kind. */
  readonly byKind: Readonly<Record<string, number>>
}

/** A run that broke an invariant, cut down to the faults that it needs. */
export interface Violation {
  readonly seed: number
  readonly invariant: string
  readonly error: Error
  /** A smallest part of the seed's faults with which the same invariant breaks. Give it to `replay`. */
  readonly faults: readonly PlannedFault[]
  /** How many the seed had. */
  readonly faultsAtFirst: number
  /** The run with those faults. */
  readonly run: RunResult
  /** Whether running it twice more came to the same last event, by way of the same ones. */
  readonly replays: boolean
}

/** Its text has the seed, the faults, what broke, and the last events. */
export class SimulationFailed extends Error {
  override readonly name = 'SimulationFailed'
  readonly violation: Violation
  constructor(violation: Violation) {
    super(describe(violation), { cause: violation.error })
    this.violation = violation
  }
}

/**
 * Runs a whole system on simulated processes, stores, network and time, once for each seed: each with its own order of events
 * and its own faults. No real timer or I/O takes part, so a seed gives the same run each time.
 *
 * **Errors**: SimulationFailed at the first invariant that breaks, with the seed, and with the smallest part of its faults
 * that is enough, which has been run twice more to the same last event; RangeError for seeds that are none or no whole
 * numbers, for members that no simulation has, and as `scheduleOf`; TypeError for a system that is a promise. **Bounds**:
 * as `SimulatedWorld`.
 */
export const simulate = async <System>(simulation: Simulation<System>): Promise<SimulationReport> => {
  checkSimulated(simulation)
  const byKind: Record<string, number> = {}
  let [seeds, faults, events] = [0, 0, 0]
  for (const seed of seedsOf(simulation.seeds)) {
    const schedule = scheduleOf(seed, simulation.faults)
    const result = await runOnce(simulation, seed, schedule)
    if (result.broken !== null) throw new SimulationFailed(await violationOf(simulation, result))
    seeds++
    faults += result.injected.length
    events += result.events
    for (const { kind } of result.injected) byKind[kind] = (byKind[kind] ?? 0) + 1
    simulation.onRun?.(result)
  }
  return { seeds, faults, events, byKind }
}

/** Runs one seed again: with all its faults, or with those that are given. */
export const replay = async <System>(
  simulated: Simulated<System>,
  seed: number,
  faults?: readonly PlannedFault[],
): Promise<RunResult> => {
  checkSimulated(simulated)
  return runOnce(simulated, seed, faults ?? scheduleOf(seed, simulated.faults))
}

/** Cuts a broken run down and runs what is left twice more. */
export const violationOf = async <System>(simulated: Simulated<System>, first: RunResult): Promise<Violation> => {
  const { seed } = first
  const { invariant } = first.broken as NonNullable<RunResult['broken']>
  const breaks = async (faults: readonly PlannedFault[]): Promise<boolean> =>
    (await runOnce(simulated, seed, faults)).broken?.invariant === invariant
  const faults = await shrink(first.faults, breaks)
  const run = await runOnce(simulated, seed, faults)
  const again = await runOnce(simulated, seed, faults)
  const { error } = (run.broken ?? first.broken) as NonNullable<RunResult['broken']>
  const replays =
    run.hash === again.hash && run.events === again.events && run.broken?.invariant === again.broken?.invariant
  return { seed, invariant, error, faults, faultsAtFirst: first.faults.length, run, replays }
}

const seedsOf = (seeds: Simulation<unknown>['seeds']): readonly number[] => {
  const all =
    typeof seeds === 'number' ? countedFrom(1, seeds) : 'first' in seeds ? countedFrom(seeds.first, seeds.count) : seeds
  if (all.length === 0) throw new RangeError('no seed is given: nothing would be run')
  for (const seed of all) if (!Number.isSafeInteger(seed)) throw new RangeError(`a seed is a whole number, not ${seed}`)
  return all
}

const countedFrom = (first: number, count: number): readonly number[] => {
  if (!(Number.isSafeInteger(count) && count >= 0)) throw new RangeError(`a number of seeds is whole, not ${count}`)
  return Array.from({ length: count }, (_, i) => first + i)
}

const describe = ({ seed, invariant, error, faults, faultsAtFirst, run, replays }: Violation): string =>
  [
    `seed ${seed}: "${invariant}" does not hold: ${error.message}`,
    enough(faults.length, faultsAtFirst),
    ...faults.map(fault => `  ${JSON.stringify(fault)}`),
    replays
      ? `Run twice more, it came to the same last event (${run.events} events, trace ${run.hash}).`
      : 'Run twice more, it did NOT do the same: something in it uses real time, chance or I/O.',
    'Its last events:',
    ...run.tail.slice(-12).map(({ step, atMs, what }) => `  ${step} at ${atMs.toFixed(3)} ms: ${what}`),
    `Again: replay(simulation, ${seed}, faults)`,
  ].join('\n')

const enough = (count: number, of: number): string => {
  if (count === 0) return `It takes none of the seed's ${of} faults.`
  return count === 1 ? `One of its ${of} faults is enough:` : `${count} of its ${of} faults are enough:`
}
