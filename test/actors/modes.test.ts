import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { someApplication } from './arbitraries.ts'
import { Marketplace } from './marketplace.ts'

describe('the two modes', () => {
  it('give the same application the same outcome', () => {
    fc.assert(
      fc.property(someApplication, application => {
        const choreographed = new Marketplace('choreography').submit(application)
        expect(choreographed.status).not.toBe('submitted')
        expect(new Marketplace('orchestration').submit(application)).toEqual(choreographed)
      }),
    )
  })

  it('write per quote: four events with choreography; seven more records with orchestration, in this order', () => {
    const written = (mode: 'choreography' | 'orchestration'): string[] => {
      const marketplace = new Marketplace(mode)
      marketplace.submit(fc.sample(someApplication, { numRuns: 1, seed: 1 })[0] ?? expect.fail())
      return marketplace.log.map(({ event, outgoing }) => event?.type ?? `> ${outgoing?.to}`)
    }
    const [outcome = ''] = written('choreography').slice(-1)
    expect(written('choreography')).toEqual(['ApplicationSubmitted', 'RiskAssessed', 'PremiumRateCalculated', outcome])
    expect(written('orchestration')).toEqual([
      'ApplicationSubmitted',
      ...['ProcessStarted', '> risk', 'RiskAssessed'],
      ...['RiskNoted', '> premium', 'PremiumRateCalculated'],
      ...['RateNoted', '> underwriting', outcome, 'ProcessEnded'],
    ])
  })

  it('send each command to the entity that it is for', () => {
    fc.assert(
      fc.property(
        someApplication,
        fc.constantFrom('choreography' as const, 'orchestration' as const),
        (request, mode) => {
          const marketplace = new Marketplace(mode)
          marketplace.submit(request)
          const version = 'fremtpl2-glm1-2021.1'
          expect(marketplace.entity('application', request.applicationId).events).toHaveLength(2)
          expect(marketplace.entity('risk', request.region).events).toHaveLength(1)
          expect(marketplace.entity('premium', `${request.region}@${version}`).events).toHaveLength(1)
          const steps = mode === 'choreography' ? 0 : 4
          expect(marketplace.entity('quote-process', request.applicationId).events).toHaveLength(steps)
        },
      ),
    )
  })
})
