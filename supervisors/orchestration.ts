import type { MessageBridge } from 'troupe/messaging'
import { orchestration, quoteProcessInput } from '../actors/index.ts'
import { type ContextParts, context } from './context.ts'
import { bridge, type DomainEntities, type MarketplaceSettings, type MarketplaceTree } from './parts.ts'

/**
 * A process manager in charge, in the underwriting context: events come to it, and the commands that it answers with lie
 * in the log under the address of the context that is to carry them out.
 *
 *     underwriting: quote-process ◀─ all events, application ◀─ commands to 'underwriting'
 *     risk: risk ◀─ commands to 'risk'            premium: premium ◀─ commands to 'premium'
 */
export const orchestrationTree = (
  kinds: DomainEntities,
  settings: MarketplaceSettings,
  doors: ContextParts['bridges'],
): MarketplaceTree => {
  const obeying = (name: keyof typeof orchestration): MessageBridge => {
    const { address, translate } = orchestration[name]
    return bridge(`${name}-commands`, { commands: [address] }, translate, kinds, settings)
  }
  const { events, translate } = quoteProcessInput
  const toProcess = bridge('quote-process-events', { events }, translate, kinds, settings)
  const underwriting = obeying('underwriting')
  const risk = obeying('risk')
  const premium = obeying('premium')
  return {
    bridges: [toProcess, underwriting, risk, premium],
    children: [
      context('underwriting', {
        kinds: [kinds.application, kinds['quote-process']],
        bridges: [toProcess, underwriting, ...doors],
      }),
      context('risk', { kinds: [kinds.risk], bridges: [risk] }),
      context('premium', { kinds: [kinds.premium], bridges: [premium] }),
    ],
  }
}
