import { isRuntimeError } from 'troupe'
import {
  type PlannedFault,
  type RunResult,
  replay,
  SimulatedWorld,
  SimulationFailed,
  SimulationStuck,
  scheduleOf,
  shrink,
  simulate,
  standardFaults,
} from 'troupe/testkit'
import { describe, expect, test } from 'vitest'
import { tills } from './till.ts'

const failureOf = async (promise: Promise<unknown>): Promise<SimulationFailed> => {
  try {
    await promise
  } catch (error) {
    if (error instanceof SimulationFailed) return error
    throw error
  }
  throw new Error('every seed held')
}

describe('a simulation', () => {
  test('of a system that is right holds for every seed', async () => {
    const runs: RunResult[] = []
    const report = await simulate({ ...tills(20), seeds: 40, onRun: run => runs.push(run) })
    expect(report.seeds).toBe(40)
    expect(report.faults).toBeGreaterThanOrEqual(200)
    expect(Object.keys(report.byKind).length).toBeGreaterThan(12)
    expect(report.events).toBe(runs.reduce((sum, run) => sum + run.events, 0))
    expect(new Set(runs.map(run => run.hash)).size).toBe(40)
  })

  test('does the same twice for one seed: every event, at its time, to the last one', async () => {
    for (let seed = 1; seed <= 15; seed++) {
      const [first, second] = [await replay(tills(20), seed), await replay(tills(20), seed)]
      expect(second).toEqual(first)
      expect(first.events).toBeGreaterThan(200)
    }
  })

  test('stops at the first broken invariant, with the seed, cut down to the faults that it takes', async () => {
    const runs: number[] = []
    const failed = await failureOf(
      simulate({ ...tills(20, 'hopeful'), seeds: { first: 100, count: 200 }, onRun: run => runs.push(run.seed) }),
    )
    const { violation } = failed
    expect(violation.seed).toBe(100 + runs.length)
    expect(violation.invariant).toMatch(/stored/)
    expect(violation.faults.length).toBeGreaterThanOrEqual(1)
    expect(violation.faults.length).toBeLessThan(violation.faultsAtFirst)
    expect(violation.replays).toBe(true)
    expect(failed.message).toContain(`seed ${violation.seed}: "${violation.invariant}" does not hold`)
    expect(failed.message).toContain('came to the same last event')
    for (const fault of violation.faults) expect(failed.message).toContain(JSON.stringify(fault))
    // None of the faults that are left can be left out, and what is printed is enough to see it again.
    const again = await replay(tills(20, 'hopeful'), violation.seed, violation.faults)
    expect(again).toEqual(violation.run)
    for (let without = 0; without < violation.faults.length; without++) {
      const fewer = violation.faults.filter((_, i) => i !== without)
      const run = await replay(tills(20, 'hopeful'), violation.seed, fewer)
      expect(run.broken?.invariant).not.toBe(violation.invariant)
    }
  })

  test('says so when a run is not the same each time', async () => {
    const failed = await failureOf(
      simulate({
        ...tills(1),
        load: async (_system, world) => {
          await world.sleep(performance.now() % 1)
          throw new Error('on purpose')
        },
        seeds: 1,
      }),
    )
    expect(failed.violation.replays).toBe(false)
    expect(failed.message).toContain('it did NOT do the same')
  })

  test('takes what the load throws, and a run that waits for ever, for broken invariants', async () => {
    const throwing = await failureOf(
      simulate({ ...tills(1), load: () => Promise.reject(new Error('no such shop')), seeds: [7] }),
    )
    expect(throwing.violation).toMatchObject({ seed: 7, invariant: 'the load ends', faults: [] })
    const waiting = await failureOf(simulate({ ...tills(1), load: () => new Promise(() => undefined), seeds: [7] }))
    expect(waiting.violation.error).toBeInstanceOf(SimulationStuck)
  })
})

describe('a schedule of faults', () => {
  const kinds = standardFaults
  test('is the seed’s: the same again, and another for another seed', () => {
    expect(scheduleOf(3, { kinds })).toEqual(scheduleOf(3, { kinds }))
    expect(scheduleOf(3, { kinds })).not.toEqual(scheduleOf(4, { kinds }))
    expect(scheduleOf(3, undefined)).toEqual([])
  })

  test('has as many as it may, in the order of their times, within the time', () => {
    const counts = new Set<number>()
    for (let seed = 0; seed < 200; seed++) {
      const faults = scheduleOf(seed, { kinds, perRun: { min: 2, max: 4 }, withinMs: 500 })
      counts.add(faults.length)
      for (const [i, { atMs }] of faults.entries()) {
        expect(atMs).toBeLessThanOrEqual(500)
        expect(atMs).toBeGreaterThanOrEqual(faults[i - 1]?.atMs ?? 0)
      }
    }
    expect([...counts].sort()).toEqual([2, 3, 4])
  })

  test('has one at least of those that each run is to have', () => {
    const always = [standardFaults[1]!, standardFaults[4]!]
    for (let seed = 0; seed < 50; seed++) {
      const faults = scheduleOf(seed, { kinds, always, perRun: { min: 0, max: 3 } })
      for (const { name } of always) expect(faults.map(fault => fault.kind)).toContain(name)
    }
  })

  test('of a kind that is not known is refused', async () => {
    const fault: PlannedFault = { kind: 'flood', atMs: 1, target: 0, size: 0 }
    expect((await replay(tills(1), 1, [fault])).broken?.error.message).toBe('no kind of fault is named flood')
  })
})

describe('shrinking', () => {
  const numbers = Array.from({ length: 40 }, (_, i) => i)

  test.each([[[]], [[17]], [[0, 39]], [[3, 4, 20, 33]], [numbers]])('finds %j', async needed => {
    const found = await shrink(numbers, async part => needed.every(number => part.includes(number)), 5_000)
    expect(found).toEqual(needed)
  })

  test('asks no more often than it may, and gives the smallest part found so far', async () => {
    let asked = 0
    const found = await shrink(
      numbers,
      async part => {
        asked++
        return part.includes(3) && part.includes(30)
      },
      7,
    )
    expect(asked).toBe(7)
    expect(found.length).toBeLessThan(40)
    expect(found).toEqual(expect.arrayContaining([3, 30]))
  })
})

describe('a simulated world', () => {
  test('refuses to go on where nothing is left to happen, or for ever', async () => {
    const waiting = new SimulatedWorld(1).run(() => new Promise(() => undefined))
    await expect(waiting).rejects.toThrow(/waits for ever/)
    const world = new SimulatedWorld(1, { maxMs: 1_000 })
    const endless = async (): Promise<void> => {
      for (;;) await world.sleep(10)
    }
    await expect(world.run(endless)).rejects.toThrow('the run goes on after 1000 ms')
    const busy = new SimulatedWorld(1, { maxSteps: 100 })
    const host = busy.host('busy')
    const turn = (): void => host.ports.executor.soon(turn)
    turn()
    await expect(busy.run(() => new Promise(() => undefined))).rejects.toThrow('the run goes on after 100 events')
  })

  test('an error that nobody catches ends the run', async () => {
    const world = new SimulatedWorld(1)
    const host = world.host('broken')
    host.ports.executor.soon(() => {
      throw new Error('on purpose')
    })
    await expect(world.run(() => world.sleep(1_000))).rejects.toThrow('broken#1: uncaught error')
  })

  test('a stalled host runs nothing; what was due comes after', async () => {
    const world = new SimulatedWorld(1)
    const host = world.host('h')
    const ran: number[] = []
    host.ports.clock.after(10, () => ran.push(world.nowMs))
    host.stall(500)
    await world.run(() => world.sleep(1_000))
    expect(ran).toHaveLength(1)
    expect(ran[0]).toBeGreaterThanOrEqual(500)
    expect(ran[0]).toBeLessThan(502)
  })

  test('a timer that is due and waits for its turn can still be cancelled', async () => {
    const world = new SimulatedWorld(1)
    const host = world.host('h')
    const ran: string[] = []
    host.stall(100)
    host.ports.clock.after(10, () => {
      ran.push('first')
      cancel()
    })
    const cancel = host.ports.clock.after(10, () => ran.push('cancelled'))
    await world.run(() => world.sleep(200))
    expect(ran).toEqual(['first'])
  })

  test('a host that crashed does nothing more; what it had sent arrives', async () => {
    const world = new SimulatedWorld(1)
    const host = world.host('h')
    const store = world.store()
    const journal = store.journal(host)
    const ran: string[] = []
    await world.run(async () => {
      await journal.open()
      host.ports.clock.after(10, () => ran.push('timer'))
      host.ports.executor.soon(() => ran.push('turn'))
      const append = {
        persistenceId: 'a',
        expectedSequenceNr: 0,
        appendId: 'x',
        timeMs: 0,
        causationId: null,
        correlationId: null,
        traceParent: null,
        principal: null,
        compensates: null,
        handled: null,
        records: [{ kind: 'event', type: 'E', version: 1, payload: { type: 'E' } }],
      } as const
      journal.commit(0, [append]).then(() => ran.push('answer'))
      host.crash()
      await world.sleep(1_000)
    })
    expect(ran).toEqual([])
    expect(store.records).toBe(1)
  })

  test('wall clocks jump and monotonic ones do not; looking at the time takes some', async () => {
    const world = new SimulatedWorld(1)
    const { ports, ...host } = world.host('h')
    expect(host).toBeDefined()
    const before = ports.clock.nowMs()
    const looks = Array.from({ length: 100 }, () => ports.clock.monotonicMs())
    for (let i = 1; i < 100; i++) expect(looks[i]!).toBeGreaterThan(looks[i - 1]!)
    const jumping = world.host('h')
    jumping.jumpWall(-60_000)
    expect(jumping.ports.clock.nowMs()).toBe(before - 60_000)
    expect(jumping.id).toBe('h#2')
  })

  test('a fenced host knows since when', async () => {
    const world = new SimulatedWorld(1)
    const store = world.store()
    const [older, newer] = [world.host('p'), world.host('p')]
    const [first, second] = [store.journal(older), store.journal(newer)]
    await world.run(async () => {
      await first.open()
      await second.open()
      expect(older.fencedAtMs).toBeNull()
      await first.commit(0, []).catch(error => {
        if (!isRuntimeError(error, 'JOURNAL_FENCED')) throw error
      })
    })
    expect(older.fencedAtMs).toBeGreaterThan(0)
    expect(newer.fencedAtMs).toBeNull()
  })
})
