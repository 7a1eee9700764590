import type { Application } from '../applications/application.ts'
import type { PremiumTariffVersion } from '../tariffs/index.ts'
import type { Region } from '../tariffs/input-domain.ts'

export interface AssessRisk extends Application {
  readonly type: 'AssessRisk'
}

/** Read-only: the answer is the region's accumulation as it stands. */
export interface DescribeAccumulation {
  readonly type: 'DescribeAccumulation'
}

export type RiskCommand = AssessRisk | DescribeAccumulation

/** The frequency, and those of the application's fields that the premium's severity depends on. */
export interface RiskAssessed {
  readonly type: 'RiskAssessed'
  readonly applicationId: string
  readonly region: Region
  readonly drivAge: number
  readonly vehAge: number
  readonly bonusMalus: number
  /** **Units**: claims per vehicle-year. */
  readonly expectedFrequency: number
  readonly tariffVersion: PremiumTariffVersion
}

export type RiskEvent = RiskAssessed

/** What a region would bring if all its applications became policies. */
export interface Accumulation {
  readonly risks: number
  /** **Units**: claims a year. */
  readonly expectedClaims: number
}

export type RiskReply =
  | { readonly type: 'assessed'; readonly assessment: RiskAssessed }
  | { readonly type: 'accumulation'; readonly accumulation: Accumulation }
