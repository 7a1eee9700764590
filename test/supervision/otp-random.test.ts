/**
 * The supervisor beside that of the Erlang/OTP which is installed here, in scenarios drawn at random.
 *
 * More of them, others: OTP_SCENARIOS=10000 OTP_SEED=7 npx vitest run test/supervision/otp-random.test.ts
 */

import { expect, test } from 'vitest'
import { traceOf } from '../../src/cli/supervisor-scenario.ts'
import { hasErlang, tracesOfErlang } from './erlang.ts'
import { drawScenarios } from './otp-arbitrary.ts'

const COUNT = Number(process.env.OTP_SCENARIOS ?? 150)
const SEED = Number(process.env.OTP_SEED ?? Date.now() % 1_000_000)
/** So many differences say what there is to see. */
const SHOWN_MAX = 5
/** Erlang's sleeps are real ones. */
const SCENARIO_MS_MAX = 400

const name = `gives the trace of Erlang/OTP's supervisor in ${COUNT} scenarios, seed ${SEED}`

if (hasErlang)
  test(name, { timeout: 60_000 + COUNT * SCENARIO_MS_MAX }, async () => {
    const scenarios = drawScenarios(SEED, COUNT)
    const expected = tracesOfErlang(scenarios)
    expect(expected).toHaveLength(COUNT)
    const different = []
    for (const [nr, scenario] of scenarios.entries()) {
      const actual = await traceOf(scenario)
      if (JSON.stringify(actual) !== JSON.stringify(expected[nr]))
        different.push({ scenario, expected: expected[nr], actual })
    }
    for (const each of different.slice(0, SHOWN_MAX)) console.log(JSON.stringify(each))
    expect(different.map(({ scenario }) => scenario.name)).toEqual([])
  })
else {
  console.warn(`SKIPPED: Erlang (erl, erlc) is not installed here: ${name}`)
  test.skip(name, () => undefined)
}
