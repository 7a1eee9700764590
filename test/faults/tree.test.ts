import { simulate } from 'troupe/testkit'
import { expect, test } from 'vitest'
import { treeSimulation } from './tree-simulation.ts'

const SEEDS = 300

test(`random trees keep order, settle every ask and end, whatever fails (${SEEDS} seeds)`, async () => {
  let [handled, workers] = [0, 0]
  const report = await simulate({
    ...treeSimulation,
    invariants: {
      ...treeSimulation.invariants,
      atEnd: {
        ...treeSimulation.invariants.atEnd,
        'counts what it did': ({ ledger }) => {
          handled += ledger.handled
          workers += ledger.workers.length
        },
      },
    },
    seeds: SEEDS,
  })
  expect(report.seeds).toBe(SEEDS)
  // There was something to break.
  expect(workers).toBeGreaterThan(SEEDS)
  expect(handled).toBeGreaterThan(10 * SEEDS)
}, 120_000)
