/**
 * The process that tests run in. It is told which tests to run on which change to a file, and answers what became of them;
 * vitest and what it has compiled stay from one run to the next, and the checkout is what it was.
 */

import { performance } from 'node:perf_hooks'
import { createVitest, type TestCase, type TestModule, type TestSpecification } from 'vitest/node'

/** The tests, in their order, are run until one fails. */
export interface Experiment {
  /** Instead of the file's own text; null: as it is. */
  readonly change: { readonly file: string; readonly source: string } | null
  readonly tests: readonly string[]
}

export interface Outcome {
  /** The test that failed, and how; null: all passed. */
  readonly failed: { readonly test: string; readonly error: string } | null
  readonly tookMs: number
  /** What each file of tests took, in the order of `tests`. Units: ms. */
  readonly testMs: readonly number[]
}

let change: Experiment['change'] = null

const overlay = {
  name: 'mutant',
  enforce: 'pre' as const,
  load: (id: string): string | undefined => (id === change?.file ? change.source : undefined),
}

/** In the order in which they are given. */
class GivenOrder {
  async shard(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files
  }

  async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files
  }
}

/** A test that waits for what will not come should not do so for a minute. Units: ms. */
const TEST_MS_MAX = 15_000

const vitest = await createVitest(
  'test',
  {
    watch: false,
    // All tests of a run share a process, so that the sources are loaded once.
    isolate: false,
    fileParallelism: false,
    maxWorkers: 1,
    execArgv: ['--max-old-space-size=1024'],
    bail: 1,
    testTimeout: TEST_MS_MAX,
    hookTimeout: TEST_MS_MAX,
    teardownTimeout: 1_000,
    silent: true,
    reporters: [{}],
    sequence: { sequencer: GivenOrder },
  },
  { plugins: [overlay] },
)
const specifications = new Map((await vitest.globTestSpecifications()).map(one => [one.moduleId, one]))

const run = async ({ change: next, tests }: Experiment): Promise<Outcome> => {
  for (const each of [change, next]) if (each !== null) vitest.invalidateFile(each.file)
  change = next
  const startMs = performance.now()
  const chosen = tests.map(test => {
    const specification = specifications.get(test)
    if (specification === undefined) throw new Error(`${test} is no test of this project`)
    return specification
  })
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(chosen)
  // What other tests did on earlier changes is among the modules, too.
  const byId = new Map(testModules.filter(({ moduleId }) => tests.includes(moduleId)).map(one => [one.moduleId, one]))
  const failed = [...byId.values()].map(failureIn).find(failure => failure !== null)
  return {
    failed: failed ?? unhandled(unhandledErrors) ?? missing(tests, byId),
    tookMs: performance.now() - startMs,
    testMs: tests.map(test => byId.get(test)?.diagnostic().duration ?? 0),
  }
}

const failureIn = (module: TestModule): Outcome['failed'] => {
  for (const test of module.children.allTests('failed'))
    return { test: `${module.relativeModuleId}: ${test.fullName}`, error: errorOf(test) }
  const [error] = module.errors()
  return error === undefined ? null : { test: module.relativeModuleId, error: error.message }
}

const errorOf = (test: TestCase): string => test.result().errors?.[0]?.message ?? 'failed'

const unhandled = (errors: readonly unknown[]): Outcome['failed'] =>
  errors.length === 0 ? null : { test: 'outside of tests', error: String((errors[0] as Error).message ?? errors[0]) }

/** A file of tests that never ran must not look like one that passed. */
const missing = (tests: readonly string[], ran: ReadonlyMap<string, TestModule>): Outcome['failed'] => {
  const test = tests.find(each => !['passed', 'skipped'].includes(ran.get(each)?.state() ?? 'pending'))
  return test === undefined ? null : { test, error: 'did not run' }
}

process.on('message', (experiment: Experiment) => {
  void run(experiment).then(outcome => process.send?.(outcome))
})
// Whoever asked is gone: nobody else would end the tests that are running.
process.on('disconnect', () => process.kill(-process.pid, 'SIGKILL'))
process.send?.('ready')
