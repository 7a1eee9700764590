import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { marketplaceServer } from '../../../supervisors/http/server.ts'
import { kept, openOn } from '../support/marketplaces.ts'
import { quotable } from '../support/sample.ts'
import { newMemoryStore } from '../support/stores.ts'
import { serving } from './serving.ts'

const TOKENS = [
  { token: 'reader-0123456789abcdef', scopes: ['read'] as const },
  { token: 'broker-0123456789abcdef', scopes: ['submit'] as const },
  { token: 'desk-0123456789abcdefgh', scopes: ['read', 'operate'] as const },
]
const bearing = (nr: number) => ({ authorization: `Bearer ${TOKENS[nr]!.token}` })

/** What comes back for bytes, until the other side closes. */
const raw = (url: string, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { port, hostname } = new URL(url)
    const socket: Socket = connect(Number(port), hostname, () => socket.write(bytes))
    let said = ''
    socket.on('data', data => {
      said += data
    })
    socket.on('close', () => resolve(said))
    socket.on('error', reject)
  })

describe('access', () => {
  it.each(['0.0.0.0', '::', '192.0.2.1', 'example.com', '127.0.0.1.example.com'])(
    'serving %s is refused where nobody is asked who they are',
    async host => {
      const { marketplace } = await serving()
      await expect(marketplaceServer(marketplace, { host, port: 0 })).rejects.toThrow(/give tokens or authorize/)
    },
  )

  it('a marketplace without views is refused', async () => {
    const marketplace = await openOn(await kept(newMemoryStore()))
    await expect(marketplaceServer(marketplace, { port: 0 })).rejects.toThrow(/views/)
  })

  it('whatever a caller shows who it is by, no shared cache keeps what it is answered', async () => {
    const names: Record<string, string | null> = { named: 'broker 7', nameless: null }
    const { get } = await serving(
      { feed: true },
      {
        authorize: ({ headers }) => {
          const name = names[String(headers['x-api-key'])]
          return name === undefined ? null : { name, scopes: ['read'] }
        },
      },
    )
    for (const key of Object.keys(names))
      for (const path of ['/streams/policy-marketplace/current', '/streams/policy-marketplace']) {
        const { status, headers } = await get(path, { 'x-api-key': key })
        expect([status, headers.get('cache-control')]).toEqual([200, 'private, no-cache'])
      }
    const open = await serving({ feed: true })
    const { headers } = await open.get('/streams/policy-marketplace/current')
    expect(headers.get('cache-control')).toBe('no-cache')
  })

  it('with tokens every address may be served, and each token does what its scopes say', async () => {
    const { get, post } = await serving({}, { host: '0.0.0.0', tokens: TOKENS })
    const word = { decision: 'accept', underwriter: 'u', reason: 'r' }
    const tries = async (headers: Record<string, string>) => [
      (await get('/quotes', headers)).status,
      (await post('/applications', quotable(), headers)).status,
      (await post('/referrals/A-1/decision', word, headers)).status,
    ]
    expect(await tries({})).toEqual([401, 401, 401])
    expect(await tries({ authorization: 'Bearer reader-0123456789abcdeX' })).toEqual([401, 401, 401])
    expect(await tries({ authorization: `Basic ${TOKENS[0]!.token}` })).toEqual([401, 401, 401])
    expect(await tries(bearing(0))).toEqual([200, 403, 403])
    expect(await tries(bearing(1))).toEqual([403, 202, 403])
    expect(await tries(bearing(2))).toEqual([200, 403, 409])
    const unknown = await get('/quotes')
    expect(unknown.headers.get('www-authenticate')).toBe('Bearer')
    expect((await get('/healthz')).status).toBe(200)
    expect((await get('/openapi.json')).status).toBe(200)
  })

  it('a program may say itself who may do what, and routes of plugins are behind it', async () => {
    const { get } = await serving(
      {},
      {
        authorize: async ({ headers }) =>
          headers['x-user'] === undefined ? null : { name: String(headers['x-user']), scopes: ['read'] },
        plugins: [async app => void app.get('/extra', async request => ({ caller: request.caller?.name }))],
      },
    )
    expect((await get('/extra')).status).toBe(401)
    expect(await get('/extra', { 'x-user': 'anna' })).toMatchObject({ status: 200, body: { caller: 'anna' } })
  })

  it('a token that is too short, or has a scope that is none, is refused', async () => {
    const { marketplace } = await serving()
    const short = marketplaceServer(marketplace, { port: 0, tokens: [{ token: 'short', scopes: ['read'] }] })
    await expect(short).rejects.toThrow(/16 characters/)
  })

  it('without tokens only requests for this machine by its own name are served', async () => {
    const { url } = await serving()
    const { port } = new URL(url)
    const asked = (host: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const outgoing = request({ host: '127.0.0.1', port, path: '/healthz', headers: { host } }, response => {
          response.resume()
          resolve(response.statusCode!)
        })
        outgoing.on('error', reject)
        outgoing.end()
      })
    expect(await asked('rebound.example.com')).toBe(421)
    for (const host of ['127.0.0.1', `localhost:${port}`, `[::1]:${port}`]) expect(await asked(host)).toBe(200)
  })
})

describe('limits', () => {
  it('a body, a head and a path that are too large are refused', async () => {
    const { url, post, get } = await serving()
    expect((await post('/applications', { text: 'x'.repeat(70_000) })).status).toBe(413)
    expect((await get('/quotes', { 'x-long': 'y'.repeat(20_000) })).status).toBe(431)
    expect([404, 414]).toContain((await get(`/applications/${'z'.repeat(5_000)}`)).status)
    expect(await raw(url, 'NO SENSE\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [\s\S]*application\/problem\+json/)
  })

  it('a body that is no JSON, or says that it is something else, is refused', async () => {
    const { post } = await serving()
    expect((await post('/applications', '{"a":')).status).toBe(400)
    expect((await post('/applications', '{"__proto__":{"x":1}}')).status).toBe(400)
    expect((await post('/applications', '')).status).toBe(400)
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
      expect([type, (await post('/applications', '{}', { 'content-type': type })).status]).toEqual([type, 415])
  })

  it('requests beyond those of a minute are told when to come again', async () => {
    const { get } = await serving({}, { requestsPerMinute: 5 })
    const statuses: number[] = []
    for (let i = 0; i < 7; i++) statuses.push((await get('/healthz')).status)
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429])
    const refused = await get('/quotes')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(refused.body).toMatchObject({ status: 429 })
  })

  it('requests that are refused count as others do: without a token, with a wrong one, for nothing', async () => {
    const { get, url } = await serving({ feed: true }, { requestsPerMinute: 8, tokens: TOKENS })
    const bad = { authorization: 'Bearer guess-0123456789abcdef' }
    const paths = ['/quotes', '/streams/policy-marketplace/current', '/nowhere', '/streams/no/such/thing/at/all']
    const statuses: number[] = []
    for (let i = 0; i < 3; i++) for (const path of paths) statuses.push((await get(path, i === 1 ? {} : bad)).status)
    expect(statuses.slice(0, 8)).toEqual([401, 401, 404, 401, 401, 401, 404, 401])
    expect(statuses.slice(8)).toEqual([429, 429, 429, 429])
    expect((await get('/quotes', bearing(0))).status).toBe(429)
    const refused = await fetch(`${url}/quotes`, { method: 'POST', body: 'no JSON' })
    expect(refused.status).toBe(429)
  })

  it('connections beyond the limit are closed at once', async () => {
    const { url } = await serving({}, { maxConnections: 2 })
    const { port, hostname } = new URL(url)
    const sockets = Array.from({ length: 4 }, () => connect(Number(port), hostname))
    const closed = await Promise.all(
      sockets.map(
        socket =>
          new Promise<boolean>(resolve => {
            socket.on('error', () => resolve(true))
            socket.on('close', () => resolve(true))
            setTimeout(() => resolve(false), 1_000)
          }),
      ),
    )
    for (const socket of sockets) socket.destroy()
    expect(closed.filter(Boolean)).toHaveLength(2)
  })

  it('a head that does not come in time is cut', async () => {
    const { url } = await serving({}, { headTimeoutMs: 300 })
    const said = await raw(url, 'GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ')
    expect(said).toMatch(/^HTTP\/1.1 408/)
  })

  it('a body that does not come in time is cut, and so is one that comes a byte at a time', async () => {
    const { url } = await serving({}, { requestTimeoutMs: 1_500 })
    const head = 'POST /applications HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n'
    const { port, hostname } = new URL(url)
    const socket = connect(Number(port), hostname, () => socket.write(`${head}content-length: 1000\r\n\r\n{`))
    const dripping = setInterval(() => socket.write(' '), 100)
    let said = ''
    socket.on('data', data => {
      said += data
    })
    socket.on('error', () => undefined)
    await new Promise(resolve => socket.once('close', resolve))
    clearInterval(dripping)
    expect(said).toMatch(/^HTTP\/1.1 408/)
  })

  it('one that asks on and reads no answer is cut, and costs no more than its socket holds', async () => {
    const { url, get } = await serving({}, { stillMs: 1_500, requestsPerMinute: 1_000_000 })
    const { port, hostname } = new URL(url)
    const ask = 'GET /openapi.json HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'.repeat(2_000)
    const before = process.memoryUsage().rss
    const deaf = await Promise.all(
      Array.from(
        { length: 10 },
        () =>
          new Promise<Socket>(resolve => {
            const socket = connect(Number(port), hostname, () => {
              socket.pause()
              socket.write(ask)
              resolve(socket)
            })
            socket.on('error', () => undefined)
          }),
      ),
    )
    expect((await get('/healthz')).status).toBe(200)
    await new Promise(resolve => setTimeout(resolve, 4_500))
    expect((process.memoryUsage().rss - before) / deaf.length).toBeLessThan(8_000_000)
    // What is written to one that was cut is refused.
    const cut = deaf.map(
      socket =>
        new Promise<boolean>(resolve => {
          socket.once('close', () => resolve(true))
          socket.resume()
          setTimeout(() => resolve(false), 3_000)
        }),
    )
    expect(await Promise.all(cut)).toEqual(new Array(10).fill(true))
    for (const socket of deaf) socket.destroy()
  })

  it('requests that come together on one connection are answered in their order', async () => {
    const { url } = await serving()
    const paths = ['/healthz', '/nowhere', '/quotes?limit=0', '/openapi.json', '/healthz']
    const asked = paths.map((path, i) => {
      const close = i === paths.length - 1 ? 'connection: close\r\n' : ''
      return `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${close}\r\n`
    })
    const statuses = [...(await raw(url, asked.join(''))).matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => status)
    expect(statuses).toEqual(['200', '404', '400', '200', '200'])
  })
})

describe('whatever is sent', () => {
  const segment = fc.oneof(
    fc.constantFrom('applications', 'quotes', 'referrals', 'processes', 'regions', 'process', 'trace', 'decision'),
    fc.constantFrom(
      'withdrawal',
      'A-1',
      '..',
      '.',
      '%',
      '%00',
      '%ff',
      '%2f',
      '%F0%9F%98%80',
      '__proto__',
      'constructor',
    ),
    fc.string({ maxLength: 30 }).map(encodeURIComponent),
    fc.string({ unit: 'binary-ascii', maxLength: 20 }).map(text => text.replace(/[\s\0-\x20\x7f]/g, '')),
  )
  const pair = fc.oneof(
    fc.tuple(
      fc.constantFrom(
        'limit',
        'cursor',
        'after',
        'status',
        'sort',
        'order',
        'region',
        'step',
        'at',
        '__proto__',
        'a[b]',
      ),
      fc.oneof(
        fc.constantFrom(
          '1',
          '0',
          '-1',
          '500',
          '1e9',
          'quoted',
          'premium',
          'ended',
          '0-0',
          '0-1',
          '9-9',
          'AAAA',
          '%',
          'R24',
        ),
        fc.string({ maxLength: 20 }).map(encodeURIComponent),
      ),
    ),
  )
  const query = fc
    .array(pair, { maxLength: 4 })
    .map(pairs => pairs.map(([[name, value]]) => `${name}=${value}`).join('&'))
  const route = fc
    .tuple(
      fc.constantFrom(
        'quotes',
        'processes',
        'regions',
        'referrals',
        'applications/ID',
        'applications/ID/process',
        'applications/ID/trace',
        'applications/ID/withdrawal',
        'quotes/ID',
        'referrals/ID/decision',
        'applications',
        'streams/ID',
        'streams/policy-marketplace',
        'streams/policy-marketplace/current',
        'streams/policy-marketplace/first',
        'streams/policy-marketplace/previous/ID',
        'streams/policy-marketplace/previous/1-2',
        'streams/policy-marketplace/subscriptions/ID',
      ),
      fc.oneof(fc.constant('A-1'), segment),
    )
    .map(([template, id]) => template.replace('ID', () => id))
  const anything = fc.array(segment, { maxLength: 4 }).map(segments => segments.join('/'))
  const path = fc
    .tuple(fc.oneof({ weight: 3, arbitrary: route }, anything), query)
    .map(([path, text]) => `/${path}${text === '' ? '' : `?${text}`}`)
  const headerText = fc.string({ unit: 'binary-ascii', maxLength: 40 }).map(text => text.replace(/[^\x20-\x7e]/g, ''))
  const headers = fc.dictionary(
    fc.constantFrom(
      'accept',
      'idempotency-key',
      'if-none-match',
      'x-y',
      'content-type',
      'authorization',
      'range',
      'last-event-id',
      'subscription-id',
      'prefer',
      'traceparent',
    ),
    fc.oneof(
      headerText,
      fc.constantFrom(
        '111',
        '0',
        ':1',
        'text/event-stream',
        'application/cloudevents-batch+json',
        'wait=1',
        'wait=1e9',
      ),
    ),
    { maxKeys: 4 },
  )
  const body = fc.oneof(
    fc.json({ maxDepth: 4 }),
    fc.string({ maxLength: 100 }),
    fc
      .record(
        { decision: fc.constantFrom('accept', 'no'), underwriter: fc.string(), reason: fc.string() },
        { requiredKeys: [] },
      )
      .map(value => JSON.stringify(value)),
    fc.string({ maxLength: 8 }).map(id => JSON.stringify({ ...quotable({ applicationId: id }) })),
    fc.constant(JSON.stringify({ ...quotable(), applicationId: undefined })),
    fc.object({ maxDepth: 1 }).map(over => JSON.stringify({ ...quotable(), ...over })),
    fc
      .record({ applicationId: fc.string({ unit: 'binary', maxLength: 8 }), drivAge: fc.integer() })
      .map(over => JSON.stringify({ ...quotable(), ...over })),
  )

  /** The status of a request sent as it is, by a client that resolves and corrects nothing. */
  const send = (url: string, method: string, path: string, headers: Record<string, string>, body: string | null) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const { port } = new URL(url)
      const options = { host: '127.0.0.1', port, method, path, headers, agent: false as const, timeout: 20_000 }
      const outgoing = request(options, response => {
        let text = ''
        // A subscription has no end of its own.
        if (response.headers['content-type'] === 'text/event-stream') {
          response.destroy()
          resolve({ status: response.statusCode!, text })
        }
        response.setEncoding('utf8').on('data', part => {
          text += part
        })
        response.on('end', () => resolve({ status: response.statusCode!, text }))
      })
      outgoing.on('timeout', () => reject(new Error(`${method} ${path} hangs`)))
      outgoing.on('error', reject)
      outgoing.end(body ?? undefined)
    })

  it('is answered, never by a 500, and never with a stack', async () => {
    const { url, marketplace } = await serving({ feed: true }, { requestsPerMinute: 1_000_000 })
    await marketplace.submit(quotable({ applicationId: 'first' }))
    const method = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('GET', 'POST') },
      fc.constantFrom('HEAD', 'DELETE', 'PUT', 'OPTIONS'),
    )
    await fc.assert(
      fc.asyncProperty(method, path, headers, body, fc.boolean(), async (method, path, headers, body, isJson) => {
        const hasBody = method === 'POST' || method === 'PUT'
        const all = hasBody && isJson ? { ...headers, 'content-type': 'application/json' } : headers
        const { status, text } = await send(url, method, path, all, hasBody ? body : null)
        expect(status).toBeGreaterThanOrEqual(200)
        expect(status).toBeLessThan(500)
        expect(text).not.toMatch(/node_modules|\.ts:\d|at \w+ \(/)
      }),
      { numRuns: 900 },
    )
  })

  it('keeps the server serving', async () => {
    const { url, get } = await serving({}, { requestsPerMinute: 1_000_000 })
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 200 }), async bytes => {
        const said = await raw(url, `${bytes}\r\n\r\n`)
        expect(said === '' || /^HTTP\/1.1 4\d\d/.test(said)).toBe(true)
      }),
      { numRuns: 60 },
    )
    expect((await get('/healthz')).status).toBe(200)
  })
})
