import { expect, it } from 'vitest'
import { type CalculatePremiumRate, premium, premiumIdOf } from '../../../actors/index.ts'
import { Entity } from '../entity.ts'

const calculate: CalculatePremiumRate = {
  type: 'CalculatePremiumRate',
  applicationId: 'A-1',
  region: 'R53',
  drivAge: 62,
  vehAge: 0,
  bonusMalus: 90,
  expectedFrequency: 0.10835944092502313,
  tariffVersion: 'fremtpl2-glm1-2021.1',
}

it('is one entity per region and tariff version', () => {
  expect(premiumIdOf('R53', 'fremtpl2-glm1-2021.1')).toBe('R53@fremtpl2-glm1-2021.1')
})

it('calculates severity, pure premium and the amounts in cents', () => {
  const entity = new Entity(premium, premiumIdOf('R53', 'fremtpl2-glm1-2021.1'))
  const { reply } = entity.handle(calculate)
  const rate = {
    type: 'PremiumRateCalculated',
    applicationId: 'A-1',
    expectedFrequency: 0.10835944092502313,
    expectedSeverity: 2732.417419182891,
    purePremium: 296.08322391645265,
    htCents: 43_735,
    tcaCents: 14_433,
    fgaoCents: 525,
    fgaoExtraCents: 350,
    ttcCents: 59_043,
    tariffVersion: 'fremtpl2-glm1-2021.1',
  }
  expect(entity.events).toEqual([rate])
  expect(reply).toEqual({ type: 'calculated', rate })
})

it('totals what its region would pay', () => {
  const entity = new Entity(premium, 'R53@fremtpl2-glm1-2021.1')
  entity.handle(calculate)
  entity.handle({ ...calculate, applicationId: 'A-2' })
  expect(entity.handle({ type: 'DescribePremiums' })).toEqual({
    events: [],
    reply: {
      type: 'totals',
      totals: { rates: 2, purePremium: 2 * 296.08322391645265, htCents: 87_470, ttcCents: 118_086 },
    },
  })
})

it('takes a snapshot every 100 records', () => {
  expect(premium.snapshot).toEqual({ every: 100, keep: 2 })
})

it('crashes on a tariff version that it does not have, rather than take another', () => {
  const command = { ...calculate, tariffVersion: 'fremtpl2-glm1-2018.1' } as unknown as CalculatePremiumRate
  expect(() => new Entity(premium, 'x').handle(command)).toThrow('no tariff "fremtpl2-glm1-2018.1" in this build')
})
