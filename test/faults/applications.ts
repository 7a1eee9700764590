import type { Random } from 'troupe'
import type { Application } from '../../actors/index.ts'
import { AREAS, RANGES, VEH_BRANDS, VEH_GASES, type WholeField } from '../../actors/tariffs/input-domain.ts'

export const REGIONS = ['R24', 'R53', 'R93'] as const

/** So many applications for a few regions, which so have long histories. */
export const drawApplications = (random: Random, count: number): readonly Application[] => {
  const one = <Item>(items: readonly Item[]): Item => items[Math.floor(random.next() * items.length)] as Item
  const whole = (field: WholeField): number => {
    const { min, max } = RANGES[field]
    return min + Math.floor(random.next() * (max - min + 1))
  }
  return Array.from({ length: count }, (_, i) => ({
    applicationId: `A-${i}`,
    area: one(AREAS),
    vehPower: whole('vehPower'),
    vehAge: whole('vehAge'),
    drivAge: whole('drivAge'),
    bonusMalus: whole('bonusMalus'),
    vehBrand: one(VEH_BRANDS),
    vehGas: one(VEH_GASES),
    density: whole('density'),
    region: one(REGIONS),
  }))
}
