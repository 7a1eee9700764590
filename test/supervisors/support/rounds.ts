/**
 * What every round of faults begins and ends with: the main job as a process of its own on a store of its own, and, once
 * it was let come to its end, a store and results as if nobody had disturbed it.
 *
 * More rounds, other moments: ROUNDS=100 ROUND_SEED=7 npx vitest run test/supervisors/main/rounds
 */

import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Journal } from 'troupe'
import { beforeAll, expect } from 'vitest'
import { type BuiltPackage, buildPackage } from './built.ts'
import { type Ended, linesIn, type MainJob, runMain, startMain, summaryIn } from './main-job.ts'
import { kept, type MODES } from './marketplaces.ts'
import { golden } from './sample.ts'
import { newFolder, newLmdbStore } from './stores.ts'
import { expectWholeLog, recordsOf } from './whole-log.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 1)
const SEED = Number(process.env.ROUND_SEED ?? Date.now() % 1_000_000)

/** Applications of a round. */
export const COUNT = 600
const expected = golden.slice(0, COUNT)

export type Mode = (typeof MODES)[number]

export interface Round {
  readonly mode: Mode
  readonly seed: number
}

/** Rounds of one kind. Their modes alternate. */
export const rounds: readonly Round[] = Array.from({ length: ROUNDS }, (_, round) => {
  const seed = SEED + round
  return { mode: seed % 2 === 0 ? 'orchestration' : 'choreography', seed }
})

/** For a kind that has each seed in both modes. */
export const roundsInBothModes: readonly Round[] = rounds.flatMap(({ seed }) => [
  { mode: 'orchestration', seed },
  { mode: 'choreography', seed },
])

export const ROUND_TIMEOUT_MS = 120_000

let built: BuiltPackage

/** To be called once in each file of rounds. */
export const buildForRounds = (): void => {
  beforeAll(() => {
    built = buildPackage()
    return () => built.remove()
  })
}

export const argsOn = (journal: string): readonly string[] => [
  ...['--limit', `${COUNT}`, '--journal', journal, '--snapshot-every', '40'],
]

/** A run of the main job, and whether it is over by now. */
export interface Run extends MainJob {
  readonly over: () => boolean
}

export const startRun = (args: readonly string[]): Run => {
  const job = startMain(built.main, args)
  let over = false
  void job.ended.then(() => {
    over = true
  })
  return { ...job, over: () => over }
}

/** Ends a run at a moment, if it has not ended well before: whether it did. */
export const killedAt = async (
  args: readonly string[],
  moment: (over: () => boolean) => Promise<void>,
): Promise<boolean> => {
  const run = startRun(args)
  await moment(run.over)
  run.child.kill('SIGKILL')
  const { signal, code, stderr } = await run.ended
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`it ended with ${code ?? signal}: ${stderr}`)
  return signal === 'SIGKILL'
}

export const expectEndedWell = ({ code, signal, stderr }: Ended): void => expect(code ?? signal, stderr).toBe(0)

/** One more run, which has nothing left to do: results and log are those of a run that nobody disturbed. */
export const expectUndisturbed = async (args: readonly string[], journal: () => Journal, mode: Mode): Promise<void> => {
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

// How far a run has come. Moments that are found by what is stored do not depend on how fast a machine is.

/** Records of a run that came to its end. */
export const recordsBy = (mode: Mode): number => 1 + COUNT * (mode === 'orchestration' ? 11 : 4)

/** Nobody else can open an LMDB store that is in use; its file grows with the log. */
export const storedBytes = (path: string): number => {
  const file = join(path, 'data.mdb')
  return existsSync(file) ? statSync(file).size : 0
}

const measured = new Map<Mode, number>()

/** Of a run that nobody disturbs. */
export const bytesInTheEnd = async (mode: Mode): Promise<number> => {
  const known = measured.get(mode)
  if (known !== undefined) return known
  const { path } = await kept(newLmdbStore())
  await runMain(built.main, ['--limit', `${COUNT}`, '--journal', `lmdb:${path}`, '--mode', mode])
  measured.set(mode, storedBytes(path))
  return storedBytes(path)
}

/** Where the log of each partition of a Redis store ends, by the key of its state. */
export const positionsIn = async (client: Redis): Promise<ReadonlyMap<string, number>> => {
  const keys = await client.keys('*:state')
  const positions = await Promise.all(keys.map(key => client.hget(key, 'position')))
  return new Map(keys.map((key, i) => [key, Number(positions[i])]))
}

export const recordsIn = async (client: Redis): Promise<number> =>
  [...(await positionsIn(client)).values()].reduce((sum, position) => sum + position, 0)

/** A client that is there for a while, whatever happens to the server. */
export const withClient = async <Result>(port: number, use: (client: Redis) => Promise<Result>): Promise<Result> => {
  const client = new Redis(port)
  try {
    return await use(client)
  } finally {
    client.disconnect()
  }
}
