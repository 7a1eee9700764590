/**
 * A tariff as it is written down (`TariffData`) and as it rates (`Tariff`): per factor one look-up for every value of the
 * input domain, built once. A value that is not in it is outside the domain; there is no default.
 */

import {
  CATEGORIES,
  type CategoryField,
  RANGES,
  type Risk,
  type SeverityRisk,
  type WholeField,
} from './input-domain.ts'

/** A level of whole numbers: from this value up to the next level's first, the last one to the domain's end. */
export type Step = readonly [from: number, relativity: number]

export type FactorData<Field extends keyof Risk = keyof Risk> =
  | { readonly field: Field & WholeField; readonly kind: 'steps'; readonly steps: readonly Step[] }
  /** One level per whole number from `from` on; the last one reaches to the domain's end. */
  | {
      readonly field: Field & WholeField
      readonly kind: 'run'
      readonly from: number
      readonly relativities: readonly number[]
    }
  /** `(value / reference) ** power` */
  | { readonly field: Field & WholeField; readonly kind: 'power'; readonly reference: number; readonly power: number }
  | {
      readonly field: Field & CategoryField
      readonly kind: 'categories'
      readonly relativities: Readonly<Record<string, number>>
    }

export interface TariffData<Version extends string = string> {
  readonly version: Version
  /** **Units**: claims per vehicle-year of the reference risk. */
  readonly baseFrequency: number
  /** In the order of multiplication. */
  readonly frequencyFactors: readonly FactorData[]
}

/** A tariff that goes on from frequency to premium. */
export interface PremiumTariffData<Version extends string = string> extends TariffData<Version> {
  readonly severity: {
    /** **Units**: EUR per claim of the reference risk. */
    readonly base: number
    readonly factors: readonly FactorData<keyof SeverityRisk>[]
    /** What the cap on claims, under which the factors were fitted, cuts off on average. */
    readonly largeLossFactor: number
  }
  /** Shares of the gross premium without taxes. */
  readonly gross: GrossRatios
}

export interface GrossRatios {
  readonly expenseRatio: number
  readonly profitRatio: number
}

export interface Factor<Field extends keyof Risk = keyof Risk> {
  readonly field: Field
  /** Undefined for what is outside the input domain. */
  readonly relativityOf: (value: string | number) => number | undefined
}

export interface Tariff<Version extends string = string> {
  readonly version: Version
  readonly baseFrequency: number
  readonly frequencyFactors: readonly Factor[]
}

export interface PremiumTariff<Version extends string = string> extends Tariff<Version> {
  readonly severity: {
    readonly base: number
    readonly factors: readonly Factor<keyof SeverityRisk>[]
    readonly largeLossFactor: number
  }
  readonly gross: GrossRatios
}

/** **Errors**: RangeError where a value of the input domain has no relativity, or a level lies outside of it. */
export const compileTariff = <Version extends string>(data: TariffData<Version>): Tariff<Version> => ({
  version: data.version,
  baseFrequency: data.baseFrequency,
  frequencyFactors: data.frequencyFactors.map(compileFactor),
})

/** **Errors**: as `compileTariff`. */
export const compilePremiumTariff = <Version extends string>(
  data: PremiumTariffData<Version>,
): PremiumTariff<Version> => ({
  ...compileTariff(data),
  severity: { ...data.severity, factors: data.severity.factors.map(compileFactor) },
  gross: data.gross,
})

const compileFactor = <Field extends keyof Risk>(factor: FactorData<Field>): Factor<Field> => ({
  field: factor.field,
  relativityOf: factor.kind === 'categories' ? categoryLookup(factor) : wholeLookup(factor),
})

type CategoryFactor = Extract<FactorData, { kind: 'categories' }>
type WholeFactor = Exclude<FactorData, CategoryFactor>

const categoryLookup = ({ field, relativities }: CategoryFactor): Factor['relativityOf'] => {
  const known = new Map<string | number, number>(Object.entries(relativities))
  for (const value of CATEGORIES[field]) if (!(Number(known.get(value)) > 0)) throw gap(field, value)
  if (known.size !== CATEGORIES[field].length) throw new RangeError(`factor ${field}: a category that nobody can be in`)
  return value => known.get(value)
}

/** A table from 0 on, which is built in a fraction of the time of a map of 27,000 densities. 0 marks what is outside. */
const wholeLookup = (factor: WholeFactor): Factor['relativityOf'] => {
  const { min, max } = RANGES[factor.field]
  const table = new Float64Array(max + 1)
  if (factor.kind === 'power')
    for (let value = min; value <= max; value++) table[value] = (value / factor.reference) ** factor.power
  else fillSteps(table, factor.field, stepsOf(factor))
  for (let value = min; value <= max; value++) if (!(Number(table[value]) > 0)) throw gap(factor.field, value)
  return value => (typeof value === 'number' ? table[value] || undefined : undefined)
}

const stepsOf = (factor: Exclude<WholeFactor, { kind: 'power' }>): readonly Step[] =>
  factor.kind === 'steps'
    ? factor.steps
    : factor.relativities.map((relativity, index) => [factor.from + index, relativity])

const fillSteps = (table: Float64Array, field: WholeField, steps: readonly Step[]): void => {
  const { min, max } = RANGES[field]
  for (const [index, [from, relativity]] of steps.entries()) {
    if (from < min || from > max) throw new RangeError(`factor ${field}: a level from ${from} on is outside the domain`)
    table.fill(relativity, from, steps[index + 1]?.[0] ?? max + 1)
  }
}

const gap = (field: string, value: string | number): RangeError =>
  new RangeError(`factor ${field}: no positive relativity for ${value}`)
