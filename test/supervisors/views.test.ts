import { memoryViews } from 'troupe/projection'
import { describe, expect, it } from 'vitest'
import type { Marketplace } from '../../supervisors/marketplace.ts'
import { auditPrefix } from '../../supervisors/views/audit.ts'
import { stepAt } from '../../supervisors/views/processes.ts'
import { kept, MODES, openOn } from './support/marketplaces.ts'
import { quotable, sample } from './support/sample.ts'
import { newMemoryStore } from './support/stores.ts'

const caughtUp = async (marketplace: Marketplace): Promise<void> => {
  await marketplace.settled()
  for (const view of Object.values(marketplace.views!))
    for (let partition = 0; partition < marketplace.store.journal.partitions; partition++)
      await view.reached({ partition, position: marketplace.store.lastPosition(partition) })
}

describe.each(MODES)('by %s', mode => {
  const opened = async (): Promise<Marketplace> => openOn(await kept(newMemoryStore(4)), { mode, views: memoryViews() })

  it('the views say what the actors say', async () => {
    const marketplace = await opened()
    const applications = sample.slice(0, 120)
    await Promise.all(applications.map(application => marketplace.submit(application)))
    await caughtUp(marketplace)
    const views = marketplace.views!
    for (const { applicationId } of applications) {
      const { status, reasons, rate, validUntilMs } = await marketplace.describe(applicationId)
      expect(await views.quotes.get(applicationId)).toMatchObject({
        applicationId,
        status,
        reasons,
        validUntilMs,
        ttcCents: rate!.ttcCents,
      })
    }
    const totals = await marketplace.totals()
    const { rows } = await views.regions.range('region')
    const sum = (field: 'risks' | 'ttcCents' | 'rates'): number => rows.reduce((all, row) => all + row[field], 0)
    expect(sum('risks')).toBe(120)
    expect(sum('rates')).toBe(120)
    expect(sum('ttcCents')).toBe(totals.ttcCents)
    expect((await views.processes.range('step', { prefix: 'ended|', limit: 1_000 })).rows).toHaveLength(120)
    expect((await views.processes.range('step', { to: 'ended|' })).rows).toHaveLength(0)
  })

  it('what waits for an underwriter is there until it is decided or withdrawn', async () => {
    const marketplace = await opened()
    const ids = ['A-1', 'A-2', 'A-3']
    for (const applicationId of ids) await marketplace.submit(quotable({ applicationId, vehPower: 12 }))
    await caughtUp(marketplace)
    const { referrals, quotes } = marketplace.views!
    expect((await referrals.range('age')).rows.map(row => row.applicationId)).toEqual(ids)
    const word = { decision: 'accept', underwriter: 'desk 4', reason: 'seen the car' } as const
    await marketplace.decideReferral({ applicationId: 'A-1', ...word })
    await marketplace.withdraw({ applicationId: 'A-2', reason: 'sold the car' })
    await referrals.reached(marketplace.placeOf('A-1'))
    await caughtUp(marketplace)
    expect((await referrals.range('age')).rows.map(row => row.applicationId)).toEqual(['A-3'])
    expect(await quotes.get('A-1')).toMatchObject({ status: 'quoted', underwriter: 'desk 4' })
    expect(await quotes.get('A-2')).toMatchObject({ status: 'withdrawn', reasons: ['sold the car'] })
  })

  it('the audit trail says who, when and why, and its causes lead back to the submission', async () => {
    const marketplace = await opened()
    // An id may be any text, also one that means something to an index.
    const applicationId = 'A\0|1'
    await marketplace.submit(quotable({ applicationId, vehPower: 12 }))
    await marketplace.decideReferral({ applicationId, decision: 'decline', underwriter: 'desk 4', reason: 'no' })
    await caughtUp(marketplace)
    const { rows } = await marketplace.views!.audit.range('application', { prefix: auditPrefix(applicationId) })
    expect(rows.filter(row => row.record === 'event').map(row => row.type)).toEqual([
      'ApplicationSubmitted',
      'RiskAssessed',
      'PremiumRateCalculated',
      'ApplicationReferred',
      'ApplicationDeclined',
    ])
    expect(rows.filter(row => row.record === 'command')).toHaveLength(mode === 'orchestration' ? 3 : 0)
    expect(rows.at(-1)).toMatchObject({ who: 'desk 4', why: ['no'], causationId: null })
    const byId = new Map(rows.map(row => [row.recordId, row]))
    for (const row of rows)
      if (row.causationId !== null) expect(byId.get(row.causationId)?.applicationId).toBe(applicationId)
    const underwriter = auditPrefix('desk 4')
    expect((await marketplace.views!.audit.range('underwriter', { prefix: underwriter })).rows).toHaveLength(1)
  })
})

it('a process is seen at the step that it was at then', () => {
  const row = { applicationId: 'A-1', submittedAtMs: 10, riskAtMs: 20, rateAtMs: 30, endedAtMs: 40 }
  const steps = [9, 10, 20, 30, 40].map(timeMs => stepAt(row, timeMs))
  expect(steps).toEqual([null, 'assessing-risk', 'calculating-rate', 'evaluating-quote', 'ended'])
})
