import { type ChildSpec, type EventStore, supervisor } from 'troupe'
import { type LogPlace, type ReadModel, readModel, type ViewStore } from 'troupe/projection'
import { type AuditRow, auditView } from './audit.ts'
import { type ProcessRow, processesView } from './processes.ts'
import { type QuoteRow, quotesView } from './quotes.ts'
import { type ReferralRow, referralsView } from './referrals.ts'
import { type RegionRow, regionsView } from './regions.ts'

/** The marketplace's read models. */
export interface MarketplaceViews {
  readonly quotes: ReadModel<QuoteRow>
  readonly referrals: ReadModel<ReferralRow>
  readonly processes: ReadModel<ProcessRow>
  readonly regions: ReadModel<RegionRow>
  readonly audit: ReadModel<AuditRow>
}

export const marketplaceViews = (store: EventStore, views: ViewStore): MarketplaceViews => ({
  quotes: readModel(quotesView, store, views),
  referrals: readModel(referralsView, store, views),
  processes: readModel(processesView, store, views),
  regions: readModel(regionsView, store, views),
  audit: readModel(auditView, store, views),
})

/** How long a projection has to end the write that is under way. Units: ms. */
const SHUTDOWN_MS = 10_000

/** A view that fails is restarted alone, and the contexts never notice. */
export const viewsTree = (views: MarketplaceViews): ChildSpec => ({
  id: 'views',
  start: supervisor({
    strategy: 'one-for-one',
    intensity: 5,
    periodMs: 10_000,
    children: Object.entries(views).map(([id, { behavior }]) => ({ id, start: behavior, shutdownMs: SHUTDOWN_MS })),
  }),
  restart: 'permanent',
})

/** A place in the log as text: `partition-position`. */
export const placeText = ({ partition, position }: LogPlace): string => `${partition}-${position}`

/** Null where the text is none. */
export const placeOf = (text: string): LogPlace | null => {
  const [, partition, position] = /^(\d{1,4})-(\d{1,15})$/.exec(text) ?? []
  return partition === undefined || position === undefined
    ? null
    : { partition: Number(partition), position: Number(position) }
}
