import { ActorSystem, behavior, isRuntimeError } from 'troupe'
import {
  type FaultKind,
  type FaultOptions,
  type PlannedFault,
  type RunResult,
  replay,
  SimulatedWorld,
  type Simulation,
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

describe('a report of a simulation', () => {
  const note: FaultKind = { name: 'note', inject: world => world.note('a fault') }
  const base: Simulation<object> = {
    seeds: 3,
    system: () => ({}),
    load: async (_system, world) => world.sleep(100),
    faults: { kinds: [note], perRun: { min: 6, max: 6 }, withinMs: 1_000 },
    invariants: {},
  }

  test('counts the faults that came to pass, not those that were due after the load had ended', async () => {
    let injected = 0
    const counting: FaultKind = {
      name: 'counting',
      inject: () => {
        injected++
      },
    }
    const runs: RunResult[] = []
    const report = await simulate({
      ...base,
      faults: { ...base.faults, kinds: [counting] },
      seeds: 20,
      onRun: run => runs.push(run),
    })
    expect(injected).toBeGreaterThan(0)
    expect(injected).toBeLessThan(20 * 6)
    expect(report.faults).toBe(injected)
    expect(report.byKind).toEqual({ counting: injected })
    for (const run of runs) {
      expect(run.faults).toHaveLength(6)
      expect(run.injected).toEqual(run.faults.filter(({ atMs }) => atMs < 100))
    }
  })

  test('counts none where none was due', async () => {
    const { faults, byKind } = await simulate({ ...base, load: async () => undefined })
    expect([faults, byKind]).toEqual([0, {}])
  })

  test('has the kinds that each run is to have, also where no other is drawn', async () => {
    const other: FaultKind = { name: 'other', inject: () => undefined }
    const load: Simulation<object>['load'] = (_system, _world, calm) => calm
    const alone = await simulate({ ...base, load, faults: { ...base.faults, kinds: [], always: [note] } })
    expect(alone.byKind).toEqual({ note: 18 })
    const both = await simulate({ ...base, load, faults: { ...base.faults, kinds: [other], always: [note] } })
    expect(both.byKind).toEqual({ note: 3, other: 15 })
    const wrong = { ...base, load, faults: { kinds: [other], always: [{ ...note, name: 'other' }] } }
    await expect(simulate(wrong)).rejects.toThrow(new RangeError('two kinds of fault are named other'))
  })

  test.each<Pick<Simulation<object>, 'seeds'>>([
    { seeds: Number.NaN },
    { seeds: -1 },
    { seeds: 0 },
    { seeds: 1.5 },
    { seeds: [] },
    { seeds: [1, Number.NaN] },
    { seeds: [0.5] },
    { seeds: { first: 1, count: 0 } },
    { seeds: { first: 0.5, count: 2 } },
  ])('is not given for %o', async ({ seeds }) => {
    await expect(simulate({ ...base, seeds })).rejects.toThrow(RangeError)
  })

  test.each<FaultOptions>([
    { kinds: [note], perRun: { min: 5, max: 2 } },
    { kinds: [note], perRun: { min: Number.NaN, max: 2 } },
    { kinds: [note], perRun: { min: 1, max: Number.POSITIVE_INFINITY } },
    { kinds: [note], perRun: { min: -1, max: 2 } },
    { kinds: [note], perRun: { min: 0.5, max: 2 } },
    { kinds: [note], withinMs: Number.NaN },
    { kinds: [note], withinMs: -1 },
    { kinds: [{ ...note, weight: Number.NaN }] },
    { kinds: [{ ...note, weight: -1 }] },
    { kinds: [], perRun: { min: 1, max: 1 } },
  ])('is not given for %o', async faults => {
    await expect(simulate({ ...base, faults })).rejects.toThrow(RangeError)
  })

  test.each<readonly [what: string, wrong: object, text: string]>([
    ['a misspelt member', { invariant: {} }, 'not "invariant"'],
    ['no invariants', { invariants: undefined }, 'invariants must be an object, not undefined'],
    ['a misspelt `always`', { invariants: { alway: { kept: () => true } } }, 'may have always, atEnd, not "alway"'],
    ['a misspelt `atEnd`', { invariants: { atend: { kept: () => true } } }, 'may have always, atEnd, not "atend"'],
    ['an invariant that is none', { invariants: { always: { kept: 5 } } }, 'invariants.always.kept must be a function'],
    ['invariants in a list', { invariants: { atEnd: 5 } }, 'invariants.atEnd must be an object'],
    ['a load that is none', { load: undefined }, 'load must be a function, not undefined'],
    ['a system that is none', { system: {} }, 'system must be a function'],
    ['a misspelt option of faults', { faults: { kinds: [], within: 5 } }, 'not "within"'],
    ['a misspelt number of faults', { faults: { kinds: [], perRun: { min: 0, max: 1, most: 2 } } }, 'not "most"'],
  ])('is not given for %s', async (_what, wrong, text) => {
    const simulation = { ...base, ...wrong } as Simulation<object>
    for (const run of [() => simulate(simulation), () => replay(simulation, 1)]) {
      await expect(run()).rejects.toThrow(RangeError)
      await expect(run()).rejects.toThrow(text)
    }
  })

  test('is not given for a system that is a promise', async () => {
    const system = async (): Promise<object> => {
      throw new Error('too late')
    }
    await expect(simulate({ ...base, system })).rejects.toThrow(
      new TypeError(
        '`system` gives a promise: build it at once, and let the processes of the world start in their time',
      ),
    )
  })

  test('checks what holds always from the start, also where nothing happens', async () => {
    const load = async (): Promise<void> => undefined
    const holds = (system: object): void => expect(system).toEqual({ left: 0 })
    const simulation: Simulation<{ left: number }> = { seeds: 1, system: () => ({ left: 1 }), load, invariants: {} }
    const atStart = await failureOf(simulate({ ...simulation, invariants: { always: { holds } } }))
    expect(atStart.violation).toMatchObject({ invariant: 'holds', run: { events: 0 } })
    const changing = { system: () => ({ left: 0 }), load: async (system: { left: number }) => void system.left++ }
    const byLoad = await failureOf(simulate({ ...simulation, ...changing, invariants: { always: { holds } } }))
    expect(byLoad.violation).toMatchObject({ invariant: 'holds', run: { events: 0 } })
  })

  test('counts no fault that found nothing to befall', async () => {
    const load: Simulation<object>['load'] = (_system, _world, calm) => calm
    const faults = { kinds: standardFaults, perRun: { min: 20, max: 20 }, withinMs: 1_000 }
    const inNothing = await simulate({ ...base, load, faults, seeds: 10 })
    expect([inNothing.faults, inNothing.byKind]).toEqual([0, {}])
    const withStore = await simulate({ ...base, system: world => world.store(), load, faults, seeds: 30 })
    expect(Object.keys(withStore.byKind).sort()).toEqual([
      'commit-twice',
      'crash-at-commit',
      'store-down',
      'store-error-after',
      'store-error-before',
      'store-slow',
    ])
  })

  test('an invariant that answers false does not hold', async () => {
    const always = await failureOf(simulate({ ...base, invariants: { always: { kept: () => false } } }))
    expect(always.violation).toMatchObject({ invariant: 'kept', error: { message: 'it answers false' } })
    const atEnd = await failureOf(simulate({ ...base, invariants: { atEnd: { kept: async () => false } } }))
    expect(atEnd.violation).toMatchObject({ invariant: 'kept', error: { message: 'it answers false' } })
  })

  test('an invariant of every event that is async is refused, whatever it comes to', async () => {
    const rejecting = async (): Promise<void> => {
      throw new Error('too late')
    }
    const failed = await failureOf(simulate({ ...base, invariants: { always: { late: rejecting } } }))
    expect(failed.violation).toMatchObject({
      invariant: 'late',
      error: expect.any(TypeError),
      faults: [],
    })
    expect(failed.message).toContain('it gives a promise, and nobody waits for it between two events')
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
    const atOnce = new SimulatedWorld(1, { maxSteps: 100 })
    const again = (): void => {
      atOnce.at(atOnce.nowMs, null, 'again', again)
    }
    again()
    await expect(atOnce.run(() => new Promise(() => undefined))).rejects.toThrow('the run goes on after 100 events')
  })

  test('ends where an actor always has work', async () => {
    const world = new SimulatedWorld(1, { maxSteps: 10_000 })
    const { ports, logger } = world.host('busy')
    const system = ActorSystem.start({ ports, logger })
    let handled = 0
    const restless = behavior<'again', null>({
      initial: () => null,
      receive: (state, message, context) => {
        handled++
        context.self.tell(message)
        return state
      },
    })
    system.spawn(restless).tell('again')
    await expect(world.run(() => world.sleep(60_000))).rejects.toThrow('the run goes on after 10000 events')
    expect(handled).toBeLessThan(2_000_000)
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
