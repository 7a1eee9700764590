import fc from 'fast-check'
import type { Application } from '../../actors/index.ts'
import { AREAS, RANGES, REGIONS, VEH_BRANDS, VEH_GASES, type WholeField } from '../../actors/tariffs/input-domain.ts'

const whole = (field: WholeField): fc.Arbitrary<number> => fc.integer(RANGES[field])

export const someApplicationId = fc.string({ unit: 'binary', minLength: 1, maxLength: 64 })

export const someApplication: fc.Arbitrary<Application> = fc.record({
  applicationId: someApplicationId,
  area: fc.constantFrom(...AREAS),
  vehPower: whole('vehPower'),
  vehAge: whole('vehAge'),
  drivAge: whole('drivAge'),
  bonusMalus: whole('bonusMalus'),
  vehBrand: fc.constantFrom(...VEH_BRANDS),
  vehGas: fc.constantFrom(...VEH_GASES),
  density: whole('density'),
  region: fc.constantFrom(...REGIONS),
})

/** An ordinary one, quoted by the rules; tests change what they are about. */
export const anApplication: Application = {
  applicationId: 'A-1',
  area: 'A',
  vehPower: 6,
  vehAge: 0,
  drivAge: 62,
  bonusMalus: 90,
  vehBrand: 'B12',
  vehGas: 'Regular',
  density: 49,
  region: 'R53',
}
