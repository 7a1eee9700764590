import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type LogLevel, silentLogger } from '../../src/base/logger.ts'
import { type Clock, systemClock, systemPorts } from '../../src/base/ports.ts'
import { feedBus, pollFeed, subscribeFeed } from '../../src/feed/client/index.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import { memoryJournal } from '../../src/persistence/memory-journal.ts'
import { until } from './support.ts'

const URL_OF_A_FEED = 'http://127.0.0.1:9/streams/notes'

describe.each([
  ['pollFeed', pollFeed],
  ['subscribeFeed', subscribeFeed],
] as const)('%s', (_, read) => {
  it.each([
    ['a URL that is none', 'nonsense', {}, /"nonsense" is no URL of a feed/],
    ['a URL of something else', 'ftp://host/streams/notes', {}, /is no URL of a feed/],
    ['no URL', undefined, {}, /undefined is no URL of a feed/],
    ['an unknown option', URL_OF_A_FEED, { afer: '1' }, /may have .*after.*"afer"/],
    ['a number for a cursor', URL_OF_A_FEED, { after: 5 }, /after must be a cursor or null, not 5/],
    ['a text that is no cursor', URL_OF_A_FEED, { after: 'x' }, /x is no cursor/],
    ['no time', URL_OF_A_FEED, { silentMs: 0 }, /silentMs must be/],
    ['no pages', URL_OF_A_FEED, { pagesKept: 0 }, /pagesKept must be/],
    ['a logger that is none', URL_OF_A_FEED, { logger: {} }, /logger must be/],
    ['options that are none', URL_OF_A_FEED, 5, /must be an object, not 5/],
  ])('refuses %s before it asks anybody', (_, url, options, says) => {
    expect(() => read(url as never, options as never)).toThrow(
      expect.objectContaining({ code: 'FEED_MISCONFIGURED', message: expect.stringMatching(says) }),
    )
  })
})

it('refuses a bus that does not fit when it is made', async () => {
  const store = await EventStore.open(memoryJournal(), { ...systemPorts, logger: silentLogger })
  const options = { store, group: 'g' }
  for (const [url, wrong, says] of [
    ['nonsense', options, /is no URL/],
    [URL_OF_A_FEED, { group: 'g' }, /store must be an EventStore/],
    [URL_OF_A_FEED, { store }, /group must be/],
    [URL_OF_A_FEED, { ...options, transport: 'websocket' }, /transport must be/],
    [URL_OF_A_FEED, { ...options, event: ['A'] }, /"event"/],
    [URL_OF_A_FEED, { ...options, events: [] }, /events must/],
    [URL_OF_A_FEED, { ...options, heldMax: 0 }, /heldMax must/],
  ] as const)
    expect(() => feedBus(url, wrong as never)).toThrow(
      expect.objectContaining({ code: 'FEED_MISCONFIGURED', message: expect.stringMatching(says) }),
    )
  await store.close()
})

describe.each([
  ['pollFeed', pollFeed],
  ['subscribeFeed', subscribeFeed],
] as const)('%s and a server that fails', (_, read) => {
  const ending: (() => void)[] = []
  afterEach(() => {
    for (const end of ending.splice(0)) end()
  })

  it('says so, once a minute, and that it answers again', async () => {
    let tries = 0
    let isBroken = true
    const server = createServer((request, response) => {
      tries++
      if (isBroken) response.writeHead(500).end('out of order')
      else if (request.headers.accept === 'text/event-stream') response.writeHead(200).write(': here\n\n')
      else response.end(JSON.stringify({ incarnation: 'i', first: 1, last: 0, before: [], events: [], links: {} }))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    ending.push(() => server.close().closeAllConnections())
    let laterMs = 0
    const clock: Clock = {
      nowMs: () => systemClock.nowMs(),
      monotonicMs: () => systemClock.monotonicMs() + laterMs,
      after: (timeMs, run) => systemClock.after(timeMs, run),
    }
    const lines: [level: LogLevel, text: string, error: string | null][] = []
    const logger = {
      log: (level: LogLevel, text: string, fields: Readonly<Record<string, unknown>> = {}) =>
        void lines.push([level, text, fields.error instanceof Error ? fields.error.message : null]),
    }
    const stop = new AbortController()
    ending.push(() => stop.abort())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/streams/notes`
    const options = { clock, logger, signal: stop.signal, backoff: { minMs: 1, maxMs: 2 } }
    const ended = read(url, options).next()
    await until(() => tries > 20)
    expect(lines).toEqual([['warn', expect.stringContaining(url), expect.stringContaining('out of order')]])
    laterMs += 60_000
    await until(() => lines.length === 2)
    const before = tries
    await until(() => tries > before + 10)
    expect(lines).toHaveLength(2)
    isBroken = false
    await until(() => lines.length === 3)
    expect(lines[2]).toEqual(['info', expect.stringContaining('answers again'), null])
    stop.abort()
    expect(await ended).toEqual({ done: true, value: undefined })
  })
})
