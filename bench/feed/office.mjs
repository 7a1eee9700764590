// A store with a feed of its own, filled by an entity, and served by Fastify on a free port of 127.0.0.1.

import { fastify } from 'fastify'
import { ActorSystem, EventStore, entities, eventSourced, memoryJournal, silentLogger, systemPorts } from 'troupe'
import { feedPlugin, feedStream } from 'troupe/feed'

const note = eventSourced({
  name: 'note',
  initial: () => 0,
  decide: (_, { notes }) => ({ events: notes, reply: true }),
  evolve: count => count + 1,
})

/** About as long as the marketplace's events. */
export const notesOf = count =>
  Array.from({ length: count }, (_, i) => ({ type: 'Noted', applicationId: `B-${i}`, text: 'x'.repeat(300), at: 0 }))

export async function openOffice(journal = memoryJournal()) {
  const store = await EventStore.open(journal, { ...systemPorts, logger: silentLogger })
  const system = ActorSystem.start({ name: 'bench', logger: silentLogger })
  const kind = entities(note, store)
  system.spawn(kind.behavior, { name: 'notes' })
  const stream = feedStream({ name: 'notes', events: ['Noted'] }, store)
  system.spawn(stream.publisher.behavior, { name: 'publisher' })
  const app = fastify({ logger: false, forceCloseConnections: true })
  await app.register(feedPlugin, { streams: [stream], logger: silentLogger })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    stream,
    store,
    port: app.server.address().port,
    write: notes => kind.ask('all', { notes }),
    async fill(count) {
      for (let left = count; left > 0; left -= 500) await kind.ask('all', { notes: notesOf(Math.min(left, 500)) })
      while (stream.last < count) await new Promise(resolve => setTimeout(resolve, 5))
    },
    async close() {
      await app.close()
      await system.terminate()
      await store.close()
    },
  }
}
