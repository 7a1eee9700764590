/** `troupe/feed`: a store's events as a published stream over HTTP, page by page and as server-sent events. */

export { type FeedPluginOptions, feedPlugin } from './http/fastify.ts'
export type { FeedOptions } from './http/handler.ts'
export type { Resync } from './http/subscribing.ts'
export { feedHandler, type RequestInfo, type WebFeedHandler } from './http/web.ts'
export {
  type FeedEvent,
  type FeedRecordView,
  type FeedStream,
  type FeedStreamDefinition,
  feedStream,
} from './stream.ts'
