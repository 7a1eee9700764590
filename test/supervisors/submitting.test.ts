import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { someApplicationId } from '../actors/arbitraries.ts'
import { kept, MODES, openOn } from './support/marketplaces.ts'
import { quotable } from './support/sample.ts'
import { newLmdbStore, newMemoryStore } from './support/stores.ts'
import { expectWholeLog, recordsOf } from './support/whole-log.ts'

describe.each(MODES)('by %s', mode => {
  it('gives an application that is submitted again its outcome, and stores nothing', async () => {
    const store = await kept(newLmdbStore())
    const first = await openOn(store, { mode })
    expect(await first.submit(quotable())).toEqual({ outcome: 'quoted', known: false })
    await first.settled()
    const { records } = first
    expect(await first.submit(quotable())).toEqual({ outcome: 'quoted', known: true })
    await first.settled()
    expect(first.records).toBe(records)
    await first.close()

    const second = await openOn(store)
    expect(second.mode).toBe(mode)
    expect(await second.submit(quotable())).toEqual({ outcome: 'quoted', known: true })
    await second.settled()
    expect(second.records).toBe(records)
  })

  it('rejects other content under an id that is taken, whether decided or under way', async () => {
    const marketplace = await openOn(await kept(newMemoryStore()), { mode })
    const rejected = { outcome: 'rejected', reasons: ['other-content'] }
    const results = await Promise.all([
      marketplace.submit(quotable()),
      marketplace.submit(quotable({ drivAge: 63 })),
      marketplace.submit(quotable()),
    ])
    expect(results).toEqual([{ outcome: 'quoted', known: false }, rejected, { outcome: 'quoted', known: false }])
    expect(await marketplace.submit(quotable({ region: 'R11' }))).toEqual(rejected)
    expect((await marketplace.describe('A-1')).application).toEqual(quotable())
  })

  it('never gives other content the outcome of the application that has its id, at whatever moment it comes', async () => {
    const marketplace = await openOn(await kept(newMemoryStore()), { mode })
    for (let turns = 0; turns < 60; turns++) {
      const applicationId = `A-${turns}`
      const submitted = marketplace.submit(quotable({ applicationId }))
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      const other = await marketplace.submit(quotable({ applicationId, drivAge: 63 }))
      expect(other, `after ${turns} turns`).toEqual({ outcome: 'rejected', reasons: ['other-content'] })
      expect(await submitted).toEqual({ outcome: 'quoted', known: false })
    }
  })

  it('decides once what is submitted many times at once, and tells everyone', async () => {
    const store = await kept(newLmdbStore())
    const marketplace = await openOn(store, { mode })
    const ids = Array.from({ length: 20 }, (_, i) => `A-${i}`)
    const results = await Promise.all(
      Array.from({ length: 10 }, () => ids)
        .flat()
        .map(applicationId => marketplace.submit(quotable({ applicationId }))),
    )
    expect(results.every(({ outcome }) => outcome === 'quoted')).toBe(true)
    await marketplace.settled()
    expectWholeLog(await recordsOf(marketplace.store.journal), ids)
  })

  it('takes ids of any well-formed text, and tells them apart', async () => {
    const ids = [
      ...[
        '__proto__',
        'constructor',
        'a|b',
        'a/b',
        '../x',
        ' ',
        'ä',
        'a\u0308',
        '\0',
        '\n',
        '😀',
        "'; DROP TABLE",
        '{x}',
      ],
      ...['R24', 'R24@fremtpl2-glm1-2021.1', 'settings', 'application|A-1', 'x'.repeat(128), '語'.repeat(128)],
      ...fc.sample(someApplicationId, { numRuns: 100, seed: 7 }),
    ]
    const distinct = [...new Set(ids)]
    const store = await kept(newLmdbStore())
    const marketplace = await openOn(store, { mode })
    const results = await Promise.all(
      distinct.map((applicationId, i) => marketplace.submit(quotable({ applicationId, density: i + 1 }))),
    )
    expect(results.filter(({ outcome }) => outcome !== 'quoted')).toEqual([])
    await marketplace.close()
    const again = await openOn(store)
    for (const [i, applicationId] of distinct.entries())
      expect((await again.describe(applicationId)).application).toEqual(quotable({ applicationId, density: i + 1 }))
    await again.settled()
    expectWholeLog(await recordsOf(again.store.journal), distinct)
  })
})

it('rejects what is not valid with an error per field, and stores nothing of it', async () => {
  const marketplace = await openOn(await kept(newMemoryStore()))
  const { records } = marketplace
  const { region: _, ...withoutRegion } = quotable()
  const reasonsOf = async (input: unknown): Promise<readonly string[]> => {
    const result = await marketplace.submit(input)
    return result.outcome === 'rejected' ? result.reasons : expect.fail(result.outcome)
  }
  expect(await reasonsOf({ ...quotable(), drivAge: 17 })).toEqual(['DrivAge: 17 is outside 18 to 100'])
  expect(await reasonsOf({ ...quotable(), drivAge: 40.5, vehBrand: 'B99' })).toEqual([
    'DrivAge: 40.5 is not a whole number',
    'VehBrand: unknown "B99"',
  ])
  expect(await reasonsOf(withoutRegion)).toEqual(['Region: missing'])
  expect(await reasonsOf({ ...quotable(), applicationId: 'x'.repeat(129) })).toEqual([
    'ApplicationId: 129 characters, at most 128 are allowed',
  ])
  expect(await reasonsOf({ ...quotable(), applicationId: '\ud800' })).toEqual([expect.stringContaining('well-formed')])
  for (const nothing of [null, undefined, 'A-1', 42, [], () => 1, Symbol('A-1')])
    expect((await reasonsOf(nothing)).length).toBeGreaterThan(0)
  expect((await reasonsOf({ ...quotable(), applicationId: Symbol('A-1') })).length).toBe(1)
  expect((await reasonsOf({ ...quotable(), applicationId: Object.create(null) })).length).toBe(1)
  await marketplace.settled()
  expect(marketplace.records).toBe(records)
  expect((await marketplace.describe('A-1')).status).toBe('unknown')
})

it('tells whoever waits when it stops, and has what was stored at the next start', async () => {
  const store = await kept(newLmdbStore())
  const never = new Promise<void>(() => undefined)
  const first = await openOn(store, { riskEnquiry: () => never })
  const waiting = first.submit(quotable())
  while ((await first.describe('A-1')).status !== 'submitted') await Promise.resolve()
  await Promise.all([expect(waiting).rejects.toMatchObject({ code: 'ACTOR_STOPPED' }), first.close()])
  await expect(first.submit(quotable())).rejects.toMatchObject({ code: 'BRIDGE_STOPPED' })

  const second = await openOn(store)
  expect((await second.submit(quotable())).outcome).toBe('quoted')
})

it('refuses to open a store in the other mode, and leaves it as it was', async () => {
  const store = await kept(newLmdbStore())
  const first = await openOn(store, { mode: 'choreography' })
  await first.submit(quotable())
  await first.close()
  await expect(openOn(store, { mode: 'orchestration' })).rejects.toMatchObject({ name: 'ModeMismatch' })
  const second = await openOn(store)
  expect([second.mode, await second.submit(quotable())]).toEqual(['choreography', { outcome: 'quoted', known: true }])
})
