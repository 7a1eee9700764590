import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = process.cwd()
const FOLDER = 'test/supervisors/main/rounds'
/** Tests of that folder for each of its seeds: six that kill the job, four that hold it up, two that lose what a server had. */
const TESTS_A_SEED = 12

export interface FailedRound {
  readonly round: string
  readonly error: string
}

/**
 * The real thing: the main job as a process on LMDB and on Redis, killed, stopped, cut off and overtaken, and its Redis
 * server killed or without power. One round is one test of that folder, at moments from a seed of its own. How each went is
 * told on standard error.
 */
export const runRounds = (
  rounds: number,
  seed: number,
): { readonly rounds: number; readonly failed: readonly FailedRound[] } => {
  const out = join(ROOT, '.tmp/fault-rounds.json')
  mkdirSync(join(ROOT, '.tmp'), { recursive: true })
  rmSync(out, { force: true })
  const env = { ...process.env, ROUNDS: `${Math.ceil(rounds / TESTS_A_SEED)}`, ROUND_SEED: `${seed}` }
  const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${out}`]
  const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', FOLDER, ...reporters], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 2, 2],
  })
  const { testResults } = read(out, status)
  const tests = testResults.flatMap(file => file.assertionResults)
  return {
    rounds: tests.filter(test => test.status === 'passed' || test.status === 'failed').length,
    failed: testResults.flatMap(failuresIn),
  }
}

const failuresIn = ({ name, status, message, assertionResults }: Results['testResults'][number]): FailedRound[] => {
  const failed = assertionResults.filter(test => test.status === 'failed')
  // A file that could not begin has no test that failed.
  if (status === 'failed' && failed.length === 0) return [{ round: name, error: message }]
  return failed.map(test => ({ round: test.title, error: test.failureMessages[0] ?? test.status }))
}

interface Results {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly title: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

const read = (path: string, status: number | null): Results => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Results
  } catch (cause) {
    throw new Error(`the rounds left no results, and ended with ${status}`, { cause })
  }
}
