import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FeedOffice, type FeedServer, linksIn, type Page, serve, until } from './support.ts'

let office: FeedOffice
let server: FeedServer
const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
  fetch(server.url + path, { headers, method, redirect: 'manual' })
const page = async (path: string): Promise<Page> => (await get(path)).json() as Promise<Page>
const numbers = ({ events }: Page): number[] => events.map(event => Number(event.sequence))
const oneTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i)

beforeAll(async () => {
  office = await FeedOffice.open()
  server = await serve({ streams: [office.stream], waitMax: 5 })
  await office.publish(25)
})

afterAll(async () => {
  await server.stop()
  await office.close()
})

describe('pages of a feed', () => {
  it('gives the newest page under current, with a link to the one before', async () => {
    const response = await get('/streams/notes/current')
    const current = (await response.json()) as Page
    expect(response.status).toBe(200)
    expect(numbers(current)).toEqual([21, 22, 23, 24, 25])
    const previous = linksIn(response).get('previous')!
    expect(previous).toBe(`/streams/notes/previous/11-20?i=${current.incarnation}`)
    expect(numbers(await page(previous))).toEqual(oneTo(20, 11))
    expect(Object.fromEntries(linksIn(response))).toEqual(current.links)
    expect(linksIn(response).get('prev-archive')).toBe(previous)
    expect(linksIn(response).has('next')).toBe(false)
  })

  it('walks from current back to the first event by previous, and forward again by next', async () => {
    const back = [await page('/streams/notes/current')]
    while (back[0]!.links.previous !== undefined) back.unshift(await page(back[0]!.links.previous))
    expect(back.flatMap(numbers)).toEqual(oneTo(25))
    const forward = [await page((await get('/streams/notes/first')).headers.get('location')!)]
    while (forward.at(-1)!.links.next !== undefined) forward.push(await page(forward.at(-1)!.links.next!))
    expect(forward.flatMap(numbers)).toEqual(oneTo(25))
  })

  it('serves any bounded range, both numbers included', async () => {
    expect(numbers(await page('/streams/notes/previous/3-7'))).toEqual([3, 4, 5, 6, 7])
    expect(numbers(await page('/streams/notes/previous/9-22'))).toEqual(oneTo(22, 9))
    expect(numbers(await page('/streams/notes/previous/24-120'))).toEqual([24, 25])
    expect(numbers(await page('/streams/notes/previous/26-30'))).toEqual([])
  })

  it('gives canonical pages that may be kept for ever, and nothing else so', async () => {
    const { incarnation } = await page('/streams/notes/current')
    const canonical = await get(`/streams/notes/previous/11-20?i=${incarnation}`)
    expect(canonical.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(canonical.headers.get('etag')).toMatch(new RegExp(`^"${incarnation}`))
    expect(linksIn(canonical).get('next')).toBe(`/streams/notes/previous/21-30?i=${incarnation}`)
    for (const path of [
      '/streams/notes',
      '/streams/notes/current',
      '/streams/notes/first',
      '/streams/notes/previous/11-20',
      `/streams/notes/previous/12-21?i=${incarnation}`,
      `/streams/notes/previous/21-30?i=${incarnation}`,
    ])
      expect((await get(path)).headers.get('cache-control'), path).toBe('no-cache')
    const withCredentials = await get(`/streams/notes/previous/11-20?i=${incarnation}`, { authorization: 'Bearer t' })
    expect(withCredentials.headers.get('cache-control')).toBe('private, max-age=31536000, immutable')
  })

  it('names the next page of the last full one before there is anything on it', async () => {
    const path = '/streams/notes/previous/11-20'
    const { links } = await page(path)
    expect((await get(links.next!)).status).toBe(200)
  })

  it('answers 304 to whoever has the same, and to HEAD with the same headers and no body', async () => {
    for (const path of ['/streams/notes', '/streams/notes/current', '/streams/notes/previous/11-20']) {
      const full = await get(path)
      const etag = full.headers.get('etag')!
      const length = (await full.arrayBuffer()).byteLength
      for (const same of [etag, `"other", ${etag}`, `W/${etag}`, '*']) {
        const unchanged = await get(path, { 'if-none-match': same })
        expect(unchanged.status, `${path} ${same}`).toBe(304)
        expect(unchanged.headers.get('etag')).toBe(etag)
        expect(await unchanged.text()).toBe('')
      }
      expect((await get(path, { 'if-none-match': '"other"' })).status).toBe(200)
      const head = await get(path, {}, 'HEAD')
      expect(head.status).toBe(200)
      expect(head.headers.get('etag')).toBe(etag)
      expect(head.headers.get('link')).toBe(full.headers.get('link'))
      expect(head.headers.get('content-length')).toBe(String(length))
      expect(await head.text()).toBe('')
    }
  })

  it('gives a batch of CloudEvents or plain JSON, as Accept says, under entity tags of their own', async () => {
    const batch = await get('/streams/notes/previous/1-10', { accept: 'application/cloudevents-batch+json' })
    const json = await get('/streams/notes/previous/1-10', { accept: 'application/json;q=0.5, text/html' })
    expect(batch.headers.get('content-type')).toBe('application/cloudevents-batch+json')
    expect(json.headers.get('content-type')).toBe('application/json')
    expect(batch.headers.get('etag')).not.toBe(json.headers.get('etag'))
    expect(batch.headers.get('vary')).toBe('Accept')
    const events = (await batch.json()) as Page['events']
    expect(events).toEqual(((await json.json()) as Page).events)
    expect(events[2]).toMatchObject({
      specversion: '1.0',
      source: '/streams/notes',
      type: 'Noted',
      time: '2023-11-14T22:13:20.000Z',
      sequence: '3',
      sequencetype: 'Integer',
      causationid: 'cause.0',
      datacontenttype: 'application/json',
      data: { type: 'Noted', text: 'text 3' },
    })
    const q0 = 'application/cloudevents-batch+json;q=0.9, application/json;q=0'
    expect((await get('/streams/notes/current', { accept: q0 })).headers.get('content-type')).toContain('batch')
    const refused = await get('/streams/notes/current', { accept: 'text/html' })
    expect(refused.status).toBe(406)
  })

  it('refuses in problem+json what is malformed, absurd, unknown or not there', async () => {
    const cases: readonly (readonly [path: string, status: number, code: string])[] = [
      ['/streams/notes/previous/0-10', 400, 'range-invalid'],
      ['/streams/notes/previous/10-1', 400, 'range-invalid'],
      ['/streams/notes/previous/01-10', 400, 'range-invalid'],
      ['/streams/notes/previous/1-1001', 400, 'range-invalid'],
      ['/streams/notes/previous/-1-10', 400, 'range-invalid'],
      ['/streams/notes/previous/1', 400, 'range-invalid'],
      ['/streams/notes/previous/99999999999999999-99999999999999999', 400, 'range-invalid'],
      ['/streams/notes/previous/27-30', 404, 'not-yet'],
      ['/streams/nobody', 404, 'stream-unknown'],
      ['/streams/nobody/current', 404, 'stream-unknown'],
      ['/streams/notes/elsewhere', 404, 'not-found'],
      ['/streams/', 404, 'not-found'],
    ]
    for (const [path, status, code] of cases) {
      const response = await get(path)
      expect([path, response.status]).toEqual([path, status])
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      const problem = (await response.json()) as { status: number; code: string; title: string; detail: string }
      expect(problem).toMatchObject({ status, code })
      expect(problem.title.length * problem.detail.length).toBeGreaterThan(0)
      expect(JSON.stringify(problem)).not.toContain('.ts')
    }
    const post = await get('/streams/notes', {}, 'POST')
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD, DELETE'])
    expect((await get('/streams/notes/current', {}, 'DELETE')).status).toBe(405)
  })

  it('holds current under Prefer: wait until there is news, and no longer than it says', async () => {
    const before = await get('/streams/notes/current', { prefer: 'wait=5' })
    expect(before.status).toBe(200)
    expect(before.headers.get('preference-applied')).toBe('wait=5')
    const etag = before.headers.get('etag')!
    const began = performance.now()
    const nothing = await get('/streams/notes/current', { prefer: 'respond-async, wait=1', 'if-none-match': etag })
    expect(nothing.status).toBe(304)
    expect(performance.now() - began).toBeGreaterThan(950)
    let isAnswered = false
    const held = get('/streams/notes/current', { prefer: 'wait=60', 'if-none-match': etag }).then(response => {
      isAnswered = true
      return response
    })
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(isAnswered).toBe(false)
    await office.publish(1)
    const news = await held
    expect(news.status).toBe(200)
    expect(news.headers.get('preference-applied')).toBe('wait=5')
    expect(numbers((await news.json()) as Page)).toEqual([21, 22, 23, 24, 25, 26])
  })
})

describe('an empty feed', () => {
  it('is served, and held until its first event', async () => {
    const empty = await FeedOffice.open()
    const other = await serve({ streams: [empty.stream] })
    const first = (await (await fetch(`${other.url}/streams/notes/current`)).json()) as Page
    expect([first.from, first.to, first.events]).toEqual([1, 0, []])
    const held = fetch(`${other.url}/streams/notes/current`, { headers: { prefer: 'wait=10' } })
    await empty.publish(1)
    expect(numbers((await (await held).json()) as Page)).toEqual([1])
    await other.stop()
    await empty.close()
  })
})

describe('a feed whose publisher has not started', () => {
  it('answers 503, and says when to come again', async () => {
    const fresh = await FeedOffice.open()
    const { feedStream } = await import('../../src/feed/index.ts')
    const unstarted = feedStream({ name: 'later', events: ['Noted'] }, fresh.store)
    const other = await serve({ streams: [unstarted] })
    const response = await fetch(`${other.url}/streams/later/current`)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    await other.stop()
    await fresh.close()
    await until(() => true)
  })
})
