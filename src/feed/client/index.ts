/** `troupe/feed/client`: readers of a published stream over HTTP, and such a stream as the bus of a message bridge. */

export { type FeedBusOptions, feedBus } from './feed-bus.ts'
export type { FeedClientOptions, FeedCloudEvent, FeedDelivery } from './options.ts'
export { type PollOptions, pollFeed } from './poller.ts'
export { type SubscribeOptions, subscribeFeed } from './subscriber.ts'
