/**
 * A tariff as it is written down (`TariffData`) and as it rates (`Tariff`): per factor one map from every value of the
 * input domain to its relativity, built once. A value that is not in the map is outside the domain; there is no default.
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
  readonly relativities: ReadonlyMap<string | number, number>
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

const compileFactor = <Field extends keyof Risk>(factor: FactorData<Field>): Factor<Field> => {
  const relativities = relativitiesOf(factor)
  const values = valuesOf(factor.field)
  const missing = values.filter(value => !(Number(relativities.get(value)) > 0))
  if (missing.length > 0 || relativities.size !== values.length)
    throw new RangeError(
      `factor ${factor.field}: ${relativities.size} values for the ${values.length} of the input domain, without a ` +
        `positive relativity: ${missing.slice(0, 5).join(', ') || 'none'}`,
    )
  return { field: factor.field, relativities }
}

const relativitiesOf = (factor: FactorData): Map<string | number, number> => {
  switch (factor.kind) {
    case 'categories':
      return new Map(Object.entries(factor.relativities))
    case 'power':
      return new Map(valuesOf(factor.field).map(value => [value, (Number(value) / factor.reference) ** factor.power]))
    case 'run':
      return spread(
        factor.field,
        factor.relativities.map((relativity, index) => [factor.from + index, relativity]),
      )
    case 'steps':
      return spread(factor.field, factor.steps)
  }
}

const spread = (field: WholeField, steps: readonly Step[]): Map<number, number> => {
  const relativities = new Map<number, number>()
  for (const [index, [from, relativity]] of steps.entries()) {
    const end = steps[index + 1]?.[0] ?? RANGES[field].max + 1
    for (let value = from; value < end; value++) relativities.set(value, relativity)
  }
  return relativities
}

const valuesOf = (field: WholeField | CategoryField): readonly (string | number)[] => {
  if (field in CATEGORIES) return CATEGORIES[field as CategoryField]
  const { min, max } = RANGES[field as WholeField]
  return Array.from({ length: max - min + 1 }, (_, index) => min + index)
}
