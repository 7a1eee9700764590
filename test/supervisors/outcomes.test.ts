import { describe, expect, it } from 'vitest'
import { REGIONS } from '../../actors/index.ts'
import { kept, MODES, openOn } from './support/marketplaces.ts'
import { golden, lineOf, sample } from './support/sample.ts'
import { newLmdbStore, newMemoryStore, newRedisStore, type TestStore } from './support/stores.ts'
import { expectWholeLog, recordsOf } from './support/whole-log.ts'

const journals = [
  { journal: 'memory', make: newMemoryStore, count: 5_000 },
  { journal: 'memory of 16 partitions', make: () => newMemoryStore(16), count: 1_000 },
  { journal: 'LMDB', make: newLmdbStore, count: 5_000 },
  { journal: 'Redis', make: newRedisStore, count: 1_000 },
] as const

describe.each(MODES)('by %s', mode => {
  it.each(journals)('$count sample applications on $journal get what must come out', async ({ make, count }) => {
    const store = await kept<TestStore>(make())
    const marketplace = await openOn(store, { mode })
    const applications = sample.slice(0, count)
    const expected = golden.slice(0, count)
    const results = await Promise.all(applications.map(application => marketplace.submit(application)))
    expect(results).toEqual(expected.map(({ outcome }) => ({ outcome, known: false })))
    const views = await Promise.all(applications.map(({ applicationId }) => marketplace.describe(applicationId)))
    expect(views.map(lineOf)).toEqual(expected)

    // Per region: the sums of what its applications got, each counted once.
    const totals = await marketplace.totals()
    expect(totals.regions.map(({ region }) => region)).toEqual(REGIONS)
    expect([totals.risks, totals.rates]).toEqual([count, count])
    expect(totals.ttcCents).toBe(expected.reduce((sum, { ttcCents }) => sum + (ttcCents ?? 0), 0))
    for (const { region, accumulation, premiums } of totals.regions) {
      const own = expected.filter((_, i) => applications[i]?.region === region)
      expect([accumulation.risks, premiums.rates]).toEqual([own.length, own.length])
      expect(premiums.ttcCents).toBe(own.reduce((sum, { ttcCents }) => sum + (ttcCents ?? 0), 0))
      expect(premiums.htCents).toBe(own.reduce((sum, { htCents }) => sum + (htCents ?? 0), 0))
      const claims = own.reduce((sum, { expectedFrequency }) => sum + (expectedFrequency ?? 0), 0)
      expect(accumulation.expectedClaims).toBeCloseTo(claims, 9)
    }

    await marketplace.settled()
    const records = marketplace.records
    expect(records).toBe(1 + count * (mode === 'orchestration' ? 11 : 4))
    expect([marketplace.restarts, marketplace.system.deadLetters.count]).toEqual([0, 0])
    await marketplace.close()
    const journal = store.journal()
    await journal.open()
    const log = await recordsOf(journal)
    expectWholeLog(
      log,
      applications.map(({ applicationId }) => applicationId),
    )
    expect(log).toHaveLength(records)
    await journal.close()
  })
})
