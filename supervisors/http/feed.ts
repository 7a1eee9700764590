import { feedPlugin } from 'troupe/feed'
import type { Marketplace } from '../marketplace.ts'
import { EVERYBODY } from './access.ts'
import { CONNECTIONS_MAX, type ServerPlugin } from './server.ts'

/** Those that stay, and as many held requests, leave a quarter of all connections to whoever asks and goes. */
const SUBSCRIPTIONS_MAX = (CONNECTIONS_MAX * 3) / 8

/** The marketplace's published stream as a plugin of its server; none where it publishes nothing. */
export const feedOf = ({ feed }: Marketplace): readonly ServerPlugin[] => {
  if (feed === null) return []
  return [
    async app => {
      await app.register(feedPlugin, {
        streams: [feed],
        maxSubscriptions: SUBSCRIPTIONS_MAX,
        principalOf: ({ caller }) => caller?.name ?? null,
        // Where nobody was asked who they are, pages may lie in shared caches; else not, whatever it was that they showed.
        isGuarded: ({ caller }) => caller !== EVERYBODY,
      })
    },
  ]
}
