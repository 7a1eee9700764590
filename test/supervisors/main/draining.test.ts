import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { VirtualClock } from '../../../src/testkit/virtual-clock.ts'
import { drained } from '../../../supervisors/main/draining.ts'
import { Waiting } from '../../../supervisors/main/waiting.ts'
import { type BuiltPackage, buildPackage } from '../support/built.ts'
import { startMain } from '../support/main-job.ts'
import { kept, openOn } from '../support/marketplaces.ts'
import { quotable } from '../support/sample.ts'
import { newFolder, newMemoryStore, newRedisStore } from '../support/stores.ts'

let built: BuiltPackage
let folder: string
beforeAll(() => {
  built = buildPackage()
  return () => built.remove()
})
beforeEach(() => {
  folder = newFolder('main')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it.each(['SIGTERM', 'SIGINT'] as const)(
  'a first %s waits for what is under way up to --drain-ms, then names what it waits for and ends with 1',
  async signal => {
    const { server } = await kept(newRedisStore())
    const args = ['--journal', server.url, '--concurrency', '8', '--drain-ms', '500']
    const job = startMain(built.main, args, folder)
    const client = new Redis(server.port)
    while ((await client.xlen('{troupe:0}:log')) < 10) await sleep(5)
    await client.client('PAUSE', 600_000, 'ALL')
    await sleep(200)
    const sinceMs = performance.now()
    job.child.kill(signal)
    const { code, stderr } = await job.ended
    client.disconnect()
    expect(performance.now() - sinceMs).toBeGreaterThan(450)
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /not at its end 500 ms after it was asked to stop: it waits for 8 applications: S\d+, .*, and 3 more/,
    )
  },
)

it('says after the time, and not before, which applications are under way and what is parked', async () => {
  const marketplace = await openOn(await kept(newMemoryStore()), {
    riskEnquiry: () => Promise.reject(new Error('the register answers nonsense')),
  })
  const clock = new VirtualClock()
  const waiting = new Waiting(clock)
  waiting.begins(marketplace)
  void waiting.submit(quotable()).catch(() => undefined)
  const toRisk = marketplace.bridges.find(({ name }) => name === 'risk-commands') ?? expect.fail('no such bridge')
  while ((await toRisk.parked()).length === 0) await sleep(20)
  const stop = new AbortController()
  let failure: unknown = null
  drained(stop.signal, 30_000, waiting, clock).catch((error: unknown) => {
    failure = error
  })
  clock.advance(60_000)
  stop.abort()
  clock.advance(29_999)
  await sleep(20)
  expect(failure).toBeNull()
  clock.advance(1)
  await sleep(20)
  expect(failure).toMatchObject({
    name: 'DrainError',
    message: expect.stringMatching(
      /30000 ms after it was asked to stop: it waits for 1 application: A-1; 1 message is parked[\s\S]*the register answers nonsense/,
    ),
  })
  expect(clock.pending).toBe(0)
})
