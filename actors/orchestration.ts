/**
 * Orchestration: the quote process in charge. Events go to the application's process; the commands that it sends lie in
 * the log under an address, and the bridge of the context with that address hands each to its entity.
 */

import { type Delivery, deliver } from './delivery.ts'
import type { CalculatePremiumRate } from './premium/messages.ts'
import { premiumIdOf } from './premium/premium.ts'
import type { ProcessInput } from './quote-process/messages.ts'
import type { AssessRisk } from './risk/messages.ts'
import type { EvaluateQuote } from './underwriting/messages.ts'

/** Per context: the address that its bridge takes commands from, and the entity that one is for. */
export const orchestration = {
  risk: {
    address: 'risk',
    translate: (command: AssessRisk): Delivery<'risk', AssessRisk> => deliver('risk', command.region, command),
  },
  premium: {
    address: 'premium',
    translate: (command: CalculatePremiumRate): Delivery<'premium', CalculatePremiumRate> =>
      deliver('premium', premiumIdOf(command.region, command.tariffVersion), command),
  },
  underwriting: {
    address: 'underwriting',
    translate: (command: EvaluateQuote): Delivery<'application', EvaluateQuote> =>
      deliver('application', command.applicationId, command),
  },
} as const

/** The events that the process's own bridge takes from the log; the process gets them as they are. */
export const quoteProcessInput = {
  events: [
    'ApplicationSubmitted',
    'RiskAssessed',
    'PremiumRateCalculated',
    'QuoteGenerated',
    'ApplicationDeclined',
    'ApplicationReferred',
    'ApplicationWithdrawn',
  ],
  translate: (event: ProcessInput): Delivery<'quote-process', ProcessInput> =>
    deliver('quote-process', event.applicationId, event),
} as const satisfies { readonly events: readonly ProcessInput['type'][]; readonly translate: unknown }
