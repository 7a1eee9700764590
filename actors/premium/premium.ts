/**
 * The premium entity, one per region and tariff version: calculates the premium of each application and totals them.
 *
 * It rates whatever command it is given: that a message is delivered twice is for the runtime's inbox to notice, since
 * remembering tens of thousands of application ids here would make every snapshot as large as the history.
 */

import { type Decision, eventSourced } from 'troupe'
import { grossPremium } from '../tariffs/gross-premium.ts'
import { type PremiumTariffVersion, premiumTariffOf } from '../tariffs/index.ts'
import type { Region } from '../tariffs/input-domain.ts'
import { expectedSeverity, purePremiumOf } from '../tariffs/rating.ts'
import type {
  CalculatePremiumRate,
  PremiumCommand,
  PremiumEvent,
  PremiumRateCalculated,
  PremiumReply,
  PremiumTotals,
} from './messages.ts'

export const premiumIdOf = (region: Region, tariffVersion: PremiumTariffVersion): string => `${region}@${tariffVersion}`

export const premium = eventSourced<PremiumCommand, PremiumEvent, PremiumTotals, PremiumReply>({
  name: 'premium',
  initial: () => ({ rates: 0, purePremium: 0, htCents: 0, ttcCents: 0 }),

  decide(totals, command): Decision<PremiumEvent, PremiumReply> {
    switch (command.type) {
      case 'CalculatePremiumRate': {
        const rate = calculate(command)
        return { events: [rate], reply: { type: 'calculated', rate } }
      }
      case 'DescribePremiums':
        return { events: [], reply: { type: 'totals', totals } }
    }
  },

  evolve: (totals, event) => ({
    rates: totals.rates + 1,
    purePremium: totals.purePremium + event.purePremium,
    htCents: totals.htCents + event.htCents,
    ttcCents: totals.ttcCents + event.ttcCents,
  }),

  snapshot: { every: 100, keep: 2 },
})

const calculate = (command: CalculatePremiumRate): PremiumRateCalculated => {
  const tariff = premiumTariffOf(command.tariffVersion)
  const severity = expectedSeverity(tariff, command)
  const purePremium = purePremiumOf(command.expectedFrequency, severity)
  const gross = grossPremium(tariff, purePremium)
  return {
    type: 'PremiumRateCalculated',
    applicationId: command.applicationId,
    expectedFrequency: command.expectedFrequency,
    expectedSeverity: severity,
    purePremium,
    htCents: gross.htCents,
    tcaCents: gross.tcaCents,
    fgaoCents: gross.fgaoCents,
    fgaoExtraCents: gross.fgaoExtraCents,
    ttcCents: gross.ttcCents,
    tariffVersion: tariff.version,
  }
}
