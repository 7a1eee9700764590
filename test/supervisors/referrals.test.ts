import { describe, expect, it } from 'vitest'
import { QUOTE_VALID_MS } from '../../actors/index.ts'
import { systemClock } from '../../src/base/ports.ts'
import { kept, MODES, openOn } from './support/marketplaces.ts'
import { quotable } from './support/sample.ts'
import { newLmdbStore } from './support/stores.ts'
import { recordsOf } from './support/whole-log.ts'

const strong = quotable({ vehPower: 12 })
const accept = { applicationId: 'A-1', decision: 'accept', underwriter: 'desk 4', reason: 'seen the car' } as const
const decline = { ...accept, decision: 'decline' } as const

describe.each(MODES)('by %s, a referred application', mode => {
  const referred = async () => {
    const store = await kept(newLmdbStore())
    const marketplace = await openOn(store, { mode })
    expect(await marketplace.submit(strong)).toEqual({ outcome: 'referred', known: false })
    const { rate } = await marketplace.describe('A-1')
    await marketplace.close()
    // Days may pass before an underwriter looks at it.
    const nowMs = Date.now() + 5 * 86_400_000
    const later = await openOn(store, { ports: { clock: { ...systemClock, nowMs: () => nowMs } } })
    expect(await later.describe('A-1')).toMatchObject({ status: 'referred', reasons: ['power-12-or-more'] })
    return { marketplace: later, nowMs, rate, store }
  }

  it('that is accepted is a quote at its rate, valid for 30 days from then', async () => {
    const { marketplace, nowMs, rate } = await referred()
    const { records } = marketplace
    expect(await marketplace.decideReferral(accept)).toEqual({ outcome: 'quoted' })
    expect(await marketplace.describe('A-1')).toMatchObject({
      status: 'quoted',
      rate,
      reasons: [],
      validUntilMs: nowMs + QUOTE_VALID_MS,
      underwriter: 'desk 4',
      underwriterReason: 'seen the car',
    })
    expect(QUOTE_VALID_MS).toBe(30 * 86_400_000)
    expect(await marketplace.submit(strong)).toEqual({ outcome: 'quoted', known: true })
    // The same word again is the same; another one comes too late.
    expect(await marketplace.decideReferral(accept)).toEqual({ outcome: 'quoted' })
    expect(await marketplace.decideReferral(decline)).toEqual({ outcome: 'rejected', reasons: ['not-referred'] })
    await marketplace.settled()
    const added = (await recordsOf(marketplace.store.journal)).slice(records)
    expect(added.map(({ type }) => type)).toEqual(['QuoteGenerated'])
  })

  it('that is declined stays so, with the underwriter and the reason', async () => {
    const { marketplace, store } = await referred()
    expect(await marketplace.decideReferral(decline)).toEqual({ outcome: 'declined' })
    await marketplace.close()
    const again = await openOn(store)
    expect(await again.describe('A-1')).toMatchObject({
      status: 'declined',
      reasons: ['declined-by-underwriter'],
      validUntilMs: null,
      underwriter: 'desk 4',
    })
    expect(await again.submit(strong)).toEqual({ outcome: 'declined', known: true })
  })
})

it('refuses a word on what is not referred, not there, or not said in full', async () => {
  const marketplace = await openOn(await kept(newLmdbStore()))
  expect(await marketplace.decideReferral(accept)).toEqual({ outcome: 'rejected', reasons: ['not-submitted'] })
  await marketplace.submit(quotable())
  expect(await marketplace.decideReferral(accept)).toEqual({ outcome: 'rejected', reasons: ['not-referred'] })
  expect(await marketplace.decideReferral({ ...accept, underwriter: ' ', reason: '' })).toEqual({
    outcome: 'rejected',
    reasons: [expect.stringContaining('underwriter'), expect.stringContaining('reason')],
  })
})
