import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type PremiumTariffVersion,
  premiumTariffOf,
  tariffOf2018,
  tariffOf2021,
} from '../../../actors/tariffs/index.ts'
import type { Risk } from '../../../actors/tariffs/input-domain.ts'
import {
  expectedFrequency,
  expectedSeverity,
  OutsideTariffError,
  purePremiumOf,
} from '../../../actors/tariffs/rating.ts'
import { compileTariff, type FactorData } from '../../../actors/tariffs/tariff.ts'
import { anApplication, someApplication } from '../arbitraries.ts'

describe('the rating rule', () => {
  it('gives the worked example of the tariff: frequency, severity, pure premium', () => {
    const frequency = expectedFrequency(tariffOf2021, anApplication)
    const severity = expectedSeverity(tariffOf2021, anApplication)
    expect(frequency).toBe(0.10835944092502313)
    expect(severity).toBe(2732.417419182891)
    expect(purePremiumOf(frequency, severity)).toBe(296.08322391645265)
  })

  it('gives the same risk the 2018 frequency, with density as a power law', () => {
    expect(Math.abs(expectedFrequency(tariffOf2018, anApplication) - 0.7928548344617989)).toBeLessThan(1e-12)
  })

  it('rates every risk of the input domain, with both versions', () => {
    fc.assert(
      fc.property(someApplication, risk => {
        for (const tariff of [tariffOf2018, tariffOf2021]) {
          const frequency = expectedFrequency(tariff, risk)
          expect(frequency).toBeGreaterThan(0)
          expect(frequency).toBeLessThan(1_000)
        }
        expect(expectedSeverity(tariffOf2021, risk)).toBeGreaterThan(0)
      }),
    )
  })

  const outside: Record<string, unknown>[] = [
    { drivAge: 17 },
    { drivAge: 101 },
    { drivAge: 40.5 },
    { drivAge: '40' },
    { drivAge: Number.NaN },
    { vehAge: -1 },
    { vehAge: 101 },
    { vehPower: 3 },
    { vehPower: 16 },
    { bonusMalus: 49 },
    { bonusMalus: 351 },
    { density: 0 },
    { density: 27_001 },
    { area: 'G' },
    { vehBrand: 'B99' },
    { vehBrand: '__proto__' },
    { vehGas: 'Electric' },
    { region: 'r24' },
    { region: undefined },
  ]
  it.each(outside)('refuses %o instead of taking relativity 1', change => {
    const risk = { ...anApplication, ...change } as unknown as Risk
    for (const tariff of [tariffOf2018, tariffOf2021])
      expect(() => expectedFrequency(tariff, risk)).toThrow(OutsideTariffError)
  })

  it('refuses a severity outside the domain, naming field and value', () => {
    expect(() => expectedSeverity(tariffOf2021, { ...anApplication, vehAge: 101 })).toThrow(
      new OutsideTariffError("vehAge: 101 is outside the tariff's domain"),
    )
  })
})

describe('a tariff', () => {
  it('is found by its version, and no other one in its place', () => {
    expect(premiumTariffOf('fremtpl2-glm1-2021.1')).toBe(tariffOf2021)
    expect(() => premiumTariffOf('fremtpl2-glm1-2018.1' as PremiumTariffVersion)).toThrow(RangeError)
  })

  const factors: FactorData[] = [
    { field: 'drivAge', kind: 'steps', steps: [[19, 1.5]] },
    { field: 'drivAge', kind: 'steps', steps: [[17, 1.5]] },
    { field: 'bonusMalus', kind: 'run', from: 51, relativities: [1.5] },
    { field: 'bonusMalus', kind: 'run', from: 49, relativities: [1.5, 1.6] },
    { field: 'density', kind: 'power', reference: 0, power: -1 },
    { field: 'vehGas', kind: 'categories', relativities: { Diesel: 1.5 } },
    { field: 'vehGas', kind: 'categories', relativities: { Diesel: 1.5, Regular: 1, Electric: 1 } },
    { field: 'vehGas', kind: 'categories', relativities: { Diesel: 1.5, Regular: 0 } },
  ]
  it.each(factors)('is refused where a factor and the input domain differ: %o', factor => {
    expect(() => compileTariff({ version: 'x', baseFrequency: 1, frequencyFactors: [factor] })).toThrow(RangeError)
  })
})
