/** From the pure premium to what a customer pays, in whole cents; each amount is rounded half up by itself. */

import { type Cents, cents } from './money.ts'
import type { PremiumTariff } from './tariff.ts'

export interface GrossPremium {
  /** Hors taxes: without taxes, with expenses and profit. */
  readonly htCents: Cents
  /** Insurance tax, 33 %. */
  readonly tcaCents: Cents
  /** Guarantee fund, 1.2 %. */
  readonly fgaoCents: Cents
  /** Guarantee fund, extra contribution, 0.8 %. */
  readonly fgaoExtraCents: Cents
  /** Toutes taxes comprises: the sum of the four. */
  readonly ttcCents: Cents
}

/**
 * **Units**: `purePremium` in EUR per vehicle-year, results in cents. **Errors**: RangeError where the premium is no
 * finite positive number of a size that cents can count exactly.
 * **Source**: France Assureurs, "Assurance : ce qu'il faut savoir sur les cotisations" (compulsory motor liability).
 */
export const grossPremium = (tariff: PremiumTariff, purePremium: number): GrossPremium => {
  const { expenseRatio, profitRatio } = tariff.gross
  const ht = Math.floor((100 * purePremium) / (1 - expenseRatio - profitRatio) + 0.5)
  const tca = Math.floor((33 * ht + 50) / 100)
  const fgao = Math.floor((12 * ht + 500) / 1_000)
  const fgaoExtra = Math.floor((8 * ht + 500) / 1_000)
  return {
    htCents: cents(ht),
    tcaCents: cents(tca),
    fgaoCents: cents(fgao),
    fgaoExtraCents: cents(fgaoExtra),
    ttcCents: cents(ht + tca + fgao + fgaoExtra),
  }
}
