import { expect, it } from 'vitest'
import type { ApplicationView, AssessRisk } from '../../actors/index.ts'
import type { Marketplace } from '../../supervisors/marketplace.ts'
import { kept, MODES, openOn } from './support/marketplaces.ts'
import { golden, lineOf, sample } from './support/sample.ts'
import { newLmdbStore } from './support/stores.ts'
import { expectWholeLog, perApplication, recordsOf } from './support/whole-log.ts'

const SLOW_MS = 12_000

/** Enough of one region that the slow one stands in the middle of the others. */
const region = sample.filter(application => application.region === 'R24').slice(0, 400)
const slow = region[150] ?? expect.fail('the sample has too few of that region')
const others = region.filter(application => application !== slow)
const ids = region.map(({ applicationId }) => applicationId)

const isSlow = (command: AssessRisk): boolean => command.applicationId === slow.applicationId

const expectedOf = (views: readonly ApplicationView[]): unknown =>
  views.map(view => golden.find(({ id }) => id === view.applicationId))

const expectAllDecided = async (marketplace: Marketplace): Promise<void> => {
  const views = await Promise.all(ids.map(id => marketplace.describe(id)))
  expect(views.map(lineOf)).toEqual(expectedOf(views))
  await marketplace.settled()
  expectWholeLog(await recordsOf(marketplace.store.journal), ids)
  const own = (await marketplace.totals()).regions.find(totals => totals.region === 'R24')
  expect([own?.accumulation.risks, own?.premiums.rates]).toEqual([region.length, region.length])
}

/** Both modes at once, since it takes its time. */
it('a risk assessment of 12 seconds delays its own application only, in both modes, and is delivered once', {
  timeout: 40_000,
}, async () => {
  await Promise.all(
    MODES.map(async mode => {
      let asked = 0
      let answered = false
      const marketplace = await openOn(await kept(newLmdbStore()), {
        mode,
        // Shorter than the enquiry: the actors of its application and its region are passivated and come back.
        passivateAfterMs: 2_000,
        riskEnquiry: command => {
          if (!isSlow(command)) return null
          asked++
          return new Promise(resolve =>
            setTimeout(() => {
              answered = true
              resolve()
            }, SLOW_MS),
          )
        },
      })
      const startMs = performance.now()
      const slowResult = marketplace.submit(slow)
      await Promise.all(others.map(application => marketplace.submit(application)))
      expect(answered).toBe(false)
      expect((await marketplace.describe(slow.applicationId)).status).toBe('submitted')
      const log = await recordsOf(marketplace.store.journal)
      expect(perApplication(log, 'RiskAssessed').size).toBe(others.length)

      await slowResult
      expect(performance.now() - startMs).toBeGreaterThan(SLOW_MS - 10)
      expect(asked).toBe(1)
      await expectAllDecided(marketplace)
    }),
  )
})

it.each(MODES)('by %s, a risk assessment that a restart interrupts is asked for again, and stored once', async mode => {
  const store = await kept(newLmdbStore())
  let asked = 0
  let answerFirst = (): void => undefined
  const first = await openOn(store, {
    mode,
    snapshotEvery: 50,
    riskEnquiry: command => {
      if (!isSlow(command)) return null
      asked++
      return new Promise(resolve => {
        answerFirst = resolve
      })
    },
  })
  const interrupted = first.submit(slow).catch((error: unknown) => error)
  await Promise.all(others.slice(0, 300).map(application => first.submit(application)))
  await first.close()
  expect(await interrupted).toMatchObject({ code: 'ACTOR_STOPPED' })
  expect(asked).toBe(1)

  const second = await openOn(store, {
    snapshotEvery: 50,
    riskEnquiry: command => {
      if (!isSlow(command)) return null
      asked++
      return Promise.resolve()
    },
  })
  // What the first one asked for is answered after all, to nobody.
  answerFirst()
  await Promise.all(others.slice(300).map(application => second.submit(application)))
  await second.submit(slow)
  expect(asked).toBe(2)
  await expectAllDecided(second)
  expect(second.recovered.fromSnapshot).toBeGreaterThan(0)
})
