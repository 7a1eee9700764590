import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type BuiltPackage, buildPackage } from '../support/built.ts'
import { linesIn, runMain, startMain, summaryIn } from '../support/main-job.ts'
import { golden } from '../support/sample.ts'
import { newFolder } from '../support/stores.ts'

let built: BuiltPackage
let folder: string
beforeAll(() => {
  built = buildPackage()
  return () => built.remove()
})
beforeEach(() => {
  folder = newFolder('outputs')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const everythingIsDone = async (limit: number): Promise<void> => {
  const again = summaryIn(await runMain(built.main, ['--json', '--limit', `${limit}`], folder))
  expect(again).toMatchObject({ applications: limit, thisRun: 0, complete: true, events: 1 + 11 * limit })
}

it('goes on to its end, and writes --out, when nobody reads standard output any more', async () => {
  const job = startMain(built.main, ['--limit', '500', '--out', 'out.jsonl'], folder)
  job.child.stdout?.destroy()
  const { code, signal, stderr } = await job.ended
  expect([code, signal, stderr]).toEqual([0, null, ''])
  expect(linesIn(join(folder, 'out.jsonl'))).toEqual(golden.slice(0, 500))
  await everythingIsDone(500)
})

it('goes on to its end when nobody reads standard error any more', async () => {
  const job = startMain(built.main, ['--limit', '500', '--json'], folder)
  job.child.stderr?.destroy()
  const ended = await job.ended
  expect(ended.code).toBe(0)
  expect(summaryIn(ended)).toMatchObject({ applications: 500, thisRun: 500 })
  await everythingIsDone(500)
})

it('goes on to its end when standard output cannot be written, says so, and has exit code 1', async test => {
  if (!existsSync('/dev/full')) {
    console.warn(`SKIPPED "${test.task.name}": there is no /dev/full here`)
    test.skip()
  }
  const full = openSync('/dev/full', 'w')
  const args = [built.main, '--limit', '500', '--json']
  const child = spawn(process.execPath, args, { stdio: ['ignore', full, 'pipe'], cwd: folder })
  closeSync(full)
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const code = await new Promise(resolve => child.once('close', resolve))
  expect(code).toBe(1)
  expect(stderr).toMatch(/standard output cannot be written: ENOSPC.*; the run goes on without it\n/)
  expect(stderr).not.toMatch(/^ +at /m)
  await everythingIsDone(500)
})
