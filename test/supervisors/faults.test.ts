import type { Journal } from 'troupe'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/base/ports.ts'
import type { Marketplace } from '../../supervisors/marketplace.ts'
import { type Fate, failingJournal } from './support/failing-journal.ts'
import { kept, MODES, openOn } from './support/marketplaces.ts'
import { golden, lineOf, quotable, sample } from './support/sample.ts'
import { newMemoryStore } from './support/stores.ts'
import { expectWholeLog, recordsOf } from './support/whole-log.ts'

const COUNT = 40
const applications = sample.slice(0, COUNT)
const ids = applications.map(({ applicationId }) => applicationId)
const expected = golden.slice(0, COUNT)

/** As any client does that gets no answer: it asks again. */
const submitUntilAnswered = async (marketplace: Marketplace, application: (typeof sample)[number]): Promise<string> => {
  for (let tries = 1; ; tries++)
    try {
      return (await marketplace.submit(application)).outcome
    } catch (error) {
      if (tries === 50) throw error
      await new Promise(resolve => setTimeout(resolve, 20))
    }
}

const expectAllRight = async (marketplace: Marketplace): Promise<void> => {
  const outcomes = await Promise.all(applications.map(application => submitUntilAnswered(marketplace, application)))
  expect(outcomes).toEqual(expected.map(({ outcome }) => outcome))
  const views = await Promise.all(ids.map(id => marketplace.describe(id)))
  expect(views.map(lineOf)).toEqual(expected)
  await marketplace.settled()
  expectWholeLog(await recordsOf(marketplace.store.journal), ids)
  const totals = await marketplace.totals()
  expect([totals.risks, totals.rates]).toEqual([ids.length, ids.length])
}

/** The whole sample slice goes through once for each commit that fails, until a run has no such commit left. */
const failEach = async (mode: (typeof MODES)[number], fate: Fate): Promise<number> => {
  for (let failing = 1; ; failing++) {
    let commits = 0
    let failed = 0
    const store = await kept(newMemoryStore(4))
    const journal: Journal = failingJournal(store.journal(), () => {
      if (++commits !== failing + 1) return null
      failed++
      return fate
    })
    const marketplace = await openOn({ ...store, journal: () => journal }, { mode })
    await expectAllRight(marketplace)
    await marketplace.close()
    if (failed === 0) return failing
  }
}

describe.each(MODES)('by %s', mode => {
  it.each(['lost', 'answer-lost'] as const)('nothing is lost or doubled when commit 1, 2, … is %s', async fate => {
    expect(await failEach(mode, fate)).toBeGreaterThan(10)
  })

  it.each(['ApplicationSubmitted', 'RiskAssessed', 'PremiumRateCalculated', 'QuoteGenerated'])(
    'a write of %s whose answer is lost goes on by itself, with nothing written after it',
    async type => {
      let failed = 0
      const store = await kept(newMemoryStore())
      const journal = failingJournal(store.journal(), appends =>
        appends.some(({ records }) => records.some(record => record.type === type)) && failed++ === 0
          ? 'answer-lost'
          : null,
      )
      const marketplace = await openOn({ ...store, journal: () => journal }, { mode })
      expect(await submitUntilAnswered(marketplace, quotable())).toBe('quoted')
      expect(failed).toBeGreaterThan(0)
      await marketplace.settled()
      expectWholeLog(await recordsOf(marketplace.store.journal), ['A-1'])
    },
  )

  it.each([1, 2, 3])('nothing is lost or doubled when a tenth of all commits fail, by seed %i', async seed => {
    const random = seededRandom(seed)
    const store = await kept(newMemoryStore(4))
    let opened = false
    const journal = failingJournal(store.journal(), () => {
      if (!opened || random.next() > 0.1) return null
      return random.next() < 0.5 ? 'lost' : 'answer-lost'
    })
    const marketplace = await openOn({ ...store, journal: () => journal }, { mode })
    opened = true
    await expectAllRight(marketplace)
  })

  it("a region's actor that crashes at every write leaves the other regions alone, and catches up", async () => {
    const store = await kept(newMemoryStore())
    let broken = true
    const journal = failingJournal(store.journal(), appends =>
      broken && appends.some(({ persistenceId }) => persistenceId === 'risk|R24') ? 'lost' : null,
    )
    const marketplace = await openOn({ ...store, journal: () => journal }, { mode })
    const others = applications.filter(({ region }) => region !== 'R24')
    const inBrokenRegion = Promise.all(
      applications
        .filter(({ region }) => region === 'R24')
        .map(application => submitUntilAnswered(marketplace, application)),
    )
    for (const application of others) await submitUntilAnswered(marketplace, application)
    expect(marketplace.restarts).toBeGreaterThan(0)
    broken = false
    await inBrokenRegion
    await expectAllRight(marketplace)
  })
})
