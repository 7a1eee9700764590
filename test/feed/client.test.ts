import { fastify } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/logger.ts'
import { type FeedDelivery, pollFeed, subscribeFeed } from '../../src/feed/client/index.ts'
import { feedPlugin } from '../../src/feed/index.ts'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { FeedOffice, type FeedServer, type Noted, serve } from './support.ts'

let office: FeedOffice
let server: FeedServer
let url: string

beforeEach(async () => {
  office = await FeedOffice.open()
  server = await serve({ streams: [office.stream] })
  url = `${server.url}/streams/notes`
})

afterEach(async () => {
  await server.stop()
  await office.close()
})

const oneTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i)

/** Takes `count` deliveries, or what there is when the iteration ends. */
const take = async (deliveries: AsyncIterable<FeedDelivery>, count: number): Promise<FeedDelivery[]> => {
  const taken: FeedDelivery[] = []
  for await (const delivery of deliveries) {
    taken.push(delivery)
    if (taken.length === count) break
  }
  return taken
}
const numbersOf = (deliveries: readonly FeedDelivery[]): number[] => deliveries.map(({ number }) => number)
const textOf = ({ event }: FeedDelivery): string => (event.data as Noted).text

/** `fetch`, and the paths that it was asked for. */
const recording = (paths: string[]): typeof fetch =>
  ((input, init) => {
    const { pathname, search } = new URL(String(input))
    paths.push(pathname + search)
    return fetch(input, init)
  }) as typeof fetch

/** The same server again, on the same port. */
const serveAgain = async (): Promise<FeedServer> => {
  const app = fastify({ logger: false, forceCloseConnections: true })
  await app.register(feedPlugin, { streams: [office.stream], logger: silentLogger })
  await app.listen({ port: server.port, host: '127.0.0.1' })
  return { ...server, stop: () => app.close() }
}

const clients = [
  ['pollFeed', pollFeed, { minIntervalMs: 10, backoff: { minMs: 5, maxMs: 20 } }],
  ['subscribeFeed', subscribeFeed, { backoff: { minMs: 5, maxMs: 20 } }],
] as const

describe.each(clients)('%s', (name, read, options) => {
  it('gives every event once, in order, those that come later too', async () => {
    await office.publish(25)
    const reading = take(read(url, options), 40)
    await office.publish(15)
    const taken = await reading
    expect(numbersOf(taken)).toEqual(oneTo(40))
    expect(taken.map(textOf)).toEqual(oneTo(40).map(i => `text ${i}`))
  })

  it('goes on after the cursor that was stored with the effect', async () => {
    await office.publish(33)
    const effects: string[] = []
    let cursor: string | null = null
    while (effects.length < 33)
      for await (const delivery of read(url, { ...options, after: cursor })) {
        effects.push(textOf(delivery))
        cursor = delivery.cursor
        // As a process that ends after its effect is stored, whichever event that was.
        if (effects.length % 7 === 0 || effects.length === 33) break
      }
    expect(effects).toEqual(oneTo(33).map(i => `text ${i}`))
  })

  it('ends in order when its signal aborts, waiting or in between', async () => {
    await office.publish(5)
    const stop = new AbortController()
    const taken: number[] = []
    for await (const { number } of read(url, { ...options, signal: stop.signal })) {
      taken.push(number)
      if (number === 5) setTimeout(() => stop.abort(), 20)
    }
    expect(taken).toEqual(oneTo(5))
    expect(await take(read(url, { ...options, signal: AbortSignal.abort() }), 1)).toEqual([])
  })

  it('waits for a server that is away', async () => {
    await office.publish(12)
    const reading = take(read(url, options), 20)
    await new Promise(resolve => setTimeout(resolve, 100))
    await server.stop()
    await office.publish(8)
    await new Promise(resolve => setTimeout(resolve, 50))
    server = await serveAgain()
    expect(numbersOf(await reading)).toEqual(oneTo(20))
  })

  it('goes on where the histories part when the feed begins another incarnation', async () => {
    const store = memoryStore()
    const lineage = (text: string) => Object.assign(memoryJournal({ store }), { lineage: text })
    const first = await FeedOffice.open(lineage('one'))
    await first.publish(25)
    const firstServer = await serve({ streams: [first.stream] })
    const before = await take(read(`${firstServer.url}/streams/notes`, options), 17)
    await firstServer.stop()
    await first.close()
    const second = await FeedOffice.open(lineage('two'))
    await second.publish(5, 'note|2')
    const secondServer = await serve({ streams: [second.stream] })
    const after = before.at(-1)!.cursor
    const rest = await take(read(`${secondServer.url}/streams/notes`, { ...options, after }), 13)
    expect(numbersOf(rest)).toEqual(oneTo(30, 18))
    expect(rest.at(-1)!.cursor).toBe(`${second.stream.log.incarnation}:30`)
    await secondServer.stop()
    await second.close()
  })

  it('fails where the server refuses for good', async () => {
    await expect(take(read(`${server.url}/streams/nobody`, options), 1)).rejects.toMatchObject({ code: 'FEED_REFUSED' })
  })

  it('fails where events that were not read are archived, and begins anew at the oldest', async () => {
    await office.publish(35)
    await office.stream.archive(20)
    const after = `${office.stream.log.incarnation}:7`
    await expect(take(read(url, { ...options, after }), 1)).rejects.toMatchObject({ code: 'FEED_REFUSED' })
    expect(numbersOf(await take(read(url, options), 15))).toEqual(oneTo(35, 21))
  })

  it(`asks as ${name} with the headers that it was given`, async () => {
    const seen: (string | null)[] = []
    const spying = ((input, init) => {
      seen.push(new Headers(init?.headers).get('authorization'))
      return fetch(input, init)
    }) as typeof fetch
    await office.publish(1)
    await take(read(url, { ...options, fetch: spying, headers: { authorization: 'Bearer t' } }), 1)
    expect(new Set(seen)).toEqual(new Set(['Bearer t']))
  })
})

describe('pollFeed', () => {
  it('walks back from current by previous until it meets the last event it has, then forward', async () => {
    await office.publish(45)
    const paths: string[] = []
    const i = office.stream.log.incarnation
    await take(pollFeed(url, { after: `${i}:23`, fetch: recording(paths) }), 22)
    expect(paths).toEqual([
      '/streams/notes',
      '/streams/notes/current',
      `/streams/notes/previous/31-40?i=${i}`,
      `/streams/notes/previous/21-30?i=${i}`,
    ])
  })

  it('asks by number where it is further behind than it keeps pages', async () => {
    await office.publish(95)
    const paths: string[] = []
    const taken = await take(pollFeed(url, { pagesKept: 3, fetch: recording(paths) }), 95)
    expect(numbersOf(taken)).toEqual(oneTo(95))
    expect(paths).toEqual(['/streams/notes', '/streams/notes/current', expect.stringContaining('/previous/1-90?i=')])
  })

  it('asks for the newest page no oftener than it was told to', async () => {
    const paths: string[] = []
    const stop = new AbortController()
    const reading = take(pollFeed(url, { minIntervalMs: 100, fetch: recording(paths), signal: stop.signal }), 1)
    await new Promise(resolve => setTimeout(resolve, 350))
    stop.abort()
    await reading
    expect(paths.length).toBeGreaterThan(1)
    expect(paths.length).toBeLessThanOrEqual(5)
  })

  it('lets the server hold its request until there is news', async () => {
    await office.publish(1)
    const paths: string[] = []
    const reading = take(pollFeed(url, { minIntervalMs: 0, waitSeconds: 10, fetch: recording(paths) }), 2)
    await new Promise(resolve => setTimeout(resolve, 150))
    expect(paths.length).toBe(3)
    await office.publish(1)
    expect(numbersOf(await reading)).toEqual([1, 2])
  })
})

describe('subscribeFeed', () => {
  it('ends when its subscription is ended', async () => {
    await office.publish(2)
    const reading = take(subscribeFeed(url, { subscriptionId: 'mine', backoff: { minMs: 5, maxMs: 5 } }), 100)
    await new Promise(resolve => setTimeout(resolve, 100))
    await fetch(`${url}/subscriptions/mine`, { method: 'DELETE' })
    expect(numbersOf(await reading)).toEqual([1, 2])
  }, 10_000)

  it('connects again where a connection has gone silent', async () => {
    await office.publish(1)
    const paths: string[] = []
    const stop = new AbortController()
    const options = { silentMs: 60, fetch: recording(paths), signal: stop.signal, backoff: { minMs: 5, maxMs: 5 } }
    const reading = take(subscribeFeed(url, options), 2)
    await new Promise(resolve => setTimeout(resolve, 400))
    stop.abort()
    expect(numbersOf(await reading)).toEqual([1])
    expect(paths.length).toBeGreaterThan(2)
  })
})

it('a subscriber goes on where the feed begins another incarnation while it reads what a resync named', async () => {
  let incarnation = 'b'
  const answer = (body: object, status = 200) => new Response(JSON.stringify(body), { status })
  const feed = (async (url: string, { headers }: { headers: Record<string, string> }) => {
    const { pathname, searchParams } = new URL(url)
    if (headers.accept === 'text/event-stream') {
      const resync = { reason: 'incarnation', incarnation, agreesTo: 3, first: 1, last: 5, read: '' }
      const isPlaced = headers['last-event-id']!.startsWith(incarnation)
      const text = isPlaced ? ': \n\n' : `event: resync\nid: ${incarnation}:5\ndata: ${JSON.stringify(resync)}\n\n`
      return new Response(text, { headers: { 'content-type': 'text/event-stream' } })
    }
    if (!pathname.includes('/previous/')) {
      const before = ['a', 'b'].filter(each => each !== incarnation).map(each => ({ incarnation: each, agreesTo: 3 }))
      return answer({ incarnation, first: 1, last: 5, pageSize: 5, before })
    }
    if (incarnation === 'b') incarnation = 'c'
    if (searchParams.get('i') !== incarnation) return answer({ code: 'other-incarnation' }, 410)
    const events = [1, 2, 3, 4, 5].map(nr => ({ specversion: '1.0', id: `${nr}`, source: '/s', type: 'T' }))
    return answer({ stream: 's', incarnation, from: 1, to: 5, pageSize: 5, links: {}, events })
  }) as unknown as typeof fetch
  const cursors: string[] = []
  const options = { after: 'a:3', fetch: feed, backoff: { minMs: 1, maxMs: 2 } }
  for await (const { cursor } of subscribeFeed('http://feed.test/streams/s', options)) {
    cursors.push(cursor)
    if (cursors.length === 2) break
  }
  expect(cursors).toEqual(['c:4', 'c:5'])
})
