import { expect, it } from 'vitest'
import { VirtualClock } from '../../../src/testkit/virtual-clock.ts'
import { StalledError, StallWatch } from '../../../supervisors/main/stalling.ts'
import { Tally } from '../../../supervisors/main/tally.ts'
import { Waiting } from '../../../supervisors/main/waiting.ts'
import { kept, openOn } from '../support/marketplaces.ts'
import { quotable } from '../support/sample.ts'
import { newMemoryStore } from '../support/stores.ts'

const turns = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 20))

it('ends a run that waits for a parked message and for nothing else; replayed, the message goes on', {
  timeout: 30_000,
}, async () => {
  let broken = true
  const marketplace = await openOn(await kept(newMemoryStore()), {
    riskEnquiry: () => (broken ? Promise.reject(new Error('the register answers nonsense')) : null),
  })
  const clock = new VirtualClock()
  const tally = new Tally()
  const said: string[] = []
  const waiting = new Waiting(clock)
  waiting.begins(marketplace)
  const watch = new StallWatch(waiting, tally, clock, line => said.push(line))
  let failure: unknown = null
  watch.stalled.catch((error: unknown) => {
    failure = error
  })
  const submitted = waiting.submit(quotable())
  const toRisk = marketplace.bridges.find(({ name }) => name === 'risk-commands') ?? expect.fail('no such bridge')
  while ((await toRisk.parked()).length === 0) await turns()

  // As long as applications end, those that can go on are waited for.
  clock.advance(4_999)
  tally.count({ outcome: 'quoted', known: false }, 1)
  clock.advance(1)
  await turns()
  expect(failure).toBeNull()
  clock.advance(5_000)
  await turns()
  expect(failure).toBeInstanceOf(StalledError)
  expect((failure as unknown as StalledError).message).toMatch(
    /^stalled: it waits for 1 application: A-1. 1 message is parked[\s\S]*\n {2}risk of A-1: the register answers nonsense$/,
  )

  broken = false
  expect(await toRisk.replay('A-1')).toEqual({ delivered: 1, parked: 0 })
  expect((await submitted)?.outcome).toBe('quoted')
  expect(said).toEqual([])
})

it('does not take slowness for a stall, and leaves no timer behind', async () => {
  const marketplace = await openOn(await kept(newMemoryStore()), { riskEnquiry: () => new Promise(() => undefined) })
  const clock = new VirtualClock()
  const said: string[] = []
  const waiting = new Waiting(clock)
  waiting.begins(marketplace)
  const watch = new StallWatch(waiting, new Tally(), clock, line => said.push(line))
  let failure: unknown = null
  watch.stalled.catch((error: unknown) => {
    failure = error
  })
  const submitted = waiting.submit(quotable()).catch((error: unknown) => error)
  for (let look = 0; look < 5; look++) {
    clock.advance(5_000)
    await turns()
  }
  expect(said).toEqual(
    [5, 10, 20].map(seconds => `nothing has come to its end for ${seconds} s: it waits for 1 application: A-1`),
  )
  expect([failure, clock.pending]).toEqual([null, 1])
  watch.end()
  expect(clock.pending).toBe(0)
  await marketplace.close()
  expect(await submitted).toMatchObject({ code: 'ACTOR_STOPPED' })
})
