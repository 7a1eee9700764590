/**
 * The main job, killed with SIGKILL at random moments, several times in a row, until a run comes to its end. Whatever
 * moments these are, the result is that of a run that nobody disturbed. So it is where its server is killed, and where it is
 * stopped for a while (SIGSTOP) or its connections are cut.
 *
 * More rounds, other moments: KILL_ROUNDS=100 KILL_SEED=7 npx vitest run test/supervisors/main/kills.test.ts
 */

import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Journal, Random } from 'troupe'
import { lmdbJournal } from 'troupe/lmdb'
import { redisJournal } from 'troupe/redis'
import { beforeAll, expect, it } from 'vitest'
import { seededRandom } from '../../../src/base/ports.ts'
import { startCuttingProxy } from '../../support/cutting-proxy.ts'
import { type BuiltPackage, buildPackage } from '../support/built.ts'
import { linesIn, runMain, startMain, summaryIn } from '../support/main-job.ts'
import { kept } from '../support/marketplaces.ts'
import { golden } from '../support/sample.ts'
import { newFolder, newLmdbStore, newRedisStore } from '../support/stores.ts'
import { expectWholeLog, recordsOf } from '../support/whole-log.ts'

const ROUNDS = Number(process.env.KILL_ROUNDS ?? 1)
const SEED = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000)

const COUNT = 600
const expected = golden.slice(0, COUNT)

/** Of each round: so many kills while it works, at random shares of the log, and so many while it starts or recovers. */
const KILLS_AT_WORK = 3
const KILLS_AT_START = 1
const START_MS_MAX = 500

/** How much is stored by now: moments that are found by it do not depend on how fast a machine is. */
type Stored = () => Promise<number>

let built: BuiltPackage
beforeAll(() => {
  built = buildPackage()
  return () => built.remove()
})

const killedAt = async (args: readonly string[], moment: (over: () => boolean) => Promise<void>): Promise<void> => {
  const job = startMain(built.main, args)
  let over = false
  void job.ended.then(() => {
    over = true
  })
  await moment(() => over)
  job.child.kill('SIGKILL')
  const { signal, code, stderr } = await job.ended
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`it ended with ${code ?? signal}: ${stderr}`)
}

/** Kills one run after the other, then lets one come to its end. */
const killAgainAndAgain = async (
  args: readonly string[],
  random: Random,
  stored: Stored,
  inTheEnd: number,
): Promise<void> => {
  const shares = Array.from({ length: KILLS_AT_WORK }, () => 0.95 * random.next()).sort((a, b) => a - b)
  const reached: number[] = []
  for (const share of shares) {
    await killedAt(args, async over => {
      while (!over() && (await stored()) < share * inTheEnd) await sleep(1)
    })
    reached.push(Math.round((100 * (await stored())) / inTheEnd))
    if (reached.length > KILLS_AT_START) continue
    await killedAt(args, () => sleep(random.next() * START_MS_MAX))
  }
  console.log(`${args.join(' ')}: killed with ${reached.join(', ')} % stored, and ${KILLS_AT_START} at its start`)
  expect(reached[0]).toBeLessThan(100)
  const last = await runMain(built.main, args)
  expect([last.code, last.signal]).toEqual([0, null])
}

const expectUndisturbed = async (args: readonly string[], journal: () => Journal, mode: string): Promise<void> => {
  const folder = newFolder('out')
  const out = join(folder, 'out.jsonl')
  const again = await runMain(built.main, [...args, '--json', '--out', out])
  expect(again.stderr).toContain('nothing was left to do')
  const summary = summaryIn(again)
  expect(summary).toMatchObject({ applications: COUNT, thisRun: 0, rejected: 0, restarts: 0, deadLetters: 0, mode })
  expect(summary.fromSnapshot).toBeGreaterThan(0)
  expect(linesIn(out)).toEqual(expected)
  rmSync(folder, { recursive: true })
  // What the regions' actors have added up says whether any application was counted twice or never.
  const ttcCents = expected.reduce((sum, line) => sum + (line.ttcCents ?? 0), 0)
  const euros = (ttcCents / 100).toLocaleString('en', { minimumFractionDigits: 2 })
  expect(again.stderr).toContain(`EUR ${euros} for ${COUNT.toLocaleString('en')} risks`)

  const opened = journal()
  await opened.open()
  const records = await recordsOf(opened)
  await opened.close()
  expectWholeLog(
    records,
    expected.map(({ id }) => id ?? ''),
  )
  expect(records).toHaveLength(recordsBy(mode))
}

const roundsOf = (where: string) =>
  (['orchestration', 'choreography'] as const).flatMap(mode =>
    Array.from({ length: ROUNDS }, (_, round) => ({ where, mode, seed: SEED + round })),
  )

/** Nobody else can open an LMDB store that is in use; its file grows with the log. */
const storedBytes = (path: string): number => {
  const file = join(path, 'data.mdb')
  return existsSync(file) ? statSync(file).size : 0
}

const measured = new Map<string, number>()

/** Of a run that nobody disturbs. */
const bytesInTheEnd = async (mode: string): Promise<number> => {
  const known = measured.get(mode)
  if (known !== undefined) return known
  const { path } = await kept(newLmdbStore())
  await runMain(built.main, ['--limit', `${COUNT}`, '--journal', `lmdb:${path}`, '--mode', mode])
  measured.set(mode, storedBytes(path))
  return storedBytes(path)
}

const recordsBy = (mode: string): number => 1 + COUNT * (mode === 'orchestration' ? 11 : 4)

it.each(roundsOf('LMDB'))(
  'killed again and again on $where by $mode, seed $seed',
  {
    timeout: 120_000,
  },
  async ({ mode, seed }) => {
    const { path } = await kept(newLmdbStore())
    const args = ['--limit', `${COUNT}`, '--journal', `lmdb:${path}`, '--snapshot-every', '40']
    const stored: Stored = async () => storedBytes(path)
    await killAgainAndAgain([...args, '--mode', mode], seededRandom(seed), stored, await bytesInTheEnd(mode))
    await expectUndisturbed(args, () => lmdbJournal({ path }), mode)
  },
)

it.each(roundsOf('Redis'))(
  'killed again and again on $where by $mode, seed $seed',
  {
    timeout: 120_000,
  },
  async ({ mode, seed }) => {
    const { server } = await kept(newRedisStore(['--appendfsync always']))
    const args = ['--limit', `${COUNT}`, '--journal', server.url, '--snapshot-every', '40']
    const client = new Redis(server.port)
    const stored: Stored = async () => {
      const states = (await client.keys('*state*')).map(key => client.hget(key, 'position'))
      return (await Promise.all(states)).reduce((sum, position) => sum + Number(position), 0)
    }
    await killAgainAndAgain([...args, '--mode', mode], seededRandom(seed), stored, recordsBy(mode))
    client.disconnect()
    await expectUndisturbed(args, () => redisJournal({ url: server.url }), mode)
  },
)

it.each(roundsOf('Redis').filter(({ mode }) => mode === 'orchestration'))(
  'goes on through kills of the $where server, by $mode, seed $seed',
  { timeout: 120_000 },
  async ({ mode, seed }) => {
    const { server } = await kept(newRedisStore(['--appendfsync always']))
    const args = ['--limit', `${COUNT}`, '--journal', server.url, '--snapshot-every', '40']
    const random = seededRandom(seed)
    const job = startMain(built.main, [...args, '--mode', mode])
    let over = false
    void job.ended.then(() => {
      over = true
    })
    let restarts = 0
    while (!over && restarts < 4) {
      await sleep(150 + random.next() * 400)
      await server.restart()
      restarts++
    }
    const { code, stderr } = await job.ended
    console.log(`${mode}, seed ${seed}: the server was killed ${restarts} times`)
    expect(code, stderr).toBe(0)
    await expectUndisturbed(args, () => redisJournal({ url: server.url }), mode)
  },
)

it.each(roundsOf('Redis').filter(({ mode }) => mode === 'orchestration'))(
  'goes on through SIGSTOP and cut connections on $where by $mode, seed $seed',
  { timeout: 120_000 },
  async ({ mode, seed }) => {
    const { server } = await kept(newRedisStore(['--appendfsync always']))
    const proxy = await startCuttingProxy(server.port)
    const args = ['--limit', `${COUNT}`, '--snapshot-every', '40']
    const random = seededRandom(seed)
    const job = startMain(built.main, [...args, '--journal', `redis://127.0.0.1:${proxy.port}`, '--mode', mode])
    let over = false
    void job.ended.then(() => {
      over = true
    })
    let [stops, cuts] = [0, 0]
    while (!over && stops + cuts < 8) {
      await sleep(50 + random.next() * 250)
      if (random.next() < 0.5) {
        job.child.kill('SIGSTOP')
        await sleep(random.next() * 500)
        job.child.kill('SIGCONT')
        stops++
      } else {
        proxy.down()
        await sleep(random.next() * 200)
        proxy.up()
        cuts++
      }
    }
    const { code, stderr } = await job.ended
    await proxy.stop()
    console.log(`${mode}, seed ${seed}: stopped ${stops} times, cut off ${cuts} times`)
    expect(code, stderr).toBe(0)
    await expectUndisturbed([...args, '--journal', server.url], () => redisJournal({ url: server.url }), mode)
  },
)
