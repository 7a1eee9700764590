// The line that CI ends with must not tell success of a run that had none.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const project = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'counts-'))
const report = join(folder, 'report.json')

afterAll(() => rmSync(folder, { recursive: true }))

const counts = (path: string): string =>
  spawnSync(process.execPath, [join(project, 'scripts/test-counts.mjs'), path], { encoding: 'utf8' }).stdout

/** Runs vitest itself on one file, with the reporters that CI gives it. */
const countsOf = (text: string): string => {
  writeFileSync(join(folder, 'case.test.ts'), text)
  const vitest = join(project, 'node_modules/vitest/vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  spawnSync(process.execPath, [vitest, 'run', '--root', folder, '--globals', ...reporters])
  return counts(report)
}

test('counts what passed and what failed, and leaves out what was skipped', () => {
  const text = `test('a', () => {}); test('b', () => {}); test('c', () => { throw new Error('c') }); test.skip('d', () => {})`
  expect(countsOf(text)).toBe('2 passed, 1 failed\n')
})

test('counts a file that does not load as a failure', () => {
  expect(countsOf(`import './nowhere.ts'\ntest('a', () => {})`)).toBe('0 passed, 1 failed\n')
})

test('counts a hook that throws as a failure', () => {
  expect(countsOf(`afterAll(() => { throw new Error('late') }); test('a', () => {})`)).toBe('1 passed, 1 failed\n')
})

test('counts a run without a report as a failure', () => {
  expect(counts(join(folder, 'nowhere.json'))).toBe('0 passed, 1 failed\n')
})
