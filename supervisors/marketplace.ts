import {
  type ActorRef,
  ActorSystem,
  type CommandCause,
  EventStore,
  type ExitReason,
  type Journal,
  type Logger,
  type Ports,
  persistenceIdOf,
  type SupervisorMessage,
  stateAsOf,
  stderrLogger,
  supervisor,
  supervisorControl,
  systemPorts,
} from 'troupe'
import type { FeedStream } from 'troupe/feed'
import { type MessageBridge, type ReceivingAdapter, receivingAdapter } from 'troupe/messaging'
import type { LogPlace, ViewStore } from 'troupe/projection'
import {
  type Application,
  type ApplicationReply,
  type ApplicationView,
  application,
  applicationSchema,
  type DecideReferral,
  referralDecisionSchema,
  type WithdrawApplication,
  withdrawalSchema,
} from '../actors/index.ts'
import {
  type ReferralResult,
  type Rejected,
  referralResultOf,
  resultOfAnswer,
  resultOfEvent,
  type SubmitResult,
  type WithdrawalResult,
  withdrawalResultOf,
} from './answers.ts'
import { type ApplicationsTopic, applicationsTopicBridge } from './applications-topic.ts'
import { choreographyTree } from './choreography.ts'
import { feedContext, policyMarketplace } from './feed-marketplace.ts'
import { orchestrationTree } from './orchestration.ts'
import { OutcomeWatch } from './outcomes.ts'
import { type DomainEntities, domainEntities, type EntityHost, type RiskEnquiry } from './parts.ts'
import { Recoveries, type RecoveryFigures } from './recoveries.ts'
import { chooseMode, type Mode, SETTINGS_RECORDS } from './store-settings.ts'
import { type MarketplaceTotals, totalsOf } from './totals.ts'
import { type MarketplaceViews, marketplaceViews, viewsTree } from './views/views.ts'

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
  /** Runs the domain's actors. Default: Troupe itself. */
  readonly host?: EntityHost
  /** Keeps read models there. Default: none. The marketplace opens and closes it. */
  readonly views?: ViewStore
  /** Takes applications from there too. */
  readonly applicationsTopic?: ApplicationsTopic
  /** Publishes the stream `policy-marketplace`. Default: false. */
  readonly feed?: boolean
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
  /** The bridges from the log, and from the topic if there is one, to see and replay what is parked. */
  readonly bridges: readonly MessageBridge[]
  /** The published stream, for a server; null where it was not asked for. */
  readonly feed: FeedStream | null
  /** Null where it was opened without a store for them. */
  readonly views: MarketplaceViews | null
  private readonly viewStore: ViewStore | null
  private readonly kinds: DomainEntities
  private readonly outcomes: OutcomeWatch
  private readonly applications: ReceivingAdapter<ApplicationReply>
  private readonly referrals: ReceivingAdapter<ApplicationReply>
  private readonly withdrawals: ReceivingAdapter<ApplicationReply>
  private readonly recoveries = new Recoveries()
  private closing: Promise<void> | null = null

  private constructor(mode: Mode, store: EventStore, system: ActorSystem, options: MarketplaceOptions) {
    this.mode = mode
    this.store = store
    this.system = system
    this.hadHistory = this.records > SETTINGS_RECORDS
    this.whenEnded = system.whenTerminated
    this.outcomes = new OutcomeWatch(store)
    void this.whenEnded.then(() => this.outcomes.close())
    const settings = {
      store,
      host: options.host ?? null,
      onRecovery: this.recoveries,
      snapshotEvery: options.snapshotEvery ?? null,
      passivateAfterMs: options.passivateAfterMs ?? 30_000,
      maxLivePerKind: options.maxLivePerKind ?? 20_000,
      riskEnquiry: options.riskEnquiry ?? null,
    }
    this.kinds = domainEntities(settings)
    this.applications = receivingAdapter({
      name: 'applications',
      schema: applicationSchema,
      dispatch: (application: Application, cause) =>
        this.kinds.application.ask(application.applicationId, { type: 'SubmitApplication', application }, cause),
    })
    this.referrals = receivingAdapter({
      name: 'referrals',
      schema: referralDecisionSchema,
      dispatch: (decision, cause) =>
        this.kinds.application.ask(decision.applicationId, { type: 'DecideReferral', ...decision }, cause),
    })
    this.withdrawals = receivingAdapter({
      name: 'withdrawals',
      schema: withdrawalSchema,
      dispatch: ({ applicationId, reason }, cause) =>
        this.kinds.application.ask(applicationId, { type: 'WithdrawApplication', applicationId, reason }, cause),
    })
    const doors = [
      { name: 'applications', behavior: this.applications.behavior },
      { name: 'referrals', behavior: this.referrals.behavior },
      { name: 'withdrawals', behavior: this.withdrawals.behavior },
    ]
    const topic = options.applicationsTopic
    const fromTopic = topic === undefined ? [] : [applicationsTopicBridge(topic, store, this.kinds, store.ports.logger)]
    const tree = mode === 'choreography' ? choreographyTree : orchestrationTree
    this.viewStore = options.views ?? null
    this.views = this.viewStore === null ? null : marketplaceViews(store, this.viewStore)
    const viewing = this.views === null ? [] : [viewsTree(this.views)]
    const { children, bridges } = tree(this.kinds, settings, [...doors, ...fromTopic])
    this.bridges = [...bridges, ...fromTopic]
    this.feed = options.feed === true ? policyMarketplace(store) : null
    const publishing = this.feed === null ? [] : [feedContext(this.feed)]
    const contexts = [...children, ...viewing, ...publishing]
    this.root = system.spawn(
      supervisor({ strategy: 'one-for-one', intensity: 3, periodMs: 10_000, children: contexts }),
      { name: 'contexts' },
    )
  }

  static async open(options: MarketplaceOptions): Promise<Marketplace> {
    const { journal, logger = stderrLogger } = options
    const ports = { ...systemPorts, ...options.ports }
    const store = await EventStore.open(journal, { ...ports, logger })
    const system = ActorSystem.start({ name: 'marketplace', logger, ports })
    try {
      const mode = await chooseMode(system, store, options.mode ?? null)
      const marketplace = new Marketplace(mode, store, system, options)
      await supervisorControl(marketplace.root).whichChildren()
      return marketplace
    } catch (error) {
      await system.terminate()
      await store.close()
      throw error
    }
  }

  /**
   * Takes an application and resolves with its outcome. It is stored before it is assessed: a context that is down, or one
   * that is slow, makes it wait and loses nothing. **Errors**: ACTOR_STOPPED when the marketplace stops meanwhile.
   */
  async submit(application: unknown): Promise<SubmitResult> {
    const id = idOf(application)
    // Before it is handed over: the outcome may be there sooner than the door's answer is heard.
    const wait = this.outcomes.begin(id)
    try {
      const answered = resultOfAnswer(await this.applications.request(application))
      return answered ?? resultOfEvent(await wait.outcome())
    } finally {
      this.outcomes.end(id, wait)
    }
  }

  /**
   * Takes an application and resolves with how it stands once it is stored; what becomes of it is heard later. `cause` is
   * who asks and why, here and below: it is stored with all that the request leads to. **Errors**: CAUSE_INVALID.
   */
  async accept(application: unknown, cause?: CommandCause): Promise<ApplicationView | Rejected> {
    const answer = await this.applications.request(application, cause)
    if (!answer.accepted) return { outcome: 'rejected', reasons: answer.issues }
    return answer.reply.type === 'standing'
      ? answer.reply.view
      : { outcome: 'rejected', reasons: [answer.reply.reason] }
  }

  /** An underwriter's word on a referred application. The same word again gets the same result. */
  async decideReferral(decision: Omit<DecideReferral, 'type'>, cause?: CommandCause): Promise<ReferralResult> {
    return referralResultOf(await this.referrals.request(decision, cause))
  }

  /** Takes an application back, whatever is under way for it. The first reason stands. */
  async withdraw(withdrawal: Omit<WithdrawApplication, 'type'>, cause?: CommandCause): Promise<WithdrawalResult> {
    return withdrawalResultOf(await this.withdrawals.request(withdrawal, cause))
  }

  /** Where an application stands, from its actor. */
  async describe(applicationId: string): Promise<ApplicationView> {
    return (await this.kinds.application.ask(applicationId, { type: 'DescribeApplication' })).view
  }

  /** Where it stood at a time, from what is stored. **Units**: ms since 1970. **Errors**: those of `stateAsOf`. */
  async describeAsOf(applicationId: string, timeMs: number): Promise<ApplicationView> {
    return (await stateAsOf(this.store, application, applicationId, { timeMs })).state
  }

  /** A place in the log at or behind everything that an application has stored so far: what views are asked to have reached. */
  placeOf(applicationId: string): LogPlace {
    const partition = this.store.partitionOf(persistenceIdOf('application', applicationId))
    return { partition, position: this.store.lastPosition(partition) }
  }

  /** What the regions add up to. It brings the regions' actors back from their snapshots. */
  totals(): Promise<MarketplaceTotals> {
    return totalsOf(this.kinds)
  }

  /** Resolves when nothing is under way any more in any context. **Errors**: BRIDGE_STOPPED while one is down. */
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
    await this.viewStore?.close()
    await this.store.close()
  }
}

/** What is submitted may be anything; what has no id is refused at the door, and nothing comes of it. */
const idOf = (application: unknown): string => {
  const { applicationId } = (application ?? {}) as { readonly applicationId?: unknown }
  return typeof applicationId === 'string' ? applicationId : ''
}
