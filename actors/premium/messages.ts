import type { GrossPremium } from '../tariffs/gross-premium.ts'
import type { PremiumTariffVersion } from '../tariffs/index.ts'
import type { Region } from '../tariffs/input-domain.ts'

/** Everything that was calculated for one application, and with which tariff. */
export interface Rate extends GrossPremium {
  /** **Units**: claims per vehicle-year. */
  readonly expectedFrequency: number
  /** **Units**: EUR per claim. */
  readonly expectedSeverity: number
  /** **Units**: EUR per vehicle-year. */
  readonly purePremium: number
  readonly tariffVersion: PremiumTariffVersion
}

/** A plain rate, in one shape, from anything that carries one. */
export const rateOf = (source: Rate): Rate => ({
  expectedFrequency: source.expectedFrequency,
  expectedSeverity: source.expectedSeverity,
  purePremium: source.purePremium,
  htCents: source.htCents,
  tcaCents: source.tcaCents,
  fgaoCents: source.fgaoCents,
  fgaoExtraCents: source.fgaoExtraCents,
  ttcCents: source.ttcCents,
  tariffVersion: source.tariffVersion,
})

export interface CalculatePremiumRate {
  readonly type: 'CalculatePremiumRate'
  readonly applicationId: string
  readonly region: Region
  readonly drivAge: number
  readonly vehAge: number
  readonly bonusMalus: number
  readonly expectedFrequency: number
  readonly tariffVersion: PremiumTariffVersion
}

/** Read-only: the answer is the totals as they stand. */
export interface DescribePremiums {
  readonly type: 'DescribePremiums'
}

export type PremiumCommand = CalculatePremiumRate | DescribePremiums

export interface PremiumRateCalculated extends Rate {
  readonly type: 'PremiumRateCalculated'
  readonly applicationId: string
}

export type PremiumEvent = PremiumRateCalculated

/** What one region's applications would pay in a year under one tariff version. */
export interface PremiumTotals {
  readonly rates: number
  /** **Units**: EUR. */
  readonly purePremium: number
  readonly htCents: number
  readonly ttcCents: number
}

export type PremiumReply =
  | { readonly type: 'calculated'; readonly rate: PremiumRateCalculated }
  | { readonly type: 'totals'; readonly totals: PremiumTotals }
