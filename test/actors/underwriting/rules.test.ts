import { expect, it } from 'vitest'
import { UNDERWRITING_RULES_VERSION, underwrite } from '../../../actors/underwriting/rules.ts'
import { anApplication } from '../arbitraries.ts'

it('has a version', () => {
  expect(UNDERWRITING_RULES_VERSION).toBe('underwriting-rules-1')
})

it('quotes where no rule applies', () => {
  expect(underwrite(anApplication, 1_000)).toEqual({ outcome: 'quoted' })
})

it.each([
  ['bonusMalus', 200, 201, 'bonus-malus-above-200'],
  ['drivAge', 90, 91, 'driver-over-90'],
] as const)('declines from %s %d exclusively on', (field, last, first, reason) => {
  expect(underwrite({ ...anApplication, [field]: last }, 0).outcome).toBe('referred')
  expect(underwrite({ ...anApplication, [field]: first }, 0)).toEqual({ outcome: 'declined', reasons: [reason] })
})

it.each([
  ['bonusMalus', 100, 101, 'bonus-malus-above-100'],
  ['drivAge', 21, 20, 'driver-of-20-or-less'],
  ['drivAge', 80, 81, 'driver-over-80'],
  ['vehAge', 20, 21, 'car-older-than-20-years'],
  ['vehPower', 11, 12, 'power-12-or-more'],
] as const)('refers by %s: %d not yet, %d', (field, notYet, applies, reason) => {
  expect(underwrite({ ...anApplication, [field]: notYet }, 0).outcome).toBe('quoted')
  expect(underwrite({ ...anApplication, [field]: applies }, 0)).toEqual({ outcome: 'referred', reasons: [reason] })
})

it('refers by a pure premium above 1,000', () => {
  expect(underwrite(anApplication, 1_000.0000000001)).toEqual({
    outcome: 'referred',
    reasons: ['pure-premium-above-1000'],
  })
})

it('lists all reasons of the outcome’s kind, in the rules’ order, and no others', () => {
  const referred = { ...anApplication, bonusMalus: 200, drivAge: 90, vehAge: 21, vehPower: 12 }
  expect(underwrite(referred, 1_001)).toEqual({
    outcome: 'referred',
    reasons: [
      'bonus-malus-above-100',
      'driver-over-80',
      'car-older-than-20-years',
      'power-12-or-more',
      'pure-premium-above-1000',
    ],
  })
  expect(underwrite({ ...referred, bonusMalus: 201, drivAge: 91 }, 1_001)).toEqual({
    outcome: 'declined',
    reasons: ['bonus-malus-above-200', 'driver-over-90'],
  })
})
