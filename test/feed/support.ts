import type { AddressInfo } from 'node:net'
import { fastify } from 'fastify'
import { silentLogger } from '../../src/base/logger.ts'
import { systemPorts } from '../../src/base/ports.ts'
import {
  type FeedPluginOptions,
  type FeedStream,
  type FeedStreamDefinition,
  feedPlugin,
  feedStream,
} from '../../src/feed/index.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import type { ActorRef } from '../../src/kernel/types.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import type { Journal } from '../../src/persistence/journal.ts'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { type AppendOwner, PendingAppend } from '../../src/persistence/pending-append.ts'
import type { SupervisorMessage } from '../../src/supervision/messages.ts'
import { supervisor } from '../../src/supervision/supervisor.ts'

export interface Noted {
  readonly type: 'Noted'
  readonly text: string
}

export const definition: FeedStreamDefinition<Noted> = { name: 'notes', events: ['Noted'], pageSize: 10 }

/** A store with a feed in it, its publisher under a supervisor, and what writes events of entities. */
export class FeedOffice {
  readonly store: EventStore
  readonly system: ActorSystem
  readonly stream: FeedStream
  readonly root: ActorRef<SupervisorMessage>
  private readonly sequenceNrs = new Map<string, number>()
  private texts = 0

  private constructor(store: EventStore, asked: FeedStreamDefinition<Noted>) {
    this.store = store
    this.system = ActorSystem.start({ name: 'office', logger: silentLogger, ports: systemPorts })
    this.stream = feedStream(asked, store)
    const { name, behavior } = this.stream.publisher
    this.root = this.system.spawn(
      supervisor({
        strategy: 'one-for-one',
        intensity: 100,
        periodMs: 1_000,
        children: [{ id: name, start: behavior, restart: 'permanent', shutdownMs: 5_000 }],
      }),
      { name: 'root' },
    )
  }

  static async open(journal?: Journal, asked: FeedStreamDefinition<Noted> = definition): Promise<FeedOffice> {
    const store = await EventStore.open(journal ?? memoryJournal({ store: memoryStore() }), {
      ...systemPorts,
      logger: silentLogger,
    })
    const office = new FeedOffice(store, asked)
    await until(() => office.stream.log.isOpen)
    return office
  }

  /** Writes `count` events of one entity, each an append of its own; resolves when they are durable. */
  async write(count: number, id = 'note|1'): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.append(id, `text ${++this.texts}`)))
  }

  append(id: string, text: string): Promise<void> {
    return new Promise((appended, failed) => {
      const expectedSequenceNr = this.sequenceNrs.get(id) ?? 0
      this.sequenceNrs.set(id, expectedSequenceNr + 1)
      const owner: AppendOwner = { appended: () => appended(), appendFailed: (_, error) => failed(error) }
      this.store.append(
        new PendingAppend(
          {
            persistenceId: id,
            expectedSequenceNr,
            appendId: this.store.nextAppendId(),
            timeMs: 1_700_000_000_000,
            causationId: 'cause.0',
            correlationId: null,
            compensates: null,
            traceParent: null,
            principal: null,
            handled: null,
            records: [{ kind: 'event', type: 'Noted', version: 1, payload: { type: 'Noted', text } }],
          },
          owner,
        ),
      )
    })
  }

  /** Writes events and waits until they are in the feed. */
  async publish(count: number, id?: string): Promise<void> {
    const last = this.stream.last + count
    await this.write(count, id)
    await until(() => this.stream.last >= last)
  }

  async close(): Promise<void> {
    await this.system.terminate()
    await this.store.close()
  }
}

export const until = async (isSo: () => boolean, timeMs = 10_000): Promise<void> => {
  for (const end = performance.now() + timeMs; !isSo(); ) {
    if (performance.now() > end) throw new Error(`not within ${timeMs} ms: ${isSo}`)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

export interface FeedServer {
  readonly url: string
  readonly port: number
  /** Sockets that are open at the server's side. */
  connections(): Promise<number>
  stop(): Promise<void>
}

/** Serves feeds on a free port of 127.0.0.1. */
export const serve = async (options: FeedPluginOptions): Promise<FeedServer> => {
  const app = fastify({ logger: false, forceCloseConnections: true })
  await app.register(feedPlugin, { logger: silentLogger, ...options })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const connections = (): Promise<number> =>
    new Promise((resolve, reject) =>
      app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
    )
  return { url: `http://127.0.0.1:${port}`, port, connections, stop: () => app.close() }
}

export interface Page {
  readonly stream: string
  readonly incarnation: string
  readonly from: number
  readonly to: number
  readonly links: Readonly<Record<string, string>>
  readonly events: readonly { readonly id: string; readonly sequence: string; readonly data: Noted }[]
}

/** The links of a Link header, by their relation. */
export const linksIn = (response: Response): Map<string, string> =>
  new Map(
    [...(response.headers.get('link') ?? '').matchAll(/<([^>]*)>; rel="([^"]*)"/g)].map(([, address, rel]) => [
      rel!,
      address!,
    ]),
  )
