/** The tariffs that quotes were or are made with, by version. */

import { fremtpl2Of2018 } from './fremtpl2-2018.ts'
import { fremtpl2Of2021 } from './fremtpl2-2021.ts'
import { compilePremiumTariff, compileTariff, type PremiumTariff } from './tariff.ts'

/** Frequency, severity and gross premium. */
export const tariffOf2021 = compilePremiumTariff(fremtpl2Of2021)
/** Frequency only. */
export const tariffOf2018 = compileTariff(fremtpl2Of2018)

/** What new applications are rated with. */
export const currentTariff = tariffOf2021

export type PremiumTariffVersion = (typeof premiumTariffs)[number]['version']

/** Those that a premium can be calculated with. */
const premiumTariffs = [tariffOf2021]

/** **Errors**: RangeError for a version that this build does not have; never another version's numbers. */
export const premiumTariffOf = (version: PremiumTariffVersion): PremiumTariff<PremiumTariffVersion> => {
  const tariff = premiumTariffs.find(tariff => tariff.version === version)
  if (tariff === undefined) throw new RangeError(`no tariff ${JSON.stringify(version)} in this build to calculate with`)
  return tariff
}
