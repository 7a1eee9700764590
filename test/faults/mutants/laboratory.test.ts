import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { Laboratory, TIMED_OUT } from './laboratory.ts'

const file = resolve('src/persistence/inbox-window.ts')
const source = readFileSync(file, 'utf8')
const tests = ['inbox-window', 'inbox'].map(name => resolve(`test/persistence/${name}.test.ts`))
const WITHIN_MS = 60_000

const changed = (from: string, to: string) => {
  expect(source).toContain(from)
  return { change: { file, source: source.replace(from, to) }, tests }
}

test('a change is seen by the tests and gone with the next run, also after one that had to be killed', async () => {
  await using laboratory = new Laboratory()
  const forgetful = await laboratory.run(changed('this.ids.add(id)', ''), WITHIN_MS)
  expect(forgetful).toMatchObject({ failed: { test: expect.stringContaining('persistence/inbox-window.test.ts') } })
  // What failed there does not count here.
  const others = [resolve('test/persistence/records-of.test.ts')]
  expect(await laboratory.run({ change: null, tests: others }, WITHIN_MS)).toMatchObject({ failed: null })
  expect(await laboratory.run(changed('this.ids.add(id)', 'for (;;);'), 2_000)).toBe(TIMED_OUT)
  expect(await laboratory.run({ change: null, tests }, WITHIN_MS)).toMatchObject({ failed: null })
}, 240_000)
