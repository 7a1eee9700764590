import { type Accumulation, currentTariff, type PremiumTotals, premiumIdOf, REGIONS } from '../actors/index.ts'
import type { DomainEntities } from './parts.ts'

/** What a region's actors have added up; of premiums, those of the current tariff. */
export interface RegionTotals {
  readonly region: (typeof REGIONS)[number]
  readonly accumulation: Accumulation
  readonly premiums: PremiumTotals
}

/** The sums over all regions, and what they are made of. */
export interface MarketplaceTotals {
  readonly risks: number
  readonly rates: number
  readonly ttcCents: number
  readonly regions: readonly RegionTotals[]
}

/** Asks every region's actors. */
export const totalsOf = async (kinds: DomainEntities): Promise<MarketplaceTotals> => {
  const regions = await Promise.all(REGIONS.map(region => regionTotals(kinds, region)))
  return {
    risks: regions.reduce((sum, { accumulation }) => sum + accumulation.risks, 0),
    rates: regions.reduce((sum, { premiums }) => sum + premiums.rates, 0),
    ttcCents: regions.reduce((sum, { premiums }) => sum + premiums.ttcCents, 0),
    regions,
  }
}

const regionTotals = async (kinds: DomainEntities, region: RegionTotals['region']): Promise<RegionTotals> => {
  const [risk, premium] = await Promise.all([
    kinds.risk.ask(region, { type: 'DescribeAccumulation' }),
    kinds.premium.ask(premiumIdOf(region, currentTariff.version), { type: 'DescribePremiums' }),
  ])
  if (risk.type !== 'accumulation' || premium.type !== 'totals')
    throw new Error(`region ${region} answered ${risk.type} and ${premium.type} to questions about its totals`)
  return { region, accumulation: risk.accumulation, premiums: premium.totals }
}
