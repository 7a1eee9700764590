/**
 * Choreography: no one in charge. Each context's bridge listens to the event that concerns it and tells its own actor
 * what to do about it.
 *
 *     application ─ ApplicationSubmitted ─> risk ─ RiskAssessed ─> premium ─ PremiumRateCalculated ─> application
 */

import { type Delivery, deliver } from './delivery.ts'
import type { CalculatePremiumRate, PremiumRateCalculated } from './premium/messages.ts'
import { premiumIdOf } from './premium/premium.ts'
import type { AssessRisk, RiskAssessed } from './risk/messages.ts'
import { assessRiskAfter, calculatePremiumRateAfter, evaluateQuoteAfter } from './translations.ts'
import type { ApplicationSubmitted, EvaluateQuote } from './underwriting/messages.ts'

/** Per context: the events that its bridge takes from the log, and whom it tells what about one. */
export const choreography = {
  risk: {
    events: ['ApplicationSubmitted'],
    translate: (event: ApplicationSubmitted): Delivery<'risk', AssessRisk> =>
      deliver('risk', event.region, assessRiskAfter(event)),
  },
  premium: {
    events: ['RiskAssessed'],
    translate: (event: RiskAssessed): Delivery<'premium', CalculatePremiumRate> =>
      deliver('premium', premiumIdOf(event.region, event.tariffVersion), calculatePremiumRateAfter(event)),
  },
  underwriting: {
    events: ['PremiumRateCalculated'],
    translate: (event: PremiumRateCalculated): Delivery<'application', EvaluateQuote> =>
      deliver('application', event.applicationId, evaluateQuoteAfter(event)),
  },
} as const
