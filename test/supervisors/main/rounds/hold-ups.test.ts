/**
 * The main job, stopped for a while (SIGSTOP), cut off from its server, overtaken by another process, or left alone by a
 * server that is killed and started again, at random moments. The result is that of a run that nobody disturbed.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from 'troupe'
import { lmdbJournal } from 'troupe/lmdb'
import { redisJournal } from 'troupe/redis'
import { expect, it } from 'vitest'
import { seededRandom } from '../../../../src/base/ports.ts'
import { startCuttingProxy } from '../../../support/cutting-proxy.ts'
import { kept } from '../../support/marketplaces.ts'
import {
  argsOn,
  buildForRounds,
  bytesInTheEnd,
  expectEndedWell,
  expectUndisturbed,
  ROUND_TIMEOUT_MS,
  type Run,
  recordsBy,
  recordsIn,
  rounds,
  startRun,
  storedBytes,
  withClient,
} from '../../support/rounds.ts'
import { newLmdbStore, newRedisStore } from '../../support/stores.ts'

const HOLD_UPS = 8
const STOP_MS_MAX = 500
const CUT_MS_MAX = 200
const SERVER_KILLS = 4

buildForRounds()

/** Stops it for a moment, and lets it go on whatever happened meanwhile. */
const stoppedDuring = async <Result>({ child }: Run, what: () => Promise<Result>): Promise<Result> => {
  child.kill('SIGSTOP')
  try {
    return await what()
  } finally {
    child.kill('SIGCONT')
  }
}

const stopFor = (run: Run, random: Random): Promise<void> =>
  stoppedDuring(run, () => sleep(random.next() * STOP_MS_MAX))

it.each(rounds)(
  'goes on through SIGSTOP on LMDB, and keeps its store meanwhile, by $mode, seed $seed',
  { timeout: ROUND_TIMEOUT_MS },
  async ({ mode, seed }) => {
    const { path } = await kept(newLmdbStore())
    const args = argsOn(`lmdb:${path}`)
    const random = seededRandom(seed)
    const share = 0.8 * random.next()
    const inTheEnd = await bytesInTheEnd(mode)
    const run = startRun([...args, '--mode', mode])
    while (!run.over() && storedBytes(path) < Math.max(1, share * inTheEnd)) await sleep(1)
    // Its lock is the kernel's: nobody takes a process that stands still for a dead one.
    const refused = await stoppedDuring(run, () => startRun(args).ended)
    let stops = 1
    for (; !run.over() && stops < HOLD_UPS; stops++) {
      await stopFor(run, random)
      await sleep(random.next() * 100)
    }
    expectEndedWell(await run.ended)
    expect(refused.code, refused.stderr).not.toBe(0)
    expect(refused.stderr).toContain(`pid ${run.child.pid}`)
    console.log(`${mode}, seed ${seed}: stopped ${stops} times`)
    await expectUndisturbed(args, () => lmdbJournal({ path }), mode)
  },
)

it.each(rounds)(
  'goes on through SIGSTOP and cut connections on Redis, by $mode, seed $seed',
  { timeout: ROUND_TIMEOUT_MS },
  async ({ mode, seed }) => {
    const { server } = await kept(newRedisStore(['--appendfsync always']))
    const proxy = await startCuttingProxy(server.port)
    const random = seededRandom(seed)
    const run = startRun([...argsOn(`redis://127.0.0.1:${proxy.port}`), '--mode', mode])
    let [stops, cuts] = [0, 0]
    while (!run.over() && stops + cuts < HOLD_UPS) {
      await sleep(50 + random.next() * 250)
      if (random.next() < 0.5) {
        await stopFor(run, random)
        stops++
      } else {
        proxy.down()
        await sleep(random.next() * CUT_MS_MAX)
        proxy.up()
        cuts++
      }
    }
    expectEndedWell(await run.ended)
    await proxy.stop()
    console.log(`${mode}, seed ${seed}: stopped ${stops} times, cut off ${cuts} times`)
    await expectUndisturbed(argsOn(server.url), () => redisJournal({ url: server.url }), mode)
  },
)

it.each(rounds)(
  'stopped and overtaken on Redis, adds nothing when it goes on, by $mode, seed $seed',
  { timeout: ROUND_TIMEOUT_MS },
  async ({ mode, seed }) => {
    const { server } = await kept(newRedisStore(['--appendfsync always']))
    const args = argsOn(server.url)
    const random = seededRandom(seed)
    const share = 0.8 * random.next()
    const run = startRun([...args, '--mode', mode])
    const stored = await withClient(server.port, async client => {
      while (!run.over() && (await recordsIn(client)) < Math.max(1, share * recordsBy(mode))) await sleep(1)
      const other = await stoppedDuring(run, async () => {
        // Sometimes the other one has its turn alone, and sometimes both are at work.
        const other = startRun([...args, '--mode', mode])
        await Promise.race([other.ended, sleep(random.next() * 3_000)])
        return other
      })
      expectEndedWell(await other.ended)
      return recordsIn(client)
    })
    const { code, stderr } = await run.ended
    if (code !== 0) expect(stderr).toContain('has taken over from')
    console.log(`${mode}, seed ${seed}: overtaken, and ended with ${code}`)
    expect(stored).toBe(recordsBy(mode))
    await expectUndisturbed(args, () => redisJournal({ url: server.url }), mode)
  },
)

it.each(rounds)(
  'goes on through kills of the Redis server, by $mode, seed $seed',
  { timeout: ROUND_TIMEOUT_MS },
  async ({ mode, seed }) => {
    const { server } = await kept(newRedisStore(['--appendfsync always']))
    const random = seededRandom(seed)
    const run = startRun([...argsOn(server.url), '--mode', mode])
    let kills = 0
    while (!run.over() && kills < SERVER_KILLS) {
      await sleep(150 + random.next() * 400)
      await server.restart()
      kills++
    }
    expectEndedWell(await run.ended)
    console.log(`${mode}, seed ${seed}: the server was killed ${kills} times`)
    await expectUndisturbed(argsOn(server.url), () => redisJournal({ url: server.url }), mode)
  },
)
