import type { ChildSpec } from 'troupe'
import { choreography } from '../actors/index.ts'
import { type ContextParts, context } from './context.ts'
import { bridge, type DomainEntities, type MarketplaceSettings } from './parts.ts'

/**
 * No one in charge: each context's bridge listens to events, and its actors publish what they did.
 *
 *     underwriting: application ◀─ PremiumRateCalculated        risk: risk ◀─ ApplicationSubmitted
 *     premium: premium ◀─ RiskAssessed
 */
export const choreographyTree = (
  kinds: DomainEntities,
  settings: MarketplaceSettings,
  doors: ContextParts['bridges'],
): readonly ChildSpec[] => {
  const listening = (name: keyof typeof choreography): ContextParts['bridges'][number] =>
    bridge(`${name}-events`, { events: choreography[name].events }, choreography[name].translate, kinds, settings)
  return [
    context('underwriting', { kinds: [kinds.application], bridges: [listening('underwriting'), ...doors] }),
    context('risk', { kinds: [kinds.risk], bridges: [listening('risk')] }),
    context('premium', { kinds: [kinds.premium], bridges: [listening('premium')] }),
  ]
}
