import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const flags = { strategy: 'one_for_one', intensity: 1, period: 5, auto_shutdown: 'never' }
const kid = { id: 'a', restart: 'permanent', shutdown: 1_000, significant: false, plan: ['ok'] }

const run = (...args: string[]) =>
  promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--conditions=troupe-source', 'src/cli/supervisor-traces.ts', ...args],
    { cwd: root },
  )

test('prints name and trace of each scenario in order, whether the file has traces or not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-traces-'))
  try {
    const file = join(folder, 'scenarios.jsonl')
    const crashes = {
      name: 'crashes',
      flags,
      kids: [kid],
      events: [
        ['die', 'a', 'boom'],
        ['sleep', 60_000],
      ],
    }
    const refused = { name: 'refused', flags: { ...flags, period: 0 }, kids: [], events: [], trace: ['old'] }
    await writeFile(file, `${JSON.stringify(crashes)}\n${JSON.stringify(refused)}\n`)
    const { stdout } = await run(file)
    expect(
      stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line)),
    ).toEqual([
      {
        name: 'crashes',
        trace: ['start:a:1', 'up', 'die:a:1:boom', 'start:a:2', 'slept:60000', 'children:a=up'],
      },
      { name: 'refused', trace: ['start_error:supervisor_data_invalid_period'] },
    ])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('without a file says how it is used and fails', async () => {
  await expect(run()).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('usage:') })
})
