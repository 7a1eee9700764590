import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RuntimeError } from '../../src/base/errors.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { feedHandler, type WebFeedHandler } from '../../src/feed/index.ts'
import { FeedOffice, type Page, until } from './support.ts'

let office: FeedOffice
let handler: WebFeedHandler
const at = 'http://feed.test'

beforeAll(async () => {
  office = await FeedOffice.open()
  handler = feedHandler({ streams: [office.stream], logger: silentLogger })
  await office.publish(15)
})

afterAll(async () => {
  handler.close()
  await office.close()
})

describe('feedHandler', () => {
  it('answers a Request with a Response', async () => {
    const response = await handler.handle(new Request(`${at}/streams/notes/current`))
    expect(response.status).toBe(200)
    expect(((await response.json()) as Page).events.map(event => event.sequence)).toEqual([
      '11',
      '12',
      '13',
      '14',
      '15',
    ])
  })

  it('streams to a Request with Last-Event-ID, and ends with it', async () => {
    const response = await handler.handle(new Request(`${at}/streams/notes`, { headers: { 'last-event-id': '13' } }))
    const reader = response.body!.getReader()
    let text = ''
    while (!text.includes(':15\n')) text += Buffer.from((await reader.read()).value!).toString()
    expect([...text.matchAll(/^id: (.*)$/gm)].map(match => match[1]!.split(':')[1])).toEqual(['14', '15'])
    expect(handler.subscriptions).toBe(1)
    await reader.cancel()
    expect(handler.subscriptions).toBe(0)
  })

  it('gives to whoever was asked who it is what no shared cache may keep', async () => {
    const { incarnation } = (await (await handler.handle(new Request(`${at}/streams/notes/current`))).json()) as Page
    const page = new Request(`${at}/streams/notes/previous/1-10?i=${incarnation}`)
    const cachedAs = async (info: object) => (await handler.handle(page, info)).headers.get('cache-control')
    const forEver = 'max-age=31536000, immutable'
    expect(await cachedAs({})).toBe(`public, ${forEver}`)
    expect(await cachedAs({ isGuarded: true })).toBe(`private, ${forEver}`)
    expect(await cachedAs({ principal: 'anna' })).toBe(`private, ${forEver}`)
    expect(await cachedAs({})).toBe(`public, ${forEver}`)
  })

  it('refuses a path with bytes that are no text', async () => {
    const response = await handler.handle(new Request(`${at}/streams/notes/previous/%ff`))
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'path-invalid' })
  })

  it('asks for an id where it ends subscriptions of nobody in particular', async () => {
    const response = await handler.handle(new Request(`${at}/streams/notes`, { method: 'DELETE' }))
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'subscription-missing' })
  })

  it('fails the response of a reader that takes nothing, after a stall', async () => {
    const hasty = feedHandler({ streams: [office.stream], logger: silentLogger, stallMs: 500 })
    const request = new Request(`${at}/streams/notes`, { headers: { 'last-event-id': '0' } })
    const { stream } = office
    const heavy = 'x'.repeat(50_000)
    await Promise.all(Array.from({ length: 10 }, (_, i) => office.append(`heavy|${i}`, heavy)))
    await until(() => stream.last === 25)
    const response = await hasty.handle(request)
    await until(() => hasty.subscriptions === 0)
    await expect(response.text()).rejects.toThrow(/taken nothing/)
  })

  it('takes as many subscriptions as it was told to, and holds no request beyond', async () => {
    const full = feedHandler({ streams: [office.stream], logger: silentLogger, maxSubscriptions: 1 })
    const subscribe = () =>
      full.handle(new Request(`${at}/streams/notes`, { headers: { accept: 'text/event-stream' } }))
    const first = await subscribe()
    const second = await subscribe()
    expect([second.status, second.headers.get('retry-after')]).toEqual([503, '30'])
    expect(await second.json()).toMatchObject({ code: 'subscriptions-full' })
    await first.body!.cancel()
    const third = await subscribe()
    expect(third.status).toBe(200)
    await third.body!.cancel()
    const etag = (await full.handle(new Request(`${at}/streams/notes/current`))).headers.get('etag')!
    const waiting = () =>
      full.handle(new Request(`${at}/streams/notes/current`, { headers: { prefer: 'wait=9', 'if-none-match': etag } }))
    const held = waiting()
    expect((await waiting()).status).toBe(304)
    full.close()
    expect((await held).status).toBe(304)
    expect((await waiting()).status).toBe(503)
  })

  it('says without a stack that its store does not answer, or cannot be read', async () => {
    for (const [code, status] of [
      ['JOURNAL_UNAVAILABLE', 503],
      ['JOURNAL_CORRUPT', 500],
    ] as const) {
      const broken = await FeedOffice.open()
      await broken.publish(25)
      const other = feedHandler({ streams: [broken.stream], logger: silentLogger })
      broken.stream.log.read = () =>
        Promise.reject(new RuntimeError(code, 'at secret/place.ts:1', { retryable: status === 503 }))
      const response = await other.handle(new Request(`${at}/streams/notes/previous/1-10`))
      expect(response.status).toBe(status)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect(await response.text()).not.toMatch(/secret|\.ts|\bat\b .*:\d/)
      await broken.close()
    }
  })

  it('refuses options that make no sense, by their names', () => {
    expect(() => feedHandler({ streams: [], basePath: '/streams/' })).toThrow(/basePath/)
    expect(() => feedHandler({ streams: [], stallMs: -1 })).toThrow(/stallMs/)
  })

  it.each([
    ['no options', undefined, 'feeds: streams must be'],
    ['no streams', {}, 'feeds: streams must be feeds of feedStream(…), not undefined'],
    ['streams that are none', { streams: [{}] }, 'streams[0] must be a feed of feedStream(…)'],
    ['two of one name', null, 'streams[1]: there is a feed notes before it'],
  ])('refuses %s', (_, options, says) => {
    const given = options === null ? { streams: [office.stream, office.stream] } : options
    expect(() => feedHandler(given as never)).toThrow(
      expect.objectContaining({ code: 'DEFINITION_INVALID', message: expect.stringContaining(says) }),
    )
  })

  it('never answers 500 and never hangs, whatever path and headers say', async () => {
    const word = fc.oneof(
      fc.constantFrom('notes', 'current', 'previous', '1-10', '0-0', 'first', 'subscriptions', '..', '%2e', '%', ''),
      fc.string({ maxLength: 12 }),
      fc.string({ unit: 'binary', maxLength: 6 }).map(encodeURIComponentSafely),
    )
    const value = fc.oneof(
      fc.constantFrom(
        'application/json',
        'text/event-stream;q=x',
        '*/*',
        '"a", W/"b"',
        'wait=0',
        'wait=x',
        '111',
        ':1',
        '',
      ),
      fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
    )
    const headers = fc.dictionary(
      fc.constantFrom('accept', 'if-none-match', 'prefer', 'last-event-id', 'authorization', 'subscription-id'),
      value,
    )
    const methods = fc.constantFrom('GET', 'HEAD', 'DELETE', 'POST', 'PUT')
    await fc.assert(
      fc.asyncProperty(
        fc.array(word, { maxLength: 5 }),
        fc.string({ maxLength: 20 }),
        headers,
        methods,
        async (...given) => {
          const [words, query, fields, method] = given
          const request = new Request(`${at}/streams/${words.join('/')}?${query}`, { method, headers: fields })
          const response = await handler.handle(request, { address: '127.0.0.1' })
          await response.body?.cancel()
          expect(response.status).toBeLessThan(500)
        },
      ),
      { numRuns: 300 },
    )
    expect(handler.subscriptions).toBe(0)
  })
})

const encodeURIComponentSafely = (text: string): string => encodeURIComponent(text.toWellFormed())
