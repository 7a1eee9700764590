import type { ChildSpec } from 'troupe'
import { orchestration, quoteProcessInput } from '../actors/index.ts'
import { type ContextParts, context } from './context.ts'
import { bridge, type DomainEntities, type MarketplaceSettings } from './parts.ts'

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
): readonly ChildSpec[] => {
  const obeying = (name: keyof typeof orchestration): ContextParts['bridges'][number] => {
    const { address, translate } = orchestration[name]
    return bridge(`${name}-commands`, { commands: [address] }, translate, kinds, settings)
  }
  const { events, translate } = quoteProcessInput
  const toProcess = bridge('quote-process-events', { events }, translate, kinds, settings)
  return [
    context('underwriting', {
      kinds: [kinds.application, kinds['quote-process']],
      bridges: [toProcess, obeying('underwriting'), ...doors],
    }),
    context('risk', { kinds: [kinds.risk], bridges: [obeying('risk')] }),
    context('premium', { kinds: [kinds.premium], bridges: [obeying('premium')] }),
  ]
}
