import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grossPremium } from '../../../actors/tariffs/gross-premium.ts'
import { tariffOf2021 } from '../../../actors/tariffs/index.ts'
import { cents } from '../../../actors/tariffs/money.ts'

const somePurePremium = fc.double({ min: 0, max: 1e6, noNaN: true })
const roundHalfUp = (numerator: bigint, denominator: bigint): number =>
  Number((2n * numerator + denominator) / (2n * denominator))

describe('the gross premium', () => {
  it('is that of the worked example', () => {
    expect(grossPremium(tariffOf2021, 296.08322391645265)).toEqual({
      htCents: 43_735,
      tcaCents: 14_433,
      fgaoCents: 525,
      fgaoExtraCents: 350,
      ttcCents: 59_043,
    })
  })

  it('is in whole cents, its parts rounded half up one by one, and ends in their sum', () => {
    fc.assert(
      fc.property(somePurePremium, purePremium => {
        const gross = grossPremium(tariffOf2021, purePremium)
        const ht = BigInt(gross.htCents)
        expect(gross.tcaCents).toBe(roundHalfUp(33n * ht, 100n))
        expect(gross.fgaoCents).toBe(roundHalfUp(12n * ht, 1_000n))
        expect(gross.fgaoExtraCents).toBe(roundHalfUp(8n * ht, 1_000n))
        expect(gross.ttcCents).toBe(gross.htCents + gross.tcaCents + gross.fgaoCents + gross.fgaoExtraCents)
        expect(Math.abs(gross.htCents - (100 * purePremium) / 0.677)).toBeLessThanOrEqual(0.5 + 1e-6)
      }),
    )
  })

  it('never falls when the pure premium rises', () => {
    fc.assert(
      fc.property(somePurePremium, somePurePremium, (a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a]
        expect(grossPremium(tariffOf2021, less).ttcCents).toBeLessThanOrEqual(grossPremium(tariffOf2021, more).ttcCents)
      }),
    )
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1, 1e13])('refuses a pure premium of %d', purePremium => {
    expect(() => grossPremium(tariffOf2021, purePremium)).toThrow(RangeError)
  })
})

describe('an amount in cents', () => {
  it('is a whole number from 0 to 90 trillion', () => {
    expect(cents(0)).toBe(0)
    expect(cents(90_000_000_000_000)).toBe(90_000_000_000_000)
  })

  it.each([-1, 0.5, 90_000_000_000_001, Number.NaN, Number.POSITIVE_INFINITY])('is not %d', amount => {
    expect(() => cents(amount)).toThrow(RangeError)
  })
})
