/**
 * Scenarios whose `trace` the supervisor of Erlang/OTP 25 has printed. Those in this folder were drawn at random: all
 * strategies, restart types and control calls, starts that fail, answer `ignore`, or die at once.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Scenario, traceOf } from '../../src/cli/supervisor-scenario.ts'

const scenariosIn = (file: string): Scenario[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Scenario)

const drawn = fileURLToPath(new URL('./otp-scenarios.jsonl', import.meta.url))
const shared = fileURLToPath(new URL('../../../shared/otp/supervisor-traces.jsonl', import.meta.url))

describe("gives OTP's trace in a scenario drawn at random", () => {
  test.each(scenariosIn(drawn))('$name', async scenario => {
    expect(await traceOf(scenario)).toEqual(scenario.trace)
  })
})

if (existsSync(shared))
  describe("gives OTP's trace in a recorded scenario", () => {
    test.each(scenariosIn(shared))('$name', async scenario => {
      expect(await traceOf(scenario)).toEqual(scenario.trace)
    })
  })
else {
  console.warn(`SKIPPED: the recorded OTP scenarios are not here (${shared})`)
  test.skip("gives OTP's trace in the recorded scenarios, which are not here", () => undefined)
}
