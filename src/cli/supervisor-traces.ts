/**
 * `npm run -s supervisor-traces -- FILE`: runs each scenario of a JSONL file of the form of `shared/otp/README.md`, with
 * or without a `trace`, and prints `{"name","trace"}` a line, in order.
 */
import { readFileSync } from 'node:fs'
import { type Scenario, traceOf } from './supervisor-scenario.ts'

const file = process.argv[2]
if (file === undefined) {
  process.stderr.write('usage: npm run -s supervisor-traces -- FILE\n')
  process.exitCode = 2
} else {
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line.trim() === '') continue
    const scenario = JSON.parse(line) as Scenario
    process.stdout.write(`${JSON.stringify({ name: scenario.name, trace: await traceOf(scenario) })}\n`)
  }
}
