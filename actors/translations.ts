/**
 * From what happened in one context to what the next one is asked for. Both ways of working together use these: with
 * choreography each context's bridge, with orchestration the quote process. An event carries all that its command needs.
 */

import type { CalculatePremiumRate, PremiumRateCalculated } from './premium/messages.ts'
import type { AssessRisk, RiskAssessed } from './risk/messages.ts'
import type { ApplicationSubmitted, EvaluateQuote } from './underwriting/messages.ts'

export const assessRiskAfter = (event: ApplicationSubmitted): AssessRisk => ({
  type: 'AssessRisk',
  applicationId: event.applicationId,
  area: event.area,
  vehPower: event.vehPower,
  vehAge: event.vehAge,
  drivAge: event.drivAge,
  bonusMalus: event.bonusMalus,
  vehBrand: event.vehBrand,
  vehGas: event.vehGas,
  density: event.density,
  region: event.region,
})

export const calculatePremiumRateAfter = (event: RiskAssessed): CalculatePremiumRate => ({
  type: 'CalculatePremiumRate',
  applicationId: event.applicationId,
  region: event.region,
  drivAge: event.drivAge,
  vehAge: event.vehAge,
  bonusMalus: event.bonusMalus,
  expectedFrequency: event.expectedFrequency,
  tariffVersion: event.tariffVersion,
})

export const evaluateQuoteAfter = (event: PremiumRateCalculated): EvaluateQuote => ({
  type: 'EvaluateQuote',
  applicationId: event.applicationId,
  expectedFrequency: event.expectedFrequency,
  expectedSeverity: event.expectedSeverity,
  purePremium: event.purePremium,
  htCents: event.htCents,
  tcaCents: event.tcaCents,
  fgaoCents: event.fgaoCents,
  fgaoExtraCents: event.fgaoExtraCents,
  ttcCents: event.ttcCents,
  tariffVersion: event.tariffVersion,
})
