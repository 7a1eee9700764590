import { supervisorControl } from 'troupe'
import { describe, expect, it } from 'vitest'
import type { SubmitResult } from '../../supervisors/answers.ts'
import { kept, MODES, openOn } from './support/marketplaces.ts'
import { golden, lineOf, sample } from './support/sample.ts'
import { newLmdbStore } from './support/stores.ts'
import { expectWholeLog, perApplication, recordsOf } from './support/whole-log.ts'

const applications = sample.slice(0, 600)
const ids = applications.map(({ applicationId }) => applicationId)
const [before, during] = [applications.slice(0, 300), applications.slice(300)]

describe.each(MODES)('by %s', mode => {
  it.each([
    { context: 'risk', stopsAt: 'RiskAssessed' },
    { context: 'premium', stopsAt: 'PremiumRateCalculated' },
  ])('submissions are accepted while the $context context is down, and all catch up when it is back', async down => {
    const store = await kept(newLmdbStore())
    const marketplace = await openOn(store, { mode })
    const contexts = supervisorControl(marketplace.root)
    // The context goes down in the middle of its work.
    const first = Promise.all(before.map(application => marketplace.submit(application)))
    const { journal } = marketplace.store
    while (perApplication(await recordsOf(journal), down.stopsAt).size < 20) await new Promise(setImmediate)
    expect(await contexts.terminateChild(down.context)).toEqual({ ok: true })
    const reached = perApplication(await recordsOf(journal), down.stopsAt).size

    let ended = 0
    const second = during.map(application =>
      marketplace.submit(application).then((result): SubmitResult => {
        ended++
        return result
      }),
    )
    while (perApplication(await recordsOf(journal), 'ApplicationSubmitted').size < applications.length)
      await new Promise(setImmediate)
    await new Promise(resolve => setTimeout(resolve, 200))
    expect(ended).toBe(0)
    expect(perApplication(await recordsOf(journal), down.stopsAt).size).toBe(reached)

    expect(await contexts.restartChild(down.context)).toMatchObject({ ok: true })
    const results = [...(await first), ...(await Promise.all(second))]
    expect(results.map(({ outcome }) => outcome)).toEqual(golden.slice(0, 600).map(({ outcome }) => outcome))
    const views = await Promise.all(ids.map(id => marketplace.describe(id)))
    expect(views.map(lineOf)).toEqual(golden.slice(0, 600))
    await marketplace.settled()
    expectWholeLog(await recordsOf(journal), ids)
    const totals = await marketplace.totals()
    expect([totals.risks, totals.rates]).toEqual([applications.length, applications.length])
    expect((await contexts.whichChildren()).map(({ id, status }) => [id, status])).toEqual([
      ['underwriting', 'up'],
      ['risk', 'up'],
      ['premium', 'up'],
    ])
  })
})

it('refuses submissions while underwriting itself is down, and takes them when it is back', async () => {
  const marketplace = await openOn(await kept(newLmdbStore()))
  const contexts = supervisorControl(marketplace.root)
  const [application = expect.fail('no sample')] = applications
  await contexts.terminateChild('underwriting')
  await expect(marketplace.submit(application)).rejects.toMatchObject({ code: 'BRIDGE_STOPPED' })
  await contexts.restartChild('underwriting')
  expect(await marketplace.submit(application)).toEqual({ outcome: golden[0]?.outcome, known: false })
})
