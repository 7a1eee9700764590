/** The rating rule: base value times one relativity per factor, in the tariff's order, so results match bit for bit. */

import type { Risk, SeverityRisk } from './input-domain.ts'
import type { Factor, PremiumTariff, Tariff } from './tariff.ts'

/** A value that the tariff has no relativity for. Applications are checked at the door, so this is a bug's trace. */
export class OutsideTariffError extends RangeError {
  override readonly name = 'OutsideTariffError'
}

/** **Units**: claims per vehicle-year. **Errors**: OutsideTariffError for a value outside the input domain. */
export const expectedFrequency = (tariff: Tariff, risk: Risk): number =>
  product(tariff.baseFrequency, tariff.frequencyFactors, risk)

/** **Units**: EUR per claim. **Errors**: OutsideTariffError for a value outside the input domain. */
export const expectedSeverity = (tariff: PremiumTariff, risk: SeverityRisk): number =>
  product(tariff.severity.base, tariff.severity.factors, risk) * tariff.severity.largeLossFactor

/** **Units**: EUR per vehicle-year. */
export const purePremiumOf = (frequency: number, severity: number): number => frequency * severity

const product = <Field extends keyof Risk>(
  base: number,
  factors: readonly Factor<Field>[],
  risk: Pick<Risk, Field>,
): number => {
  let result = base
  for (const factor of factors) {
    const relativity = factor.relativityOf(risk[factor.field])
    if (relativity === undefined)
      throw new OutsideTariffError(
        `${factor.field}: ${JSON.stringify(risk[factor.field])} is outside the tariff's domain`,
      )
    result *= relativity
  }
  return result
}
