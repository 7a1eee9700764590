import { type ChildSpec, type EventStore, supervisor } from 'troupe'
import { type FeedStream, feedStream } from 'troupe/feed'
import type { ApplicationEvent, PremiumEvent, RiskEvent } from '../actors/index.ts'

/** What the marketplace tells the world: each event of the domain, and none of how it came about inside. */
type PublishedEvent = ApplicationEvent | RiskEvent | PremiumEvent

const EVENTS: readonly PublishedEvent['type'][] = [
  'ApplicationSubmitted',
  'RiskAssessed',
  'PremiumRateCalculated',
  'QuoteGenerated',
  'ApplicationDeclined',
  'ApplicationReferred',
]

export const POLICY_MARKETPLACE = 'policy-marketplace'

/**
 * The marketplace's published stream. Each event keeps its type; its subject is the application, its data are the event's
 * fields. An underwriter's decision on a referral is a QuoteGenerated or an ApplicationDeclined that names the underwriter.
 */
export const policyMarketplace = (store: EventStore): FeedStream =>
  feedStream<PublishedEvent>(
    {
      name: POLICY_MARKETPLACE,
      events: EVENTS,
      toEvent: ({ type, ...data }) => ({ type, subject: data.applicationId, data }),
    },
    store,
  )

/**
 * The publisher under a supervisor of its own, which never gives up: what the feed suffers is no reason for the contexts
 * to stop, and everything that it has not published yet waits in the log.
 */
export const feedContext = ({ publisher }: FeedStream): ChildSpec => ({
  id: 'feed',
  start: supervisor({
    strategy: 'one-for-one',
    intensity: Number.POSITIVE_INFINITY,
    backoff: { minMs: 100, maxMs: 10_000 },
    children: [{ id: publisher.name, start: publisher.behavior, restart: 'permanent', shutdownMs: 10_000 }],
  }),
  restart: 'permanent',
})
