import { type Accumulation, currentTariff, type PremiumTotals, premiumIdOf, REGIONS } from '../actors/index.ts'
import type { DomainEntities } from './parts.ts'

/** What a region's actors have added up; of premiums, those of the current tariff. */
export interface RegionTotals {
  readonly region: (typeof REGIONS)[number]
  readonly accumulation: Accumulation
  readonly premiums: PremiumTotals
}

/** Asks every region's actors. */
export const totalsOf = (kinds: DomainEntities): Promise<readonly RegionTotals[]> =>
  Promise.all(
    REGIONS.map(async region => {
      const [risk, premium] = await Promise.all([
        kinds.risk.ask(region, { type: 'DescribeAccumulation' }),
        kinds.premium.ask(premiumIdOf(region, currentTariff.version), { type: 'DescribePremiums' }),
      ])
      if (risk.type !== 'accumulation' || premium.type !== 'totals')
        throw new Error(`region ${region} answered ${risk.type} and ${premium.type} to questions about its totals`)
      return { region, accumulation: risk.accumulation, premiums: premium.totals }
    }),
  )
