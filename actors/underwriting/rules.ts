/**
 * The underwriting rules: who is declined, who is looked at by a person, and why. Thresholds are ours; the kinds of
 * trigger are those of real insurers. A change of any of them is a new version, since quotes name the one that made them.
 */

import type { Risk } from '../tariffs/input-domain.ts'

export const UNDERWRITING_RULES_VERSION = 'underwriting-rules-1'

export type DeclineReason = 'bonus-malus-above-200' | 'driver-over-90'

export type ReferralReason =
  | 'bonus-malus-above-100'
  | 'driver-of-20-or-less'
  | 'driver-over-80'
  | 'car-older-than-20-years'
  | 'power-12-or-more'
  | 'pure-premium-above-1000'

export type Verdict =
  | { readonly outcome: 'quoted' }
  | { readonly outcome: 'declined'; readonly reasons: readonly DeclineReason[] }
  | { readonly outcome: 'referred'; readonly reasons: readonly ReferralReason[] }

/**
 * All reasons of the outcome's kind, in the order of the rules; what is declined is not referred as well.
 * **Units**: `purePremium` in EUR per vehicle-year.
 */
export const underwrite = (risk: Risk, purePremium: number): Verdict => {
  const declined = reasonsOf(declineRules, risk, purePremium)
  if (declined.length > 0) return { outcome: 'declined', reasons: declined }
  const referred = reasonsOf(referralRules, risk, purePremium)
  return referred.length > 0 ? { outcome: 'referred', reasons: referred } : QUOTED
}

type Rule<Reason> = readonly [reason: Reason, applies: (risk: Risk, purePremium: number) => boolean]

const declineRules: readonly Rule<DeclineReason>[] = [
  ['bonus-malus-above-200', risk => risk.bonusMalus > 200],
  ['driver-over-90', risk => risk.drivAge > 90],
]

const referralRules: readonly Rule<ReferralReason>[] = [
  ['bonus-malus-above-100', risk => risk.bonusMalus > 100],
  ['driver-of-20-or-less', risk => risk.drivAge <= 20],
  ['driver-over-80', risk => risk.drivAge > 80],
  ['car-older-than-20-years', risk => risk.vehAge > 20],
  ['power-12-or-more', risk => risk.vehPower >= 12],
  ['pure-premium-above-1000', (_risk, purePremium) => purePremium > 1_000],
]

const QUOTED: Verdict = { outcome: 'quoted' }

const reasonsOf = <Reason>(rules: readonly Rule<Reason>[], risk: Risk, purePremium: number): Reason[] => {
  const reasons: Reason[] = []
  for (const [reason, applies] of rules) if (applies(risk, purePremium)) reasons.push(reason)
  return reasons
}
