import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Mutant } from './draw.ts'
import { type Laboratory, TIMED_OUT } from './laboratory.ts'
import { type Target, WITHOUT } from './targets.ts'

/** A mutant may take so many times what all tests take without it, and some seconds more: machines are shared. */
const SLOWER_MAX = 3
const SLOWER_MS = 20_000
/** Without a change the tests take at most so long. Units: ms. */
const UNCHANGED_MS_MAX = 300_000

export type Verdict = 'killed' | 'timed out' | 'survived'

export interface Tried {
  readonly mutant: Mutant
  readonly verdict: Verdict
  /** The test that noticed, or what happened instead. */
  readonly by: string
}

/** The tests of a target, the quickest first, and what all of them take. */
export interface Course {
  readonly tests: readonly string[]
  readonly tookMs: number
}

/** Runs the target's tests on the sources as they are. **Errors**: those of a test that fails. */
export const courseOf = async (target: Target, laboratory: Laboratory): Promise<Course> => {
  const tests = testsOf(target)
  const outcome = await laboratory.run({ change: null, tests }, UNCHANGED_MS_MAX)
  if (typeof outcome === 'string') throw new Error(`the tests of ${target.file}, without a change: ${outcome}`)
  const { failed, testMs, tookMs } = outcome
  if (failed !== null) throw new Error(`without a change fails ${failed.test}: ${failed.error}`)
  const took = new Map(tests.map((test, i) => [test, testMs[i]!]))
  return { tests: tests.toSorted((one, other) => took.get(one)! - took.get(other)!), tookMs }
}

export const tryOut = async (mutant: Mutant, { tests, tookMs }: Course, laboratory: Laboratory): Promise<Tried> => {
  const change = { file: resolve(mutant.file), source: mutant.source }
  const outcome = await laboratory.run({ change, tests }, tookMs * SLOWER_MAX + SLOWER_MS)
  if (outcome === TIMED_OUT) return { mutant, verdict: 'timed out', by: outcome }
  if (typeof outcome === 'string') return { mutant, verdict: 'killed', by: outcome }
  return outcome.failed === null
    ? { mutant, verdict: 'survived', by: '' }
    : { mutant, verdict: 'killed', by: outcome.failed.test }
}

const testsOf = ({ tests }: Target): string[] =>
  readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.test.ts'))
    .filter(path => tests.some(each => path.startsWith(each)) && !WITHOUT.some(each => path.startsWith(each)))
    .sort()
    .map(path => resolve('test', path))
