import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = process.cwd()
const KILLS = 'test/supervisors/main/kills.test.ts'
/** Tests of that file for each of its rounds: two modes on LMDB, two on Redis, the Redis server killed, and SIGSTOP with cuts. */
const TESTS_A_ROUND = 6

export interface FailedRound {
  readonly round: string
  readonly error: string
}

/**
 * The real thing: the main job as a process on LMDB and on Redis, killed with SIGKILL at random moments, the Redis server
 * killed under it, and stopped and cut off for a while, as `kills.test.ts` has it. One round is one of its tests, with moments from a seed of its own.
 */
export const runRounds = (
  rounds: number,
  seed: number,
): { readonly rounds: number; readonly failed: readonly FailedRound[] } => {
  const out = join(ROOT, '.tmp/fault-rounds.json')
  mkdirSync(join(ROOT, '.tmp'), { recursive: true })
  const env = { ...process.env, KILL_ROUNDS: `${Math.ceil(rounds / TESTS_A_ROUND)}`, KILL_SEED: `${seed}` }
  const args = ['node_modules/vitest/vitest.mjs', 'run', KILLS, '--reporter=json', `--outputFile=${out}`]
  const { stderr } = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: 'utf8' })
  const { testResults } = read(out, stderr)
  const tests = testResults.flatMap(file => file.assertionResults)
  return {
    rounds: tests.length,
    failed: tests
      .filter(test => test.status !== 'passed')
      .map(test => ({ round: test.title, error: test.failureMessages[0] ?? test.status })),
  }
}

interface Results {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

const read = (path: string, stderr: string): Results => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Results
  } catch (cause) {
    throw new Error(`the rounds left no results: ${stderr}`, { cause })
  }
}
