import {
  type ActorRef,
  ActorSystem,
  EventStore,
  type ExitReason,
  type Journal,
  type Logger,
  type MessageBridge,
  type Ports,
  type ReceivingAdapter,
  type Recovered,
  type RequestResult,
  receivingAdapter,
  type SupervisorMessage,
  stderrLogger,
  supervisor,
  supervisorControl,
  systemPorts,
} from 'troupe'
import {
  type Application,
  type ApplicationReply,
  type ApplicationView,
  applicationSchema,
  currentTariff,
  type DecideReferral,
  type OutcomeEvent,
  premiumIdOf,
  REGIONS,
  referralDecisionSchema,
} from '../actors/index.ts'
import { choreographyTree } from './choreography.ts'
import { orchestrationTree } from './orchestration.ts'
import { OutcomeWatch } from './outcomes.ts'
import { type DomainEntities, domainEntities, type RiskEnquiry } from './parts.ts'
import { type Mode, settingsEntities } from './store-settings.ts'

export interface MarketplaceOptions {
  readonly journal: Journal
  /** Default: what the store was begun with; `orchestration` for a new one. */
  readonly mode?: Mode
  readonly logger?: Logger
  readonly ports?: Partial<Ports>
  /** Snapshots of regions after so many records. Default: what their definitions say (100). */
  readonly snapshotEvery?: number
  /** Units: ms. Default: 30,000. */
  readonly passivateAfterMs?: number
  /** Most entities of a kind in memory. Default: 20,000. */
  readonly maxLivePerKind?: number
  readonly riskEnquiry?: RiskEnquiry
}

/** What became of a submitted application. */
export type SubmitResult =
  /** `known`: it was decided before this call. `describe` tells the premium. */
  | { readonly outcome: 'quoted' | 'declined' | 'referred'; readonly known: boolean }
  /** It cannot be rated, or its id belongs to another application; nothing was stored. */
  | { readonly outcome: 'rejected'; readonly reasons: readonly string[] }

/** What was read back from the store since it was opened. */
export interface RecoveryFigures {
  readonly entities: number
  readonly fromSnapshot: number
  readonly eventsReplayed: number
}

/** The store was begun in the other mode. */
export class ModeMismatch extends Error {
  override readonly name = 'ModeMismatch'
}

/**
 * The insurance marketplace, running: three contexts under one supervision tree, on one store.
 *
 * **Durability**: `submit` resolves when the outcome is durable, as the journal says. **Delivery**: an application is
 * decided once, however often it is submitted; after a crash it goes on where it was. **Order**: none between
 * applications. **Errors**: those of the journal on `open`, ModeMismatch; ACTOR_STOPPED or BRIDGE_STOPPED on calls while
 * it stops.
 */
export class Marketplace implements AsyncDisposable {
  readonly mode: Mode
  readonly store: EventStore
  readonly system: ActorSystem
  /** The root of the tree: `risk`, `premium`, `underwriting` can be stopped and started through it. */
  readonly root: ActorRef<SupervisorMessage>
  /** Resolves when it has ended: with the reason, where that was not `close`. */
  readonly whenEnded: Promise<ExitReason>
  /** Whether the store held anything when it was opened. */
  readonly hadHistory: boolean
  /** The bridges from the log, to see and replay what is parked. */
  readonly bridges: readonly MessageBridge[]
  private readonly kinds: DomainEntities
  private readonly outcomes: OutcomeWatch
  private readonly applications: ReceivingAdapter<ApplicationReply>
  private readonly referrals: ReceivingAdapter<ApplicationReply>
  private readonly recoveries: Recoveries
  private closing: Promise<void> | null = null

  private constructor(
    mode: Mode,
    store: EventStore,
    system: ActorSystem,
    recoveries: Recoveries,
    options: MarketplaceOptions,
  ) {
    this.mode = mode
    this.store = store
    this.system = system
    this.recoveries = recoveries
    this.hadHistory = this.records > MODE_RECORDS
    this.whenEnded = system.whenTerminated
    this.outcomes = new OutcomeWatch(store)
    const settings = {
      store,
      onRecovery: recoveries,
      snapshotEvery: options.snapshotEvery ?? null,
      passivateAfterMs: options.passivateAfterMs ?? 30_000,
      maxLivePerKind: options.maxLivePerKind ?? 20_000,
      riskEnquiry: options.riskEnquiry ?? null,
    }
    this.kinds = domainEntities(settings)
    this.applications = receivingAdapter({
      name: 'applications',
      schema: applicationSchema,
      dispatch: (application: Application) =>
        this.kinds.application.ask(application.applicationId, { type: 'SubmitApplication', application }),
    })
    this.referrals = receivingAdapter({
      name: 'referrals',
      schema: referralDecisionSchema,
      dispatch: decision => this.kinds.application.ask(decision.applicationId, { type: 'DecideReferral', ...decision }),
    })
    const doors = [
      { name: 'applications', behavior: this.applications.behavior },
      { name: 'referrals', behavior: this.referrals.behavior },
    ]
    const tree = mode === 'choreography' ? choreographyTree : orchestrationTree
    const { children, bridges } = tree(this.kinds, settings, doors)
    this.bridges = bridges
    this.root = system.spawn(supervisor({ strategy: 'one-for-one', intensity: 3, periodMs: 10_000, children }), {
      name: 'contexts',
    })
  }

  static async open(options: MarketplaceOptions): Promise<Marketplace> {
    const { journal, logger = stderrLogger } = options
    const ports = { ...systemPorts, ...options.ports }
    const store = await EventStore.open(journal, { ...ports, logger })
    const system = ActorSystem.start({ name: 'marketplace', logger, ports })
    try {
      const mode = await chooseMode(system, store, options.mode)
      const marketplace = new Marketplace(mode, store, system, new Recoveries(), options)
      await supervisorControl(marketplace.root).whichChildren()
      return marketplace
    } catch (error) {
      await system.terminate()
      await store.close()
      throw error
    }
  }

  /** Takes an application and resolves with its outcome. */
  async submit(application: unknown): Promise<SubmitResult> {
    const id = (application as { readonly applicationId?: unknown } | null | undefined)?.applicationId
    return new Promise((resolve, reject) => {
      const endWait = this.outcomes.wait(String(id), event => resolve(newResult(event)))
      this.applications.request(application).then(
        result => {
          const known = knownResult(result)
          if (known === null) return
          endWait()
          resolve(known)
        },
        error => {
          endWait()
          reject(error)
        },
      )
    })
  }

  /** An underwriter's word on a referred application. */
  async decideReferral(decision: Omit<DecideReferral, 'type'>): Promise<SubmitResult> {
    const result = await this.referrals.request(decision)
    return knownResult(result) ?? { outcome: 'rejected', reasons: ['not evaluated yet'] }
  }

  /** Where an application stands, from its actor. */
  async describe(applicationId: string): Promise<ApplicationView> {
    return (await this.kinds.application.ask(applicationId, { type: 'DescribeApplication' })).view
  }

  /** Asks every region for its totals, which brings its actors back from their snapshots. */
  async totals(): Promise<MarketplaceTotals> {
    const regions = REGIONS.map(async region => {
      const [accumulation, premiums] = await Promise.all([
        this.kinds.risk.ask(region, { type: 'DescribeAccumulation' }),
        this.kinds.premium.ask(premiumIdOf(region, currentTariff.version), { type: 'DescribePremiums' }),
      ])
      return {
        risks: accumulation.type === 'accumulation' ? accumulation.accumulation.risks : 0,
        ttcCents: premiums.type === 'totals' ? premiums.totals.ttcCents : 0,
      }
    })
    const all = await Promise.all(regions)
    return {
      risks: all.reduce((sum, region) => sum + region.risks, 0),
      ttcCents: all.reduce((sum, region) => sum + region.ttcCents, 0),
    }
  }

  /** Resolves when nothing is under way any more in any context. */
  async settled(): Promise<void> {
    for (let before = -1; before !== this.records; ) {
      before = this.records
      await Promise.all(this.bridges.map(bridge => bridge.settled()))
    }
  }

  get recovered(): RecoveryFigures {
    return this.recoveries
  }

  /** Restarts of entities after crashes. */
  get restarts(): number {
    return Object.values(this.kinds).reduce((sum, kind) => sum + kind.restarts, 0)
  }

  /** Records in the store's log: events, and the commands that were sent. */
  get records(): number {
    let sum = 0
    for (let partition = 0; partition < this.store.journal.partitions; partition++)
      sum += this.store.lastPosition(partition)
    return sum
  }

  /** Stops the contexts in reverse order, each after its last writes, then closes the store. */
  close(): Promise<void> {
    this.closing ??= this.end()
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async end(): Promise<void> {
    await this.system.terminate({ shutdownMs: 'infinity' })
    this.outcomes.close()
    await this.store.close()
  }
}

/** What a new store holds when its marketplace begins. */
const MODE_RECORDS = 1

export interface MarketplaceTotals {
  readonly risks: number
  readonly ttcCents: number
}

const chooseMode = async (system: ActorSystem, store: EventStore, wanted: Mode | undefined): Promise<Mode> => {
  const settings = settingsEntities(store)
  const ref = system.spawn(settings.behavior, { name: 'settings' })
  const mode = await settings.mode(wanted ?? 'orchestration')
  await ref.stop()
  if (wanted !== undefined && mode !== wanted)
    throw new ModeMismatch(
      `this store was begun in ${mode} mode, and applications under way in it can only go on so. ` +
        `Leave --mode out, or begin a new store (--fresh, or another --journal).`,
    )
  return mode
}

class Recoveries implements RecoveryFigures {
  entities = 0
  fromSnapshot = 0
  eventsReplayed = 0

  recovered(_persistenceId: string, recovered: Recovered<unknown>): void {
    if (recovered.sequenceNr === 0) return
    this.entities++
    if (recovered.snapshotSequenceNr > 0) this.fromSnapshot++
    this.eventsReplayed += recovered.eventsReplayed
  }
}

/** The result that a door's answer holds; null: the application is under way. */
const knownResult = (answer: RequestResult<ApplicationReply>): SubmitResult | null => {
  if (!answer.accepted) return { outcome: 'rejected', reasons: answer.issues }
  const { reply } = answer
  if (reply.type === 'refused') return { outcome: 'rejected', reasons: [reply.reason] }
  const { status } = reply.view
  return status === 'quoted' || status === 'declined' || status === 'referred' ? { outcome: status, known: true } : null
}

const newResult = (event: OutcomeEvent): SubmitResult => ({ outcome: OUTCOME_OF[event.type], known: false })

const OUTCOME_OF = {
  QuoteGenerated: 'quoted',
  ApplicationDeclined: 'declined',
  ApplicationReferred: 'referred',
} as const
