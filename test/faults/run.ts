/**
 * Runs the simulated marketplace and a random tree over many seeds, on all cores, and then rounds of the real thing.
 *
 *     npm run -s test:faults -- --seeds N [--first S] [--rounds R] [--json]
 *
 * Prints what there is to know of each seed that breaks an invariant, with its faults cut down to those that it takes, and
 * how many faults of each kind came to pass. The last line is `{ seeds, faults, rounds, violations: [{ what, seed,
 * invariant, error, faults } or { round, error }], seedsPerMinute }` with `--json`, and the same in words without; `faults`
 * are those of the seeds. Exits with 1 if there was a violation, and with 2 where it does not understand.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Simulated, SimulationFailed, simulate } from 'troupe/testkit'
import { marketplaceSimulation } from './marketplace-simulation.ts'
import { runRounds } from './rounds.ts'
import { treeSimulation } from './tree-simulation.ts'

interface Found {
  readonly what: 'marketplace' | 'tree'
  readonly seed: number
  readonly invariant: string
  readonly error: string
  readonly faults: readonly object[]
}

/** Faults that came to pass. */
type ByKind = Readonly<Record<string, number>>

/** What a worker tells of one seed. */
interface Report {
  readonly byKind: ByKind
  readonly events: number
  readonly text: string
  readonly found: Found | null
}

/** After so many violations there is enough to look at. */
const VIOLATIONS_MAX = 10

const usage = (text: string): never => {
  console.error(`${text}\nusage: npm run -s test:faults -- --seeds N [--first S] [--rounds R] [--json]`)
  process.exit(2)
}

const wholeNumber = (name: string, text: string, min: number): number => {
  const value = Number(text)
  return Number.isSafeInteger(value) && value >= min
    ? value
    : usage(`--${name} ${text}: give a whole number from ${min}`)
}

const options = (): { seeds: number; first: number; rounds: number; json: boolean } => {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: 'string', default: '1000' },
        first: { type: 'string', default: '1' },
        rounds: { type: 'string', default: '0' },
        json: { type: 'boolean', default: false },
      },
    })
    const { seeds, first, rounds, json } = values
    return {
      seeds: wholeNumber('seeds', seeds, 1),
      first: wholeNumber('first', first, 0),
      rounds: wholeNumber('rounds', rounds, 0),
      json,
    }
  } catch (error) {
    return usage((error as Error).message)
  }
}

/** A seed is a marketplace, and a random tree. */
const runSeed = async (seed: number): Promise<Report> => {
  const market = await runOne('marketplace', marketplaceSimulation, seed)
  return market.found === null ? together(market, await runOne('tree', treeSimulation, seed)) : market
}

const runOne = async <System>(what: Found['what'], simulated: Simulated<System>, seed: number): Promise<Report> => {
  try {
    const { byKind, events } = await simulate({ ...simulated, seeds: [seed] })
    return { byKind, events, text: '', found: null }
  } catch (error) {
    if (!(error instanceof SimulationFailed)) throw error
    const { invariant, faults, run } = error.violation
    const found = { what, seed, invariant, error: error.violation.error.message, faults }
    const byKind = run.injected.reduce<ByKind>((sums, { kind }) => sumOf(sums, { [kind]: 1 }), {})
    return { byKind, events: run.events, text: `${what}, ${error.message}`, found }
  }
}

const together = (one: Report, other: Report): Report => ({
  ...other,
  byKind: sumOf(one.byKind, other.byKind),
  events: one.events + other.events,
})

const sumOf = (one: ByKind, other: ByKind): ByKind => {
  const sums = { ...one }
  for (const [kind, count] of Object.entries(other)) sums[kind] = (sums[kind] ?? 0) + count
  return sums
}

const work = (): void => {
  process.on('message', (seed: number) => {
    void runSeed(seed).then(report => process.send?.(report))
  })
}

const lead = async (): Promise<void> => {
  const { seeds, first, rounds, json } = options()
  const startMs = performance.now()
  const violations: Found[] = []
  let [next, done, events] = [first, 0, 0]
  let byKind: ByKind = {}
  const hand = (worker: ChildProcess): boolean =>
    next < first + seeds && violations.length < VIOLATIONS_MAX ? worker.send(next++) : worker.disconnect() === undefined
  const workers = Array.from({ length: Math.min(seeds, availableParallelism()) }, () =>
    fork(fileURLToPath(import.meta.url), ['--worker'], {
      execArgv: ['--enable-source-maps', '--max-semi-space-size=32'],
    }),
  )
  await Promise.all(
    workers.map(
      worker =>
        new Promise<void>((resolve, reject) => {
          worker.on('message', (report: Report) => {
            done++
            byKind = sumOf(byKind, report.byKind)
            events += report.events
            if (report.found !== null) {
              violations.push(report.found)
              console.log(report.text)
            }
            hand(worker)
          })
          worker.on('exit', code => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))))
          hand(worker)
        }),
    ),
  )
  const seedsPerMinute = Math.round((done / (performance.now() - startMs)) * 60_000)
  const faults = Object.values(byKind).reduce((sum, count) => sum + count, 0)
  console.log(`faults by kind: ${JSON.stringify(byKind)}`)
  const real = rounds === 0 ? { rounds, failed: [] } : runRounds(rounds, first)
  const all = [...violations, ...real.failed]
  const summary = { seeds: done, faults, rounds: real.rounds, violations: all, seedsPerMinute }
  console.log(
    json
      ? JSON.stringify(summary)
      : `${done} seeds, ${faults} faults, ${events} events, ${real.rounds} rounds, ${all.length} violations; ${seedsPerMinute} seeds a minute`,
  )
  if (all.length > 0) process.exitCode = 1
}

if (process.argv.includes('--worker')) work()
else await lead()
