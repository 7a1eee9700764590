import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type BuiltPackage, buildPackage } from '../support/built.ts'
import { type Ended, linesIn, runMain, summaryIn } from '../support/main-job.ts'
import { golden } from '../support/sample.ts'
import { newFolder } from '../support/stores.ts'

let built: BuiltPackage
let folder: string
/** It takes ten seconds to believe that no server comes. */
let nobodyThere: Promise<Ended>
beforeAll(() => {
  built = buildPackage()
  nobodyThere = runMain(built.main, ['--journal', 'redis://user:secret@127.0.0.1:1'])
  return () => built.remove()
})
beforeEach(() => {
  folder = newFolder('main')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** In a folder of its own, so that the store is where no option says otherwise. */
const main = (...args: readonly string[]): Promise<Ended> => runMain(built.main, args, folder)

const SUMMARY_KEYS = [
  ...['applications', 'quotes', 'declined', 'referred', 'rejected', 'thisRun', 'recovered', 'fromSnapshot'],
  ...['eventsReplayed', 'events', 'quotesPerSecond', 'p50Ms', 'p99Ms', 'maxMs', 'restarts', 'deadLetters'],
  ...['mode', 'journal', 'complete', 'withdrawn'],
]

it('without options takes the 5,000 sample applications into ./.troupe and ends with a summary', async () => {
  const { code, stdout, stderr } = await main()
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain('5,000 applications: 4,269 quoted, 716 referred, 15 declined, 0 rejected')
  expect(stdout).toContain('5,000 decided in this run')
  expect(stdout).toContain('premiums calculated: EUR 2,754,805.28 for 5,000 risks')
  expect(stdout).toContain('55,001 records in lmdb:./.troupe; 0 restarts, 0 dead letters; orchestration')
  expect(stdout).toContain('flushed to the disk')
  expect(existsSync(join(folder, '.troupe'))).toBe(true)

  const again = await main('--json', '--out', 'out.jsonl')
  expect(again.code).toBe(0)
  expect(again.stderr).toMatch(
    /^opened lmdb:\.\/\.troupe with 55,001 records; 44 actors recovered from it \(\d+ from a snapshot, [\d,]+ events replayed\) in \d+ ms\n/,
  )
  expect(again.stderr).toMatch(/^over the whole run 5,044 actors recovered from it \(/m)
  expect(again.stderr).toContain('nothing was left to do')
  const summary = summaryIn(again)
  expect(Object.keys(summary)).toEqual(SUMMARY_KEYS)
  expect(summary).toMatchObject({ applications: 5_000, quotes: 4_269, declined: 15, referred: 716, rejected: 0 })
  expect(summary).toMatchObject({ thisRun: 0, events: 55_001, quotesPerSecond: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 })
  expect(summary).toMatchObject({
    restarts: 0,
    deadLetters: 0,
    mode: 'orchestration',
    journal: 'lmdb:./.troupe',
    complete: true,
  })
  expect(summary.recovered).toBeGreaterThan(5_000)
  expect(summary.fromSnapshot).toBeGreaterThan(30)
  expect(summary.eventsReplayed).toBeGreaterThan(0)

  const lines = linesIn(join(folder, 'out.jsonl'))
  expect(lines).toEqual(golden)
  expect(lines.map(line => Object.keys(line).join())).toEqual(golden.map(line => Object.keys(line).join()))
})

it('with --json prints nothing but the one object on standard output', async () => {
  const ended = await main('--journal', 'memory', '--limit', '200', '--json', '--concurrency', '10')
  expect(ended.stdout.trimEnd().split('\n')).toHaveLength(1)
  const summary = summaryIn(ended)
  expect(summary).toMatchObject({ applications: 200, thisRun: 200, recovered: 0, fromSnapshot: 0, eventsReplayed: 0 })
  expect(summary.quotesPerSecond).toBeGreaterThan(0)
  expect(summary.p50Ms).toBeGreaterThan(0)
  expect(summary.p99Ms).toBeGreaterThanOrEqual(summary.p50Ms)
  expect(summary.maxMs).toBeGreaterThanOrEqual(summary.p99Ms)
})

it('goes on where the store is, row by row, and starts over with --fresh', async () => {
  const run = async (...args: readonly string[]) => summaryIn(await main('--json', ...args))
  expect(await run('--limit', '100')).toMatchObject({ applications: 100, thisRun: 100, events: 1_101 })
  expect(await run('--limit', '250')).toMatchObject({ applications: 250, thisRun: 150, events: 2_751 })
  expect(await run('--limit', '50')).toMatchObject({ applications: 50, thisRun: 0, events: 2_751 })
  expect(await run('--limit', '0')).toMatchObject({ applications: 0, thisRun: 0, events: 2_751 })
  const fresh = await run('--limit', '50', '--fresh', '--mode', 'choreography')
  expect(fresh).toMatchObject({ applications: 50, thisRun: 50, recovered: 0, events: 201, mode: 'choreography' })
})

it('keeps the mode that a store was begun with, and refuses the other one', async () => {
  expect((await main('--limit', '50', '--mode', 'choreography')).code).toBe(0)
  const other = await main('--limit', '60', '--mode', 'orchestration')
  expect([other.code, other.stdout]).toEqual([1, ''])
  expect(other.stderr).toMatch(/^this store was begun in choreography mode/)
  const same = await main('--limit', '60', '--json')
  expect(summaryIn(same)).toMatchObject({ mode: 'choreography', thisRun: 10, events: 241 })
})

it('takes snapshots as often as it is told', async () => {
  const recoveredAfter = async (every: string) => {
    const journal = ['--journal', `lmdb:every-${every}`]
    await main(...journal, '--limit', '300', '--snapshot-every', every)
    return summaryIn(await main(...journal, '--limit', '0', '--json'))
  }
  const [seldom, often] = await Promise.all([recoveredAfter('1000'), recoveredAfter('5')])
  expect(seldom).toMatchObject({ fromSnapshot: 0, eventsReplayed: 600 })
  expect(often.fromSnapshot).toBeGreaterThan(20)
  expect(often.eventsReplayed).toBeLessThan(600)
})

it('refuses a wrong command line with exit code 2, what to give instead, and where its use is told', async () => {
  const { code, stdout, stderr } = await main('--limit', '1e3')
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toBe('--limit 1e3: give a whole number from 0\nnpm start -- --help lists the options\n')
  expect((await main('--what')).stderr).toBe("Unknown option '--what'\nnpm start -- --help lists the options\n")
  expect(existsSync(join(folder, '.troupe'))).toBe(false)
})

it('--help says how it is used', async () => {
  const { code, stdout } = await main('--help')
  expect(code).toBe(0)
  for (const option of [
    'applications',
    'limit',
    'mode',
    'journal',
    'fresh',
    'concurrency',
    'snapshot-every',
    'out',
    'json',
  ])
    expect(stdout).toContain(`--${option}`)
})

it('says why a store cannot be opened', async () => {
  const nobody = await nobodyThere
  expect(nobody.code).toBe(1)
  expect(nobody.stderr).toContain('127.0.0.1:1')
  expect(nobody.stdout + nobody.stderr).not.toContain('secret')
  writeFileSync(join(folder, 'file'), '')
  const file = await main('--journal', 'lmdb:file')
  expect(file.code).toBe(1)
  expect(file.stderr).toContain('file')
})
