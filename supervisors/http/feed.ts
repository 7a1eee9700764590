import { feedPlugin } from 'troupe/feed'
import type { Marketplace } from '../marketplace.ts'
import type { ServerPlugin } from './server.ts'

/** The marketplace's published stream as a plugin of its server; none where it publishes nothing. */
export const feedOf = ({ feed }: Marketplace): readonly ServerPlugin[] => {
  if (feed === null) return []
  return [
    async app => {
      await app.register(feedPlugin, {
        streams: [feed],
        // Where nobody was asked who they are, pages may lie in shared caches.
        principalOf: ({ headers, caller }) => (headers.authorization === undefined ? null : (caller?.name ?? null)),
      })
    },
  ]
}
