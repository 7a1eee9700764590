import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/logger.ts'
import { systemPorts } from '../../src/base/ports.ts'
import { feedBus } from '../../src/feed/client/index.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import { messageBridge } from '../../src/messaging/message-bridge.ts'
import { routeTo } from '../../src/messaging/route.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import { type MemoryStore, memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { ledger } from '../persistence/support.ts'
import { FeedOffice, type Noted, type Page, serve, until } from './support.ts'

const TOTAL = 300
const children: ChildProcess[] = []
const folders: string[] = []

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

const script = join(import.meta.dirname, 'feed-child.ts')

const start = async (path: string, port: number): Promise<{ child: ChildProcess; port: number }> => {
  const args = ['--import', 'tsx', '-C', 'troupe-source', script, path, String(port), String(TOTAL)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [line] = (await once(child.stdout!, 'data')) as [Buffer]
  return { child, port: Number(line.toString()) }
}

/** The receiving process's side: a bridge from the feed to one entity, on a store that outlives it. */
const receive = async (
  url: string,
  transport: 'poll' | 'sse',
  at: MemoryStore,
  fetching: typeof fetch = fetch,
  events: readonly string[] | null = ['Noted'],
) => {
  const store = await EventStore.open(memoryJournal({ store: at }), { ...systemPorts, logger: silentLogger })
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

it.each(['sse', 'poll'] as const)(
  'takes a feed of another process as its bus by %s, each event once and in order, though that one is killed',
  async transport => {
    const folder = await mkdtemp(join(tmpdir(), 'feed-bus-'))
    folders.push(folder)
    const first = await start(folder, 0)
    const url = `http://127.0.0.1:${first.port}/streams/notes`
    const kept = memoryStore()
    let receiver = await receive(url, transport, kept)
    let count = 0
    const poll = setInterval(() => {
      receiver.labels().then(
        labels => {
          count = labels.length
        },
        () => undefined,
      )
    }, 20)
    await until(() => count >= 30, 15_000)
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')
    await start(folder, first.port)
    await until(() => count >= 150, 15_000)
    await receiver.close()
    receiver = await receive(url, transport, kept)
    await until(() => count >= TOTAL, 15_000)
    await receiver.bridge.settled()
    const texts: string[] = []
    for (let from = 1; ; from += 100) {
      const page = (await (await fetch(`${url}/previous/${from}-${from + 99}`)).json()) as Page
      texts.push(...page.events.map(event => event.data.text))
      if (page.to < from + 99) break
    }
    await until(() => count >= texts.length)
    clearInterval(poll)
    expect(await receiver.labels()).toEqual(texts)
    expect(await receiver.bridge.parked()).toEqual([])
    await receiver.close()
    const cursors = [...kept.partitions[0]!.cursors].filter(([group]) => group.startsWith('from-afar|'))
    expect(cursors.map(([, number]) => number)).toEqual([texts.length])
  },
  60_000,
)

it('reads again from the feed what waits for its key', async () => {
  const office = await FeedOffice.open()
  const server = await serve({ streams: [office.stream] })
  await office.publish(400)
  const paths: string[] = []
  const recording = ((input, init) => {
    paths.push(new URL(String(input)).pathname)
    return fetch(input, init)
  }) as typeof fetch
  const receiver = await receive(`${server.url}/streams/notes`, 'sse', memoryStore(), recording)
  await until(() => receiver.handed() === 400)
  await receiver.bridge.settled()
  expect(await receiver.labels()).toEqual(Array.from({ length: 400 }, (_, i) => `text ${i + 1}`))
  expect(paths.filter(path => path.includes('/previous/')).length).toBeGreaterThan(0)
  await receiver.close()
  await server.stop()
  await office.close()
})

it('parks an event that is no CloudEvent, with what is wrong with it', async () => {
  const office = await FeedOffice.open()
  const server = await serve({ streams: [office.stream] })
  await office.publish(3)
  const spoiling = (async (input, init) => {
    const response = await fetch(input, init)
    if (!String(input).includes('/previous/') && !String(input).endsWith('/current')) return response
    const text = (await response.text()).replace('"type":"Noted"', '"type":""')
    return new Response(text, { status: response.status, headers: response.headers })
  }) as typeof fetch
  const receiver = await receive(`${server.url}/streams/notes`, 'poll', memoryStore(), spoiling, null)
  await until(() => receiver.handed() === 2)
  await receiver.bridge.settled()
  expect(await receiver.bridge.parked()).toMatchObject([{ invalid: expect.stringContaining('type: expected') }])
  expect(await receiver.labels()).toEqual(['text 2', 'text 3'])
  await receiver.close()
  await server.stop()
  await office.close()
})
