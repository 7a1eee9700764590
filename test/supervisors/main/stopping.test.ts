import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { redisJournal } from 'troupe/redis'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type BuiltPackage, buildPackage } from '../support/built.ts'
import { linesIn, runMain, startMain, summaryIn } from '../support/main-job.ts'
import { kept } from '../support/marketplaces.ts'
import { golden } from '../support/sample.ts'
import { newFolder, newRedisStore } from '../support/stores.ts'
import { expectWholeLog, recordsOf } from '../support/whole-log.ts'

let built: BuiltPackage
let folder: string
beforeAll(() => {
  built = buildPackage()
  return () => built.remove()
})
beforeEach(() => {
  folder = newFolder('main')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Few at once, so that it is in the middle for a while. */
const start = (...args: readonly string[]) => startMain(built.main, ['--json', '--concurrency', '8', ...args], folder)

/** It has the store, and has begun or is about to; thousands are to go. */
const atWork = async (): Promise<void> => {
  while (!existsSync(join(folder, '.troupe/owner.pid'))) await sleep(5)
  await sleep(300)
}

it.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('%s lets what is under way end with exit code %d, and the next run does the rest', async (signal, code) => {
  const job = start('--out', 'out.jsonl')
  await atWork()
  job.child.kill(signal)
  const stopped = await job.ended
  expect([stopped.code, stopped.signal]).toEqual([code, null])
  expect(stopped.stderr).toContain(`${signal}: finishing what is under way`)
  expect(stopped.stderr).toMatch(
    /^stopped before the end of the input: run the same command again to go on from here and to have out.jsonl written$/m,
  )
  expect(existsSync(join(folder, 'out.jsonl'))).toBe(false)
  const first = summaryIn(stopped)
  expect(first.complete).toBe(false)
  expect(first.applications).toBeLessThan(2_000)
  // Drained: nothing of what was begun is half done.
  expect(first).toMatchObject({ thisRun: first.applications, events: 1 + 11 * first.applications, deadLetters: 0 })

  const second = await runMain(built.main, ['--json', '--out', 'out.jsonl'], folder)
  expect(summaryIn(second)).toMatchObject({ applications: 5_000, thisRun: 5_000 - first.thisRun, events: 55_001 })
  expect(linesIn(join(folder, 'out.jsonl'))).toEqual(golden)
})

it('a second signal ends it at once, and nothing is lost either', async () => {
  const job = start()
  await atWork()
  job.child.kill('SIGTERM')
  job.child.kill('SIGINT')
  await job.said('finishing what is under way')
  job.child.kill('SIGTERM')
  const { code } = await job.ended
  expect([130, 143]).toContain(code)
  const second = await runMain(built.main, ['--json', '--limit', '1000', '--out', 'out.jsonl'], folder)
  expect(summaryIn(second)).toMatchObject({ applications: 1_000, rejected: 0 })
  expect(linesIn(join(folder, 'out.jsonl'))).toEqual(golden.slice(0, 1_000))
})

it('a second process on the same LMDB store is refused by name, and the first goes on unharmed', async () => {
  const first = start('--limit', '3000', '--concurrency', '64', '--out', 'out.jsonl')
  await atWork()
  const [second, fresh] = await Promise.all([
    runMain(built.main, ['--json'], folder),
    runMain(built.main, ['--json', '--fresh'], folder),
  ])
  expect([second.code, second.stdout]).toEqual([1, ''])
  expect(second.stderr).toContain(`is open in the process with pid ${first.child.pid}`)
  expect([fresh.code, fresh.stdout]).toEqual([1, ''])
  expect(fresh.stderr).toContain(`pid ${first.child.pid}`)
  const ended = await first.ended
  expect(ended.code).toBe(0)
  expect(summaryIn(ended)).toMatchObject({ applications: 3_000, thisRun: 3_000, restarts: 0, deadLetters: 0 })
  expect(linesIn(join(folder, 'out.jsonl'))).toEqual(golden.slice(0, 3_000))
})

it('on Redis a newer process fences the older, which says so and ends; the newer does it all, once', async () => {
  const { server } = await kept(newRedisStore())
  const args = ['--journal', server.url, '--limit', '2000']
  const older = start(...args)
  const client = new Redis(server.port)
  while ((await client.xlen('{troupe:0}:log')) < 10) await sleep(5)
  client.disconnect()
  const newer = await runMain(built.main, [...args, '--json', '--out', 'out.jsonl'], folder)
  const fenced = await older.ended
  expect([fenced.code, fenced.signal, fenced.stdout]).toEqual([1, null, ''])
  expect(fenced.stderr).toContain(
    'has taken over from 1. Another process opened this store for writing: stop this one.',
  )
  expect(newer.code, newer.stderr).toBe(0)
  const { applications, thisRun, deadLetters } = summaryIn(newer)
  expect([applications, deadLetters]).toEqual([2_000, 0])
  expect(thisRun).toBeGreaterThan(0)
  const expected = golden.slice(0, 2_000)
  expect(linesIn(join(folder, 'out.jsonl'))).toEqual(expected)
  const journal = redisJournal({ url: server.url })
  await journal.open()
  expectWholeLog(
    await recordsOf(journal),
    expected.map(({ id }) => id ?? ''),
  )
  await journal.close()
})
