import {
  type ChildSpec,
  type EntityKind,
  type EventSourcedDefinition,
  type EventSourcedEntitiesOptions,
  type EventStore,
  entities,
  type RecoveryListener,
  type SnapshotPolicy,
} from 'troupe'
import {
  type BridgeTarget,
  type LogFilter,
  logSource,
  type MessageBridge,
  messageBridge,
  routeTo,
} from 'troupe/messaging'
import {
  type ApplicationCommand,
  type ApplicationReply,
  type AssessRisk,
  application,
  type Delivery,
  type PremiumCommand,
  type PremiumReply,
  type ProcessCommand,
  type ProcessState,
  premium,
  quoteProcess,
  type RiskCommand,
  type RiskReply,
  risk,
} from '../actors/index.ts'

/**
 * An enquiry outside that a risk assessment waits for, such as a claims register; null where the application needs none.
 * It may take as long as it takes and is made again after a crash; only its own application waits.
 */
export type RiskEnquiry = (command: AssessRisk) => Promise<void> | null

/** Hosts the entities of a kind, as `entities` of Troupe does. */
export type EntityHost = <Message, Event extends { readonly type: string }, State, Reply>(
  definition: EventSourcedDefinition<Message, Event, State, Reply>,
  store: EventStore,
  options: EventSourcedEntitiesOptions,
) => EntityKind<Message, Reply>

export interface MarketplaceSettings {
  readonly store: EventStore
  /** Null: Troupe's own. */
  readonly host: EntityHost | null
  readonly onRecovery: RecoveryListener
  /** Snapshot of an entity after so many records, in place of what its definition says. */
  readonly snapshotEvery: number | null
  readonly passivateAfterMs: number
  readonly maxLivePerKind: number
  readonly riskEnquiry: RiskEnquiry | null
}

/** A tree of contexts, and the bridges in it that read the log. */
export interface MarketplaceTree {
  readonly children: readonly ChildSpec[]
  readonly bridges: readonly MessageBridge[]
}

/** The domain's entities, the same under every tree. */
export interface DomainEntities {
  readonly application: EntityKind<ApplicationCommand, ApplicationReply>
  readonly risk: EntityKind<RiskCommand, RiskReply>
  readonly premium: EntityKind<PremiumCommand, PremiumReply>
  readonly 'quote-process': EntityKind<ProcessCommand, ProcessState>
}

export const domainEntities = (settings: MarketplaceSettings): DomainEntities => {
  const { store, onRecovery, passivateAfterMs, maxLivePerKind, snapshotEvery } = settings
  const options = { onRecovery, passivateAfterMs, maxLive: maxLivePerKind }
  const host = settings.host ?? entities
  const snapshotting = <Definition extends { readonly snapshot?: SnapshotPolicy }>(
    definition: Definition,
  ): Definition =>
    snapshotEvery === null || definition.snapshot === undefined
      ? definition
      : { ...definition, snapshot: { ...definition.snapshot, every: snapshotEvery } }
  return {
    application: host(application, store, options),
    risk: host(snapshotting(risk), store, options),
    premium: host(snapshotting(premium), store, options),
    'quote-process': host(quoteProcess, store, options),
  }
}

/** A translation of the domain: what one record of the log is for one entity. */
type Translate = (
  payload: never,
) => Delivery<keyof DomainEntities, { readonly type: string; readonly applicationId: string }>

/**
 * A context's bridge from the log. Messages of one application follow one another; applications do not wait for each
 * other, even those of one region.
 */
export const bridge = (
  name: string,
  filter: LogFilter,
  translate: Translate,
  kinds: DomainEntities,
  settings: MarketplaceSettings,
): MessageBridge =>
  messageBridge({
    name,
    source: logSource(settings.store, name, filter),
    store: settings.store,
    translate: message => {
      const { kind, id, command } = translate(message.payload as never)
      const to = kinds[kind] as BridgeTarget<unknown>
      return routeTo(to, id, afterEnquiry(command, settings.riskEnquiry), command.applicationId)
    },
  })

const afterEnquiry = (command: { readonly type: string }, enquiry: RiskEnquiry | null): unknown => {
  if (enquiry === null || command.type !== 'AssessRisk') return command
  const answer = enquiry(command as AssessRisk)
  return answer === null ? command : answer.then(() => command)
}
