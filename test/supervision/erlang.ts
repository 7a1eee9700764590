/** Scenarios on the supervisor of the Erlang/OTP that is installed here (`otp_scenarios.erl`). */

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Scenario } from '../../src/cli/supervisor-scenario.ts'

const MODULE = fileURLToPath(new URL('./otp_scenarios.erl', import.meta.url))

/**
 * One scheduler, and heaps that are never collected. Where neither of two processes waits for the other, it is up to the
 * emulator which one speaks first, and a garbage collection in between changes that: in about 1 of 700 scenarios whose
 * children die at once it moves the word of whoever called the supervisor, where it does so depends on what else the process
 * has allocated, and the same scenario goes otherwise in a new emulator. So does code that is loaded when it is first
 * called. Without both the run queue decides alone.
 */
const EMULATOR = ['-noshell', '+S', '1:1', '+hms', '100000', '-mode', 'embedded']

export const hasErlang = ['erl', 'erlc'].every(
  program => spawnSync(program, ['-noshell', '-eval', 'halt().']).error === undefined,
)

/** What Erlang's supervisor says in each, in order. **Errors**: where Erlang fails. */
export const tracesOfErlang = (scenarios: readonly Scenario[]): readonly (readonly string[])[] => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-erlang-'))
  try {
    execFileSync('erlc', ['-o', folder, MODULE])
    const [scenariosFile, tracesFile] = [join(folder, 'scenarios'), join(folder, 'traces')]
    writeFileSync(scenariosFile, scenarios.map(termOf).join('\n'))
    const run = `{module, _} = code:load_abs("${join(folder, 'otp_scenarios')}"), otp_scenarios:main("${scenariosFile}", "${tracesFile}"), halt().`
    execFileSync('erl', [...EMULATOR, '-eval', run], { cwd: folder })
    const lines = readFileSync(tracesFile, 'utf8').trimEnd().split('\n')
    return lines.map(line => (JSON.parse(line) as { readonly trace: readonly string[] }).trace)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const termOf = ({ name, flags, kids, events }: Scenario): string => {
  const { strategy, intensity, period, auto_shutdown } = flags
  const flagsTerm = `#{strategy=>${strategy},intensity=>${intensity},period=>${period},auto_shutdown=>${auto_shutdown}}`
  const kidTerms = kids.map(
    kid => `{${kid.id},${kid.restart},${kid.shutdown},${kid.significant},[${kid.plan.join(',')}]}`,
  )
  return `{"${name}",${flagsTerm},[${kidTerms.join(',')}],[${events.map(event => `{${event.join(',')}}`).join(',')}]}.`
}
