import { type EventStore, type Logger, RuntimeError } from 'troupe'
import { type MessageBridge, messageBridge, routeTo } from 'troupe/messaging'
import { redisStreamSource } from 'troupe/redis'
import { checkApplication } from '../actors/index.ts'
import type { DomainEntities } from './parts.ts'

/** A Redis stream that other programs put applications on. */
export interface ApplicationsTopic {
  /** `redis://host:port/db`. It may be the server of the store or another one. */
  readonly url: string
  /** The stream's key. */
  readonly topic: string
  /** Default: `marketplace`. */
  readonly group?: string
  /** Keep it over restarts. Default: `marketplace`, which is right as long as one process reads the topic. */
  readonly consumer?: string
  /** Units: ms. Default: 60,000. */
  readonly claimIdleMs?: number
}

/** The type of the CloudEvents that the topic takes; their data is an application, with the fields of `submit`. */
export const APPLICATION_SUBMISSION = 'ApplicationSubmission'

const BRIDGE = 'applications-topic'

/**
 * The underwriting context's door for applications from a topic: each CloudEvent becomes a SubmitApplication to its
 * application, and is acknowledged when that is durable. **Delivery**: an application that is there twice, by a producer
 * or after a crash, is submitted once. **Errors**: an event of another type, or with data that is no application, is parked
 * with all that is wrong with it. An application whose id belongs to another one is refused by its actor: acknowledged,
 * and nothing is stored.
 */
export const applicationsTopicBridge = (
  { url, topic, group = 'marketplace', consumer = 'marketplace', claimIdleMs }: ApplicationsTopic,
  store: EventStore,
  kinds: DomainEntities,
  logger: Logger,
): MessageBridge =>
  messageBridge({
    name: BRIDGE,
    store,
    source: redisStreamSource({
      url,
      topics: [topic],
      group,
      consumer,
      logger,
      clock: store.ports.clock,
      ...(claimIdleMs !== undefined && { claimIdleMs }),
    }),
    translate: ({ type, payload }) => {
      if (type !== APPLICATION_SUBMISSION)
        throw new RuntimeError('MESSAGE_INVALID', `type: this topic takes ${APPLICATION_SUBMISSION}, not ${type}`)
      const { application, errors } = checkApplication(payload)
      if (application === null) throw new RuntimeError('MESSAGE_INVALID', errors.join('; '))
      return routeTo(kinds.application, application.applicationId, { type: 'SubmitApplication', application })
    },
  })
