/** What can be rated at all: every tariff here has a relativity for each of these values, and for no other. */

export const AREAS = ['A', 'B', 'C', 'D', 'E', 'F'] as const
export const VEH_BRANDS = ['B1', 'B2', 'B3', 'B4', 'B5', 'B6', 'B10', 'B11', 'B12', 'B13', 'B14'] as const
export const VEH_GASES = ['Diesel', 'Regular'] as const
/** French regions by the codes in force until 2015. */
// biome-ignore format: as on a map of codes, not one a line
export const REGIONS = [
  'R11', 'R21', 'R22', 'R23', 'R24', 'R25', 'R26', 'R31', 'R41', 'R42', 'R43',
  'R52', 'R53', 'R54', 'R72', 'R73', 'R74', 'R82', 'R83', 'R91', 'R93', 'R94',
] as const

export type Area = (typeof AREAS)[number]
export type VehBrand = (typeof VEH_BRANDS)[number]
export type VehGas = (typeof VEH_GASES)[number]
export type Region = (typeof REGIONS)[number]

/** Whole numbers from `min` to `max`, both included. */
export interface WholeRange {
  readonly min: number
  readonly max: number
}

/** **Units**: years, years, tax horsepower class, percent of the base premium, inhabitants per km². */
export const RANGES = {
  drivAge: { min: 18, max: 100 },
  vehAge: { min: 0, max: 100 },
  vehPower: { min: 4, max: 15 },
  bonusMalus: { min: 50, max: 350 },
  density: { min: 1, max: 27_000 },
} as const satisfies Record<string, WholeRange>

export const CATEGORIES = {
  area: AREAS,
  vehBrand: VEH_BRANDS,
  vehGas: VEH_GASES,
  region: REGIONS,
} as const satisfies Record<string, readonly string[]>

export type WholeField = keyof typeof RANGES
export type CategoryField = keyof typeof CATEGORIES

export type SeverityRisk = Readonly<Record<'drivAge' | 'vehAge' | 'bonusMalus', number>>

/** What a tariff looks at. */
export interface Risk {
  readonly area: Area
  readonly vehPower: number
  readonly vehAge: number
  readonly drivAge: number
  readonly bonusMalus: number
  readonly vehBrand: VehBrand
  readonly vehGas: VehGas
  readonly density: number
  readonly region: Region
}
