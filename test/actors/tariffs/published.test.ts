import { expect, it, type TestContext } from 'vitest'
import { tariffOf2018, tariffOf2021 } from '../../../actors/tariffs/index.ts'
import { RANGES, type WholeField } from '../../../actors/tariffs/input-domain.ts'
import type { Factor } from '../../../actors/tariffs/tariff.ts'
import { sharedText } from '../shared-data.ts'

interface Level {
  readonly from: number
  readonly to: number | null
  readonly value: string
  readonly relativity: number
}

interface PublishedTariff {
  readonly version: string
  readonly input_domain: Record<string, [number, number]>
  readonly base_frequency: number
  readonly factor_order: string[]
  readonly factors: Record<string, Level[]> & { Density: Level[] & { reference: number; power: number } }
  readonly base_severity: number
  readonly severity_order: string[]
  readonly severity_factors: Record<string, Level[]>
  readonly large_loss_factor: number
  readonly gross_premium: { readonly expense_ratio: number; readonly profit_ratio: number }
}

const published = (name: string, test: TestContext): PublishedTariff => JSON.parse(sharedText(name, test))

const fieldOf = (column: string): string => column.slice(0, 1).toLowerCase() + column.slice(1)
const columnOf = (field: string): string => field.slice(0, 1).toUpperCase() + field.slice(1)

/** Value by value, up to the end of the input domain. */
const expectLevels = (factor: Factor, levels: readonly Level[] | undefined): void => {
  expect(levels?.length).toBeGreaterThan(1)
  for (const { value, from, to, relativity } of levels ?? []) {
    if (value !== undefined) expect(factor.relativityOf(value), `${factor.field} ${value}`).toBe(relativity)
    else
      for (let whole = from; whole <= (to ?? RANGES[factor.field as WholeField].max); whole++)
        if (factor.relativityOf(whole) !== relativity) expect.fail(`${factor.field} ${whole}`)
  }
}

it('the 2021 tariff has exactly the numbers of tariff.json', test => {
  const tariff = published('tariff.json', test)
  expect(tariffOf2021.version).toBe(tariff.version)
  expect(tariffOf2021.baseFrequency).toBe(tariff.base_frequency)
  expect(tariffOf2021.frequencyFactors.map(factor => factor.field)).toEqual(tariff.factor_order.map(fieldOf))
  for (const factor of tariffOf2021.frequencyFactors) expectLevels(factor, tariff.factors[columnOf(factor.field)])
  expect(tariffOf2021.severity.base).toBe(tariff.base_severity)
  expect(tariffOf2021.severity.largeLossFactor).toBe(tariff.large_loss_factor)
  expect(tariffOf2021.severity.factors.map(factor => factor.field)).toEqual(tariff.severity_order.map(fieldOf))
  for (const factor of tariffOf2021.severity.factors)
    expectLevels(factor, tariff.severity_factors[columnOf(factor.field)])
  expect(tariffOf2021.gross.expenseRatio).toBe(tariff.gross_premium.expense_ratio)
  expect(tariffOf2021.gross.profitRatio).toBe(tariff.gross_premium.profit_ratio)
})

it('the input domain is that of tariff.json', test => {
  const domain = published('tariff.json', test).input_domain
  for (const [column, [min, max]] of Object.entries(domain))
    expect(RANGES[fieldOf(column) as WholeField]).toEqual({ min, max })
  expect(Object.keys(domain).length).toBe(Object.keys(RANGES).length)
})

it('the 2018 tariff has exactly the numbers of tariff_2018.json', test => {
  const tariff = published('tariff_2018.json', test)
  expect(tariffOf2018.version).toBe(tariff.version)
  expect(tariffOf2018.baseFrequency).toBe(tariff.base_frequency)
  expect(tariffOf2018.frequencyFactors.map(factor => factor.field)).toEqual(tariff.factor_order.map(fieldOf))
  const { reference, power } = tariff.factors.Density
  for (const factor of tariffOf2018.frequencyFactors) {
    if (factor.field !== 'density') expectLevels(factor, tariff.factors[columnOf(factor.field)])
    else
      for (let density = RANGES.density.min; density <= RANGES.density.max; density++)
        if (factor.relativityOf(density) !== (density / reference) ** power) expect.fail(`density ${density}`)
  }
})
