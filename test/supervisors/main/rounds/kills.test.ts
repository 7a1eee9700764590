/**
 * The main job, killed with SIGKILL at random moments, several times in a row, until a run comes to its end: while it
 * works, while it starts or recovers, and while it removes the store to begin anew. Whatever moments these are, the
 * result is that of a run that nobody disturbed.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from 'troupe'
import { lmdbJournal } from 'troupe/lmdb'
import { redisJournal } from 'troupe/redis'
import { expect, it } from 'vitest'
import { seededRandom } from '../../../../src/base/ports.ts'
import { kept } from '../../support/marketplaces.ts'
import {
  argsOn,
  buildForRounds,
  bytesInTheEnd,
  expectEndedWell,
  expectUndisturbed,
  killedAt,
  ROUND_TIMEOUT_MS,
  recordsBy,
  recordsIn,
  rounds,
  roundsInBothModes,
  startRun,
  storedBytes,
  withClient,
} from '../../support/rounds.ts'
import { newLmdbStore, newRedisStore } from '../../support/stores.ts'

/** Of each round: so many kills while it works, at random shares of the log, and so many while it starts or recovers. */
const KILLS_AT_WORK = 3
const KILLS_AT_START = 1
const START_MS_MAX = 500

/** Of a round of `--fresh`; a removal is under way some time after the process has started. */
const KILLS_AT_FRESH = 3
const FRESH_MS_MAX = 1_000

buildForRounds()

/** Kills one run after the other, then lets one come to its end. */
const killAgainAndAgain = async (
  args: readonly string[],
  random: Random,
  stored: () => Promise<number>,
  inTheEnd: number,
): Promise<void> => {
  const shares = Array.from({ length: KILLS_AT_WORK }, () => 0.95 * random.next()).sort((a, b) => a - b)
  const reached: number[] = []
  let inTheMidst = 0
  for (const share of shares) {
    const isKilled = await killedAt(args, async over => {
      while (!over() && (await stored()) < share * inTheEnd) await sleep(1)
    })
    if (isKilled) inTheMidst++
    reached.push(Math.round((100 * (await stored())) / inTheEnd))
    if (reached.length > KILLS_AT_START) continue
    await killedAt(args, () => sleep(random.next() * START_MS_MAX))
  }
  console.log(`${args.join(' ')}: killed with ${reached.join(', ')} % stored, and ${KILLS_AT_START} at its start`)
  expect(inTheMidst).toBeGreaterThan(0)
  expectEndedWell(await startRun(args).ended)
}

/** Begins a full store anew and is killed, again and again; then a run goes on with what is there. */
const killAnew = async (args: readonly string[], random: Random): Promise<void> => {
  expectEndedWell(await startRun(args).ended)
  for (let kill = 0; kill < KILLS_AT_FRESH; kill++)
    await killedAt([...args, '--fresh'], () => sleep(random.next() * FRESH_MS_MAX))
  expectEndedWell(await startRun(args).ended)
}

it.each(roundsInBothModes)(
  'killed again and again on LMDB by $mode, seed $seed',
  { timeout: ROUND_TIMEOUT_MS },
  async ({ mode, seed }) => {
    const { path } = await kept(newLmdbStore())
    const args = argsOn(`lmdb:${path}`)
    const stored = async () => storedBytes(path)
    await killAgainAndAgain([...args, '--mode', mode], seededRandom(seed), stored, await bytesInTheEnd(mode))
    await expectUndisturbed(args, () => lmdbJournal({ path }), mode)
  },
)

it.each(roundsInBothModes)(
  'killed again and again on Redis by $mode, seed $seed',
  { timeout: ROUND_TIMEOUT_MS },
  async ({ mode, seed }) => {
    const { server } = await kept(newRedisStore(['--appendfsync always']))
    const args = argsOn(server.url)
    await withClient(server.port, client =>
      killAgainAndAgain([...args, '--mode', mode], seededRandom(seed), () => recordsIn(client), recordsBy(mode)),
    )
    await expectUndisturbed(args, () => redisJournal({ url: server.url }), mode)
  },
)

it.each(rounds)(
  'killed while it begins a store on LMDB anew, by $mode, seed $seed',
  { timeout: ROUND_TIMEOUT_MS },
  async ({ mode, seed }) => {
    const { path } = await kept(newLmdbStore())
    const args = argsOn(`lmdb:${path}`)
    await killAnew([...args, '--mode', mode], seededRandom(seed))
    await expectUndisturbed(args, () => lmdbJournal({ path }), mode)
  },
)

it.each(rounds)(
  'killed while it begins a store on Redis anew, by $mode, seed $seed',
  { timeout: ROUND_TIMEOUT_MS },
  async ({ mode, seed }) => {
    const { server } = await kept(newRedisStore(['--appendfsync always']))
    const args = argsOn(server.url)
    await killAnew([...args, '--mode', mode], seededRandom(seed))
    await expectUndisturbed(args, () => redisJournal({ url: server.url }), mode)
  },
)
