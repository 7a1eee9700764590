import { history, supervisorControl } from 'troupe'
import { describe, expect, it, vi } from 'vitest'
import { auditPrefix } from '../../../supervisors/views/audit.ts'
import { MODES } from '../support/marketplaces.ts'
import { quotable, sample } from '../support/sample.ts'
import { type Serving, serving } from './serving.ts'

const outcomeOf = async ({ get }: Serving, id: string): Promise<string> =>
  vi.waitFor(async () => {
    const { body } = await get(`/applications/${encodeURIComponent(id)}`)
    expect(body.status).not.toBe('submitted')
    return body.status
  })

/** Until the views show all that is in the log. */
const caughtUp = async ({ get, marketplace }: Serving): Promise<void> => {
  await marketplace.settled()
  await vi.waitFor(async () => {
    const { body } = await get('/readyz')
    for (const view of Object.values<{ lag: number }>(body.views)) expect(view.lag).toBe(0)
  })
}

describe.each(MODES)('by %s, over HTTP,', mode => {
  it('an application is accepted, decided, and shown to whoever submitted it', async () => {
    const server = await serving({ mode })
    const accepted = await server.post('/applications', quotable())
    expect(accepted).toMatchObject({ status: 202, body: { applicationId: 'A-1', status: 'submitted' } })
    expect(accepted.headers.get('location')).toBe('/applications/A-1')
    expect(accepted.headers.get('troupe-position')).toBe(accepted.body.position)
    expect(await outcomeOf(server, 'A-1')).toBe('quoted')
    expect((await server.get('/applications/A-1')).body).toEqual(await server.marketplace.describe('A-1'))
    await caughtUp(server)
    const quote = await server.get('/quotes/A-1')
    expect(quote).toMatchObject({ status: 200, body: { applicationId: 'A-1', status: 'quoted' } })
    const again = await server.post('/applications', quotable())
    expect(again).toMatchObject({ status: 202, body: { status: 'quoted' } })
  })

  it('a process tells its steps with their times, and where it was at a time', async () => {
    const server = await serving({ mode })
    const { body } = await server.post('/applications', quotable())
    const early = await server.get(`/applications/A-1/process?after=${body.position}`)
    expect(early).toMatchObject({ status: 200, body: { mode, parked: [] } })
    await outcomeOf(server, 'A-1')
    await caughtUp(server)
    const { body: process } = await server.get('/applications/A-1/process')
    expect(process.step).toBe('ended')
    expect(process.history.map(({ step }: { step: string }) => step)).toEqual([
      'assessing-risk',
      'calculating-rate',
      'evaluating-quote',
      'ended',
    ])
    const begunMs: number = process.history[0].atMs
    expect((await server.get(`/applications/A-1/process?at=${begunMs - 1}`)).status).toBe(404)
    const then = (await server.get(`/applications/A-1/process?at=${begunMs}`)).body
    expect(then.history.every(({ atMs }: { atMs: number }) => atMs <= begunMs)).toBe(true)
    expect((await server.get('/processes?step=ended')).body.rows).toHaveLength(1)
  })

  it('a process tells how often its step has failed and with what, now and as of a time', async () => {
    let isFixed = false
    let tries = 0
    const register = async (): Promise<void> => {
      tries++
      if (!isFixed) throw new Error('claims register: 502')
    }
    const server = await serving({ mode, riskEnquiry: register })
    const { marketplace } = server
    await server.post('/applications', quotable())
    const processOf = async (query = '') => (await server.get(`/applications/A-1/process${query}`)).body
    await vi.waitFor(async () => expect((await processOf()).attempts).toBeGreaterThanOrEqual(1))
    const failing = { step: 'assessing-risk', lastError: 'claims register: 502' }
    expect(await processOf()).toMatchObject({ ...failing, bridgesDown: [] })
    await vi.waitFor(async () => expect((await processOf()).parked).toHaveLength(1), { timeout: 20_000 })
    expect(tries).toBe(5)
    const parked = await processOf()
    expect(parked).toMatchObject({ ...failing, attempts: 5, parked: [{ attempts: 5, error: failing.lastError }] })

    // Where it stands is asked most while something is down.
    await supervisorControl(marketplace.root).terminateChild('risk')
    const down = mode === 'orchestration' ? 'risk-commands' : 'risk-events'
    expect(await processOf()).toMatchObject({ ...failing, attempts: 5, bridgesDown: [down] })
    await supervisorControl(marketplace.root).restartChild('risk')

    isFixed = true
    await Promise.all(marketplace.bridges.map(bridge => bridge.replay('A-1')))
    expect(await outcomeOf(server, 'A-1')).toBe('quoted')
    await caughtUp(server)
    expect(await processOf()).toMatchObject({ step: 'ended', attempts: 0, lastError: null, parked: [] })
    expect(await processOf(`?at=${parked.asOfMs}`)).toMatchObject({ ...failing, attempts: 5, asOfMs: parked.asOfMs })
    const { body: then } = await server.get(`/applications/A-1?at=${parked.asOfMs}`)
    expect(then).toMatchObject({ applicationId: 'A-1', status: 'submitted', rate: null })
    expect((await server.get('/applications/A-1?at=1')).status).toBe(404)
  })

  it('a trace tells what led to what', async () => {
    const server = await serving({ mode })
    await server.post('/applications', quotable({ vehPower: 12 }))
    expect(await outcomeOf(server, 'A-1')).toBe('referred')
    const word = { decision: 'accept', underwriter: 'desk 4', reason: 'seen the car' }
    await server.post('/referrals/A-1/decision', word)
    await caughtUp(server)
    const { body } = await server.get('/applications/A-1/trace')
    const flow = body.records.map((row: { depth: number; type: string }) => `${row.depth} ${row.type}`)
    expect(flow).toEqual(
      mode === 'choreography'
        ? [
            '0 ApplicationSubmitted',
            '1 RiskAssessed',
            '2 PremiumRateCalculated',
            '3 ApplicationReferred',
            '0 QuoteGenerated',
          ]
        : [
            '0 ApplicationSubmitted',
            '1 AssessRisk',
            '2 RiskAssessed',
            '3 CalculatePremiumRate',
            '4 PremiumRateCalculated',
            '5 EvaluateQuote',
            '6 ApplicationReferred',
            '0 QuoteGenerated',
          ],
    )
    expect(body.records.at(-1)).toMatchObject({ who: 'desk 4', why: ['seen the car'] })
  })

  it('all that a request led to names who asked, and is part of the trace that it came with', async () => {
    const tokens = [{ token: 'broker-0123456789abcdef', scopes: ['read', 'submit'] as const, name: 'broker 7' }]
    const server = await serving({ mode }, { tokens })
    const headers = {
      authorization: `Bearer ${tokens[0]!.token}`,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    }
    const asked = { ...server, get: (path: string) => server.get(path, headers) }
    expect((await server.post('/applications', quotable(), headers)).status).toBe(202)
    expect(await outcomeOf(asked, 'A-1')).toBe('quoted')
    await server.post('/applications/A-1/withdrawal', { reason: 'sold' }, { ...headers, traceparent: 'no trace' })
    await caughtUp(server)
    const { body } = await asked.get('/applications/A-1/trace')
    const principals = body.records.map((row: { principal: string }) => row.principal)
    expect(principals).toEqual(new Array(mode === 'choreography' ? 5 : 8).fill('broker 7'))
    const traces: (string | null)[] = []
    for await (const entry of history(server.marketplace.store, 'application', 'A-1')) traces.push(entry.traceParent)
    expect(traces).toEqual([headers.traceparent, headers.traceparent, null])
  })

  it('a caller whose name is as long as it may be stands in the trace, and holds up no view', async () => {
    const name = '長'.repeat(256)
    const server = await serving({ mode }, { authorize: () => ({ name, scopes: ['read', 'submit'] }) })
    await server.post('/applications', quotable())
    await caughtUp(server)
    const { body } = await server.get('/applications/A-1/trace')
    expect(body.records[0]).toMatchObject({ type: 'ApplicationSubmitted', principal: name })
    const { rows } = await server.marketplace.views!.audit.range('principal', { prefix: auditPrefix(name) })
    expect(rows).toHaveLength(body.records.length)
  })

  it('an application is withdrawn while its process runs, and the process ends with it', async () => {
    let release = (): void => undefined
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    const server = await serving({ mode, riskEnquiry: () => held })
    await server.post('/applications', quotable())
    const withdrawn = await server.post('/applications/A-1/withdrawal', { reason: 'sold the car' })
    expect(withdrawn).toMatchObject({ status: 200, body: { outcome: 'withdrawn' } })
    release()
    await caughtUp(server)
    expect((await server.get('/applications/A-1')).body).toMatchObject({ status: 'withdrawn', rate: null })
    expect((await server.get('/applications/A-1/process')).body.step).toBe('ended')
    expect((await server.get('/quotes?status=withdrawn')).body.rows).toHaveLength(1)
  })
})

it('a referral is decided by an underwriter, once', async () => {
  const server = await serving()
  await server.post('/applications', quotable({ vehPower: 12 }))
  expect(await outcomeOf(server, 'A-1')).toBe('referred')
  await caughtUp(server)
  expect((await server.get('/referrals')).body.rows).toMatchObject([{ applicationId: 'A-1' }])
  const word = { decision: 'accept', underwriter: 'desk 4', reason: 'seen the car' }
  const decided = await server.post('/referrals/A-1/decision', word)
  expect(decided).toMatchObject({ status: 200, body: { outcome: 'quoted' } })
  const shown = await server.get(`/referrals?after=${decided.body.position}`)
  expect(shown.body.rows).toEqual([])
  expect((await server.post('/referrals/A-1/decision', { ...word, decision: 'decline' })).status).toBe(409)
  expect((await server.post('/referrals/none/decision', word)).status).toBe(404)
})

it('an idempotency key makes the id of an application that has none: the same key is the same application', async () => {
  const server = await serving()
  const { applicationId, ...content } = quotable()
  const key = { 'idempotency-key': 'abc-1' }
  const first = await server.post('/applications', content, key)
  const again = await server.post('/applications', content, key)
  expect(first.status).toBe(202)
  expect(again.body.applicationId).toBe(first.body.applicationId)
  expect((await server.post('/applications', { ...content, drivAge: 70 }, key)).status).toBe(409)
  const other = await server.post('/applications', content, { 'idempotency-key': 'abc-2' })
  expect(other.body.applicationId).not.toBe(first.body.applicationId)
  expect((await server.post('/applications', content)).status).toBe(422)
  expect((await server.post('/applications', content, { 'idempotency-key': 'x'.repeat(256) })).status).toBe(400)
  expect(applicationId).toBe('A-1')
})

it('an id may be any text, also one that means something in a path or an index', async () => {
  const server = await serving()
  for (const applicationId of ['a/b?c#d', '日本😀', 'a\0b', '%2e', ' ', 'x'.repeat(128), '日'.repeat(128)]) {
    const accepted = await server.post('/applications', quotable({ applicationId }))
    expect(accepted.status).toBe(202)
    expect(await outcomeOf(server, applicationId)).toBe('quoted')
    expect((await server.get(accepted.headers.get('location')!)).body.applicationId).toBe(applicationId)
  }
})

it('quotes are filtered, sorted and paged, and the pages together are all of them', async () => {
  const server = await serving()
  const { marketplace, get } = server
  await Promise.all(sample.slice(0, 150).map(application => marketplace.submit(application)))
  await caughtUp(server)
  const all = async (query: string) => {
    const rows: { status: string; region: string; ttcCents: number; decidedAtMs: number; applicationId: string }[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await get(`/quotes?limit=40${query}${cursor === '' ? '' : `&cursor=${cursor}`}`)
      expect(page.status).toBe(200)
      rows.push(...page.body.rows)
      cursor = page.body.cursor
    }
    return rows
  }
  const whole = await all('')
  expect(new Set(whole.map(row => row.applicationId)).size).toBe(150)
  expect(whole.map(row => row.decidedAtMs)).toEqual([...whole.map(row => row.decidedAtMs)].sort((a, b) => a - b))
  const dearest = (await all('&sort=premium&order=desc')).map(row => row.ttcCents)
  expect(dearest).toEqual([...dearest].sort((a, b) => b - a))
  const region = whole[0]!.region
  for (const [query, fits] of [
    ['&status=quoted', row => row.status === 'quoted'],
    [`&region=${region}`, row => row.region === region],
    [`&region=${region}&status=quoted&sort=premium`, row => row.region === region && row.status === 'quoted'],
  ] as readonly [string, (row: { status: string; region: string }) => boolean][])
    expect((await all(query)).map(row => row.applicationId).sort()).toEqual(
      whole
        .filter(fits)
        .map(row => row.applicationId)
        .sort(),
    )
  const { body } = await get('/quotes?limit=1')
  expect((await get(`/quotes?status=quoted&cursor=${body.cursor}`)).status).toBe(400)
  const regions = (await get('/regions?limit=500')).body.rows as { risks: number }[]
  expect(regions.reduce((sum, { risks }) => sum + risks, 0)).toBe(150)
})

it('what is wrong with a request is told, all of it, as problem+json', async () => {
  const server = await serving()
  const invalid = await server.post('/applications', { ...quotable(), drivAge: 17, region: 'R99' })
  expect(invalid.status).toBe(422)
  expect(invalid.headers.get('content-type')).toContain('application/problem+json')
  expect(invalid.body).toMatchObject({ title: 'Unprocessable Content', status: 422 })
  expect(invalid.body.errors).toEqual(['DrivAge: 17 is outside 18 to 100', 'Region: unknown "R99"'])
  await server.post('/applications', quotable())
  expect((await server.post('/applications', quotable({ drivAge: 70 }))).status).toBe(409)
  for (const path of [
    '/quotes?limit=0',
    '/quotes?limit=501',
    '/quotes?limit=1e2',
    '/quotes?status=submitted',
    '/quotes?sort=name',
    '/quotes?cursor=***',
    '/quotes?after=9',
    '/quotes?after=0-999999',
    '/quotes?after=99-0',
    '/quotes?limit=1&limit=2',
    '/processes',
    '/applications/A-1/process?at=-1',
  ])
    expect([path, (await server.get(path)).status]).toEqual([path, 400])
  for (const path of ['/applications/none', '/quotes/none', '/applications/none/trace', '/nowhere', '/applications'])
    expect([path, (await server.get(path)).status]).toEqual([path, 404])
})

it('the OpenAPI document has every route, with what it takes and gives', async () => {
  const { get } = await serving()
  const { body, status } = await get('/openapi.json')
  expect(status).toBe(200)
  expect(body.openapi).toBe('3.1.0')
  expect(Object.keys(body.paths).sort()).toEqual([
    '/applications',
    '/applications/{id}',
    '/applications/{id}/process',
    '/applications/{id}/trace',
    '/applications/{id}/withdrawal',
    '/healthz',
    '/processes',
    '/quotes',
    '/quotes/{id}',
    '/readyz',
    '/referrals',
    '/referrals/{id}/decision',
    '/regions',
  ])
  const submission = body.paths['/applications'].post.requestBody.content['application/json'].schema
  expect(submission.properties.drivAge).toEqual({ type: 'integer', minimum: 18, maximum: 100 })
  expect(submission.required).not.toContain('applicationId')
  expect(submission.required).toContain('region')
  const { parameters } = body.paths['/quotes'].get
  expect(parameters.find(({ name }: { name: string }) => name === 'status').schema.enum).toContain('quoted')
  expect(body.paths['/quotes/{id}'].get.parameters[0]).toMatchObject({ name: 'id', in: 'path', required: true })
})

it('answers health and readiness', async () => {
  const { get } = await serving()
  expect(await get('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } })
  await vi.waitFor(async () => expect(await get('/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } }))
})

it('a command while its context is down is 503, to be tried again', async () => {
  const { marketplace, post } = await serving()
  await supervisorControl(marketplace.root).terminateChild('underwriting')
  const refused = await post('/applications', quotable())
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(JSON.stringify(refused.body)).not.toMatch(/BRIDGE|node_modules|\.ts/)
})
