import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { lmdbJournal } from '../../src/adapters/lmdb/index.ts'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { receive } from './receiving.ts'
import { FeedOffice, type Page, serve, until } from './support.ts'

const TOTAL = 300
const children: ChildProcess[] = []
const folders: string[] = []

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

const fork = (script: string, ...args: readonly string[]): ChildProcess => {
  const file = join(import.meta.dirname, script)
  const all = ['--import', 'tsx', '-C', 'troupe-source', file, ...args]
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  return child
}

const start = async (path: string, port: number): Promise<{ child: ChildProcess; port: number }> => {
  const child = fork('feed-child.ts', path, String(port), String(TOTAL))
  const [line] = (await once(child.stdout!, 'data')) as [Buffer]
  return { child, port: Number(line.toString()) }
}

it.each(['sse', 'poll'] as const)(
  'takes a feed of another process as its bus by %s, each event once and in order, though that one is killed',
  async transport => {
    const folder = await mkdtemp(join(tmpdir(), 'feed-bus-'))
    folders.push(folder)
    const first = await start(folder, 0)
    const url = `http://127.0.0.1:${first.port}/streams/notes`
    const kept = memoryStore()
    let receiver = await receive(url, transport, memoryJournal({ store: kept }))
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
    receiver = await receive(url, transport, memoryJournal({ store: kept }))
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

it.each(['sse', 'poll'] as const)(
  'has each event of another process take effect once, by %s, however often either of the two is killed',
  async transport => {
    const folder = await mkdtemp(join(tmpdir(), 'feed-bus-'))
    folders.push(folder)
    const [log, kept] = [join(folder, 'log'), join(folder, 'kept')]
    let { child: feed, port } = await start(log, 0)
    const url = `http://127.0.0.1:${port}/streams/notes`
    let count = 0
    const receiving = (): ChildProcess => {
      const child = fork('receiving-child.ts', kept, url, transport)
      child.stdout!.setEncoding('utf8').on('data', (lines: string) => {
        count = Number(lines.trim().split('\n').at(-1))
      })
      return child
    }
    const killed = async (child: ChildProcess): Promise<void> => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    let receiver = receiving()
    for (const goal of [20, 120, 220]) {
      await until(() => count >= goal, 60_000)
      await killed(receiver)
      if (goal !== 120) {
        await killed(feed)
        feed = (await start(log, port)).child
      }
      receiver = receiving()
    }
    await until(() => count >= TOTAL, 60_000)
    const texts: string[] = []
    for (let from = 1; ; from += 100) {
      const page = (await (await fetch(`${url}/previous/${from}-${from + 99}`)).json()) as Page
      texts.push(...page.events.map(event => event.data.text))
      if (page.to < from + 99) break
    }
    await until(() => count >= texts.length, 60_000)
    await killed(receiver)
    const last = await receive(url, transport, lmdbJournal({ path: kept }))
    await last.bridge.settled()
    expect(await last.labels()).toEqual(texts)
    expect(await last.bridge.parked()).toEqual([])
    await last.close()
  },
  240_000,
)

it('is served byte for byte alike after its process was killed and another one has taken its place', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'feed-bus-'))
  folders.push(folder)
  const first = await start(folder, 0)
  const url = `http://127.0.0.1:${first.port}/streams/notes`
  const full = async (): Promise<Response> => {
    for (;;) {
      const current = (await (await fetch(`${url}/current`)).json()) as Page
      if (current.to > 200) return fetch(new URL(current.links.previous!, url))
    }
  }
  const before = await full()
  const address = new URL(before.url)
  const asked = async (headers: Record<string, string> = {}): Promise<Response> => fetch(address, { headers })
  const bytesOf = async (response: Response): Promise<string> =>
    Buffer.from(await response.arrayBuffer()).toString('hex')
  const told = (response: Response) =>
    Object.fromEntries(
      ['etag', 'link', 'cache-control', 'content-type'].map(name => [name, response.headers.get(name)]),
    )
  const bytes = await bytesOf(before)
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')
  await start(folder, first.port)
  const after = await asked()
  expect(told(after)).toEqual(told(before))
  expect(after.headers.get('cache-control')).toContain('immutable')
  expect(await bytesOf(after)).toBe(bytes)
  expect((await asked({ 'if-none-match': before.headers.get('etag')! })).status).toBe(304)
}, 60_000)

it('reads again from the feed what waits for its key', async () => {
  const office = await FeedOffice.open()
  const server = await serve({ streams: [office.stream] })
  await office.publish(400)
  const paths: string[] = []
  const recording = ((input, init) => {
    paths.push(new URL(String(input)).pathname)
    return fetch(input, init)
  }) as typeof fetch
  const receiver = await receive(`${server.url}/streams/notes`, 'sse', memoryJournal(), recording)
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
  const receiver = await receive(`${server.url}/streams/notes`, 'poll', memoryJournal(), spoiling, null)
  await until(() => receiver.handed() === 2)
  await receiver.bridge.settled()
  expect(await receiver.bridge.parked()).toMatchObject([{ invalid: expect.stringContaining('type: expected') }])
  expect(await receiver.labels()).toEqual(['text 2', 'text 3'])
  await receiver.close()
  await server.stop()
  await office.close()
})
