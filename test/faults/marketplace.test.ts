import { simulate } from 'troupe/testkit'
import { expect, test } from 'vitest'
import { marketplaceSimulation } from './marketplace-simulation.ts'

/** More: `npm run -s test:faults -- --seeds 5000`. */
const SEEDS = 60

test(`the marketplace holds its promises whatever fails (${SEEDS} seeds)`, async () => {
  const report = await simulate({ ...marketplaceSimulation, seeds: SEEDS })
  expect(report.seeds).toBe(SEEDS)
  expect(report.faults).toBeGreaterThanOrEqual(5 * SEEDS)
}, 120_000)
