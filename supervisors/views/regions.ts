import { type ProjectionDefinition, projection, update } from 'troupe/projection'
import type { PremiumRateCalculated, RiskAssessed } from '../../actors/index.ts'

/** What a region's applications add up to, whatever became of them. */
export interface RegionRow {
  readonly region: string
  readonly risks: number
  /** **Units**: claims a year. */
  readonly expectedClaims: number
  readonly rates: number
  /** **Units**: EUR a year. */
  readonly purePremium: number
  readonly htCents: number
  readonly ttcCents: number
}

/** Premium and accumulation by region. */
export const regionsView: ProjectionDefinition<RiskAssessed | PremiumRateCalculated, RegionRow> = projection<
  RiskAssessed | PremiumRateCalculated,
  RegionRow
>({
  name: 'regions',
  events: ['RiskAssessed', 'PremiumRateCalculated'],
  kinds: ['risk', 'premium'],
  project: (event, { id }) => {
    // A premium actor's id is its region and its tariff's version.
    const region = event.type === 'RiskAssessed' ? event.region : id.slice(0, id.indexOf('@'))
    return [
      update(region, row => {
        const sum = row ?? { region, risks: 0, expectedClaims: 0, rates: 0, purePremium: 0, htCents: 0, ttcCents: 0 }
        return event.type === 'RiskAssessed'
          ? { ...sum, risks: sum.risks + 1, expectedClaims: sum.expectedClaims + event.expectedFrequency }
          : {
              ...sum,
              rates: sum.rates + 1,
              purePremium: sum.purePremium + event.purePremium,
              htCents: sum.htCents + event.htCents,
              ttcCents: sum.ttcCents + event.ttcCents,
            }
      }),
    ]
  },
  indexes: { region: row => row.region },
})
