import { silentLogger } from '../../src/base/logger.ts'
import { systemPorts } from '../../src/base/ports.ts'
import { feedBus } from '../../src/feed/client/index.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import { messageBridge } from '../../src/messaging/message-bridge.ts'
import { routeTo } from '../../src/messaging/route.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import type { Journal } from '../../src/persistence/journal.ts'
import { ledger } from '../persistence/support.ts'
import type { Noted } from './support.ts'

/** The receiving process's side: a bridge from the feed to one entity, on a store that outlives it. */
export const receive = async (
  url: string,
  transport: 'poll' | 'sse',
  journal: Journal,
  fetching: typeof fetch = fetch,
  events: readonly string[] | null = ['Noted'],
) => {
  const store = await EventStore.open(journal, { ...systemPorts, logger: silentLogger })
  const system = ActorSystem.start({ name: 'receiver', logger: silentLogger })
  const ledgers = entities(ledger(), store)
  const backoff = { minMs: 5, maxMs: 50 }
  const translated = new Set<string>()
  const bridge = messageBridge({
    name: 'from-afar',
    store,
    source: feedBus(url, {
      store,
      group: 'from-afar',
      transport,
      minIntervalMs: 10,
      backoff,
      fetch: fetching,
      ...(events !== null && { events }),
    }),
    translate: ({ payload }) => {
      translated.add((payload as Noted).text)
      return routeTo(ledgers, 'all', { type: 'add', label: (payload as Noted).text })
    },
  })
  system.spawn(ledgers.behavior, { name: 'ledgers' })
  system.spawn(bridge.behavior, { name: 'bridge' })
  return {
    /** Different events that came. */
    handed: () => translated.size,
    labels: () => ledgers.ask('all', { type: 'read' }),
    bridge,
    close: async () => {
      await system.terminate()
      await store.close()
    },
  }
}
