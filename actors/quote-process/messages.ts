import type { PremiumRateCalculated } from '../premium/messages.ts'
import type { RiskAssessed } from '../risk/messages.ts'
import type { ApplicationSubmitted, ApplicationWithdrawn, OutcomeEvent } from '../underwriting/messages.ts'

/** Read-only. */
export interface DescribeProcess {
  readonly type: 'DescribeProcess'
}

/** What the process is told: the events of the contexts, as they are. */
export type ProcessInput =
  | ApplicationSubmitted
  | RiskAssessed
  | PremiumRateCalculated
  | OutcomeEvent
  | ApplicationWithdrawn

export type ProcessCommand = ProcessInput | DescribeProcess

/** **Units**: `atMs` in ms since 1970. */
export type ProcessEvent =
  | { readonly type: 'ProcessStarted'; readonly atMs: number }
  | { readonly type: 'RiskNoted'; readonly atMs: number }
  | { readonly type: 'RateNoted'; readonly atMs: number }
  | { readonly type: 'ProcessEnded'; readonly atMs: number; readonly outcome: ProcessOutcome }

export type ProcessOutcome = 'quoted' | 'declined' | 'referred' | 'withdrawn'

export type ProcessStep = 'not-started' | 'assessing-risk' | 'calculating-rate' | 'evaluating-quote' | 'ended'

/** Where a quote process stands and when it got to each step; null: not yet. **Units**: ms since 1970. */
export interface ProcessState {
  readonly step: ProcessStep
  readonly startedAtMs: number | null
  readonly riskAtMs: number | null
  readonly rateAtMs: number | null
  readonly endedAtMs: number | null
  readonly outcome: ProcessOutcome | null
}
