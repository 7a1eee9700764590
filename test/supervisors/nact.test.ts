import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Marketplace } from '../../supervisors/marketplace.ts'
import { nactHost } from '../../supervisors/nact.ts'
import { type BuiltPackage, buildPackage } from './support/built.ts'
import { type Fate, failingJournal } from './support/failing-journal.ts'
import { linesIn, runMain, startMain, summaryIn } from './support/main-job.ts'
import { kept, MODES, openOn } from './support/marketplaces.ts'
import { golden, lineOf, sample } from './support/sample.ts'
import { newFolder, newLmdbStore, newMemoryStore, newRedisStore } from './support/stores.ts'
import { expectWholeLog, recordsOf } from './support/whole-log.ts'

/** The domain's actors on nact itself: the same outcomes to the cent, behind the same bridges, over faults and kills. */

const COUNT = 40
const applications = sample.slice(0, COUNT)
const ids = applications.map(({ applicationId }) => applicationId)
const host = await nactHost()

const submitUntilAnswered = async (marketplace: Marketplace, application: (typeof sample)[number]): Promise<string> => {
  for (let tries = 1; ; tries++)
    try {
      return (await marketplace.submit(application)).outcome
    } catch (error) {
      if (tries === 50) throw error
      await sleep(20)
    }
}

const expectAllRight = async (marketplace: Marketplace): Promise<void> => {
  const outcomes = await Promise.all(applications.map(application => submitUntilAnswered(marketplace, application)))
  expect(outcomes).toEqual(golden.slice(0, COUNT).map(({ outcome }) => outcome))
  const views = await Promise.all(ids.map(id => marketplace.describe(id)))
  expect(views.map(lineOf)).toEqual(golden.slice(0, COUNT))
  await marketplace.settled()
  expectWholeLog(await recordsOf(marketplace.store.journal), ids)
  const totals = await marketplace.totals()
  expect([totals.risks, totals.rates]).toEqual([ids.length, ids.length])
}

describe.each(MODES)('by %s on nact', mode => {
  it('comes to the same outcomes and the same premiums, to the cent', async () => {
    await expectAllRight(await openOn(await kept(newMemoryStore(4)), { mode, host }))
  })

  it.each<Fate>(['lost', 'answer-lost'])('nothing is lost or doubled when commits are %s', async fate => {
    for (let failing = 1; failing < 400; failing += 23) {
      let commits = 0
      const store = await kept(newMemoryStore(4))
      const journal = failingJournal(store.journal(), () => (++commits === failing + 1 ? fate : null))
      const marketplace = await openOn({ ...store, journal: () => journal }, { mode, host })
      await expectAllRight(marketplace)
      await marketplace.close()
      if (commits <= failing) break
    }
  })

  it('goes on where Troupe’s own actors stopped, and the other way round', async () => {
    const store = await kept(newMemoryStore(4))
    for (const [from, to] of [
      [0, 13],
      [13, 26],
      [26, COUNT],
    ] as const) {
      const marketplace = await openOn(store, { mode, snapshotEvery: 5, ...(from === 13 ? {} : { host }) })
      for (const application of applications.slice(from, to)) await marketplace.submit(application)
      await marketplace.close()
    }
    await expectAllRight(await openOn(store, { mode, snapshotEvery: 5, host }))
  })
})

describe('npm start -- --runtime nact', () => {
  let built: BuiltPackage
  beforeAll(() => {
    built = buildPackage()
    return () => built.remove()
  })

  /** Killed with SIGKILL again and again, then let come to its end. */
  const killAndFinish = async (journal: string): Promise<void> => {
    const folder = newFolder('nact')
    const out = join(folder, 'out.jsonl')
    const args = ['--runtime', 'nact', '--journal', journal, '--limit', '600', '--snapshot-every', '20']
    for (const afterMs of [900, 1_400, 1_900]) {
      const job = startMain(built.main, args)
      await sleep(afterMs)
      job.child.kill('SIGKILL')
      await job.ended
    }
    const last = await runMain(built.main, [...args, '--out', out, '--json'])
    expect([last.code, last.signal]).toEqual([0, null])
    expect(linesIn(out)).toEqual(golden.slice(0, 600))
    expect(summaryIn(last)).toMatchObject({ applications: 600 })
    rmSync(folder, { recursive: true })
  }

  it('has the same outcomes after kill -9 on LMDB', async () => {
    const store = await kept(newLmdbStore())
    await killAndFinish(`lmdb:${store.path}`)
  })

  it('has the same outcomes after kill -9 on a real Redis', async () => {
    const store = await kept(newRedisStore())
    await killAndFinish(store.server.url)
  })

  it('refuses another runtime', async () => {
    const { code, stderr } = await runMain(built.main, ['--runtime', 'akka'])
    expect([code, stderr.split('\n')[0]]).toEqual([2, '--runtime akka: give troupe or nact'])
  })
})
