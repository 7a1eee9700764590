import type { AddressInfo } from 'node:net'
import { type FastifyInstance, fastify } from 'fastify'
import { feedPlugin } from 'troupe/feed'
import { type FeedDelivery, pollFeed } from 'troupe/feed/client'
import { afterEach, describe, expect, it } from 'vitest'
import type { Marketplace } from '../../supervisors/marketplace.ts'
import { kept, MODES, openOn } from './support/marketplaces.ts'
import { quotable, sample } from './support/sample.ts'
import { newLmdbStore, newMemoryStore, newRedisStore } from './support/stores.ts'

const apps: FastifyInstance[] = []
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close()
})

const served = async ({ feed }: Marketplace): Promise<string> => {
  const app = fastify({ forceCloseConnections: true })
  apps.push(app)
  await app.register(feedPlugin, { streams: [feed!] })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
}

const read = async (url: string, count: number): Promise<FeedDelivery[]> => {
  const deliveries: FeedDelivery[] = []
  for await (const delivery of pollFeed(`${url}/streams/policy-marketplace`, { minIntervalMs: 10 })) {
    deliveries.push(delivery)
    if (deliveries.length === count) break
  }
  return deliveries
}

const submitAll = async (marketplace: Marketplace, from: number, to: number): Promise<void> => {
  await Promise.all(sample.slice(from, to).map(application => marketplace.submit(application)))
}

const OUTCOMES = ['QuoteGenerated', 'ApplicationDeclined', 'ApplicationReferred']

const STORES = [
  ['memory', () => newMemoryStore()],
  ['LMDB', () => newLmdbStore()],
  ['Redis', () => newRedisStore()],
] as const

describe.each(STORES)('the marketplace on %s', (_, newStore) => {
  it('publishes each event of the domain once, those of an entity in its order, over a restart too', async () => {
    const store = await kept<Awaited<ReturnType<typeof newStore>>>(newStore())
    const first = await openOn(store, { feed: true })
    const { incarnation } = first.feed!.log
    await submitAll(first, 0, 40)
    await first.close()
    const second = await openOn(store, { feed: true })
    expect(second.feed!.log.incarnation).toBe(incarnation)
    await submitAll(second, 40, 60)
    const url = await served(second)
    const deliveries = await read(url, 240)
    expect(deliveries.map(({ number }) => number)).toEqual(Array.from({ length: 240 }, (_, i) => i + 1))
    const byApplication = new Map<string, string[]>()
    for (const { event } of deliveries) {
      const id = String(event.subject)
      byApplication.set(id, [...(byApplication.get(id) ?? []), event.type])
    }
    expect([...byApplication.keys()].sort()).toEqual(
      sample
        .slice(0, 60)
        .map(({ applicationId }) => applicationId)
        .sort(),
    )
    for (const types of byApplication.values()) {
      expect(new Set(types).size).toBe(4)
      expect(types).toEqual(expect.arrayContaining(['RiskAssessed', 'PremiumRateCalculated']))
      const outcome = types.findIndex(type => OUTCOMES.includes(type))
      expect(types.indexOf('ApplicationSubmitted')).toBeGreaterThanOrEqual(0)
      expect(outcome).toBeGreaterThan(types.indexOf('ApplicationSubmitted'))
    }
  })
})

describe.each(MODES)('by %s, the stream policy-marketplace', mode => {
  it('answers the requests of its address as they are written', async () => {
    const marketplace = await openOn(await kept(newMemoryStore()), { feed: true, mode })
    await submitAll(marketplace, 0, 40)
    const url = await served(marketplace)
    await read(url, 160)
    const current = await fetch(`${url}/streams/policy-marketplace/current`)
    expect(current.headers.get('link')).toMatch(
      /<\/streams\/policy-marketplace\/previous\/1-100\?i=[0-9a-z]+>; rel="previous"/,
    )
    const range = (await (await fetch(`${url}/streams/policy-marketplace/previous/100-120`)).json()) as {
      events: { sequence: string }[]
    }
    expect(range.events.map(({ sequence }) => Number(sequence))).toEqual(Array.from({ length: 21 }, (_, i) => 100 + i))
    const live = await fetch(`${url}/streams/policy-marketplace`, { headers: { 'Last-Event-ID': '111' } })
    expect(live.headers.get('content-type')).toBe('text/event-stream')
    const reader = live.body!.getReader()
    let text = ''
    while (!text.includes(':160\n')) text += Buffer.from((await reader.read()).value!).toString()
    expect(/^id: .*:(\d+)$/m.exec(text)![1]).toBe('112')
    const ended = await fetch(`${url}/streams/policy-marketplace`, { method: 'DELETE' })
    expect([ended.status, await ended.json()]).toEqual([200, { ended: 1 }])
    expect(marketplace.feed!.last).toBe(160)
  })

  it('has the decision on a referral, with who took it and why', async () => {
    const marketplace = await openOn(await kept(newMemoryStore()), { feed: true, mode })
    const url = await served(marketplace)
    expect(await marketplace.submit(quotable({ vehPower: 12 }))).toEqual({ outcome: 'referred', known: false })
    await marketplace.decideReferral({
      applicationId: 'A-1',
      decision: 'accept',
      underwriter: 'desk 4',
      reason: 'seen',
    })
    const [...deliveries] = await read(url, 5)
    expect(deliveries.map(({ event }) => event.type).slice(-2)).toEqual(['ApplicationReferred', 'QuoteGenerated'])
    expect(deliveries.at(-1)!.event).toMatchObject({
      source: '/streams/policy-marketplace',
      subject: 'A-1',
      data: { applicationId: 'A-1', underwriter: 'desk 4', underwriterReason: 'seen' },
    })
    expect(deliveries.at(-1)!.event.data).not.toHaveProperty('type')
    expect(new Set(deliveries.slice(0, 4).map(({ event }) => event.correlationid)).size).toBe(1)
  })
})
