import type { MessageBridge } from 'troupe/messaging'
import { choreography } from '../actors/index.ts'
import { type ContextParts, context } from './context.ts'
import { bridge, type DomainEntities, type MarketplaceSettings, type MarketplaceTree } from './parts.ts'

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
): MarketplaceTree => {
  const listening = (name: keyof typeof choreography): MessageBridge =>
    bridge(`${name}-events`, { events: choreography[name].events }, choreography[name].translate, kinds, settings)
  const underwriting = listening('underwriting')
  const risk = listening('risk')
  const premium = listening('premium')
  return {
    bridges: [underwriting, risk, premium],
    children: [
      context('underwriting', { kinds: [kinds.application], bridges: [underwriting, ...doors] }),
      context('risk', { kinds: [kinds.risk], bridges: [risk] }),
      context('premium', { kinds: [kinds.premium], bridges: [premium] }),
    ],
  }
}
