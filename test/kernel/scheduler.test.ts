import { describe, expect, test } from 'vitest'
import type { Executor } from '../../src/base/ports.ts'
import { type Runnable, Scheduler, type SchedulerOptions } from '../../src/kernel/scheduler.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import { VirtualClock } from '../../src/testkit/virtual-clock.ts'

/** An event loop by hand: `soon` at once, `later` when asked. */
class HandExecutor implements Executor {
  private readonly now: (() => void)[] = []
  private readonly next: (() => void)[] = []
  soon(task: () => void): void {
    this.now.push(task)
  }
  later(task: () => void): void {
    this.next.push(task)
  }
  get laterCount(): number {
    return this.next.length
  }
  /** One macrotask: what was due, and every microtask that follows. */
  macrotask(): void {
    for (const task of this.next.splice(0)) {
      task()
      this.microtasks()
    }
    this.microtasks()
  }
  private microtasks(): void {
    for (let task = this.now.shift(); task !== undefined; task = this.now.shift()) task()
  }
}

class Worker implements Runnable {
  done = 0
  readonly turns: number[] = []
  private readonly scheduler: Scheduler
  private left: number
  private readonly each: () => void
  constructor(scheduler: Scheduler, work: number, each: () => void = () => undefined) {
    this.scheduler = scheduler
    this.left = work
    this.each = each
    scheduler.enqueue(this)
  }
  run(limit: number): number {
    const now = Math.min(limit, this.left)
    for (let i = 0; i < now; i++) this.each()
    this.left -= now
    this.done += now
    this.turns.push(now)
    if (this.left > 0) this.scheduler.enqueue(this)
    return Math.max(1, now)
  }
}

const setUp = (options?: SchedulerOptions) => {
  const clock = new VirtualClock()
  const executor = new HandExecutor()
  return { clock, executor, scheduler: new Scheduler(clock, executor, options) }
}

describe('Scheduler', () => {
  test('goes on with the others when one throws, and lets the error out', () => {
    const { executor, scheduler } = setUp()
    const broken = new Worker(scheduler, 1, () => {
      throw new Error('a bug')
    })
    const other = new Worker(scheduler, 1)
    expect(() => executor.macrotask()).toThrow('a bug')
    executor.macrotask()
    expect([broken.done, other.done]).toEqual([0, 1])
    const later = new Worker(scheduler, 1)
    executor.macrotask()
    expect(later.done).toBe(1)
  })

  test('gives no actor more than `throughput` messages before the next one has its turn', () => {
    const { executor, scheduler } = setUp({ throughput: 16 })
    const busy = new Worker(scheduler, 1_000)
    const quiet = new Worker(scheduler, 1)
    executor.macrotask()
    expect(Math.max(...busy.turns)).toBeLessThanOrEqual(16)
    expect(busy.done).toBe(1_000)
    expect(quiet.done).toBe(1)
  })

  test('gives one actor 32 messages at a time unless it is given another number', () => {
    const { executor, scheduler } = setUp()
    const busy = new Worker(scheduler, 1_000)
    executor.macrotask()
    expect(busy.done).toBe(1_000)
    expect(Math.max(...busy.turns)).toBe(32)
  })

  test('runs actors in the order they got work', () => {
    const { executor, scheduler } = setUp()
    const order: string[] = []
    for (const name of ['a', 'b', 'c']) new Worker(scheduler, 1, () => order.push(name))
    executor.macrotask()
    expect(order).toEqual(['a', 'b', 'c'])
  })

  test('shares the thread evenly between actors that never run dry', () => {
    const { clock, executor, scheduler } = setUp({ throughput: 8 })
    const workers = Array.from({ length: 10 }, () => new Worker(scheduler, 1e9, () => clock.advance(0.01)))
    for (let turn = 0; turn < 50; turn++) executor.macrotask()
    const done = workers.map(worker => worker.done)
    expect(Math.min(...done)).toBeGreaterThan(0)
    expect(Math.max(...done) - Math.min(...done)).toBeLessThanOrEqual(16)
  })

  test('gives the event loop back after a slice, also when a message turns slow all at once', () => {
    const { clock, executor, scheduler } = setUp({ sliceMs: 2 })
    let costMs = 0.001
    new Worker(scheduler, 1e9, () => clock.advance(costMs))
    for (const nextMs of [0.001, 0.01, 0.1, 1, 10]) {
      costMs = nextMs
      // The first macrotask may still run as many as the cheaper ones allowed; from the second on the slice is kept.
      executor.macrotask()
      for (let turn = 0; turn < 5; turn++) {
        const startMs = clock.monotonicMs()
        executor.macrotask()
        expect(clock.monotonicMs() - startMs).toBeLessThanOrEqual(2 + 2 * nextMs + 0.25)
      }
    }
  })

  test('has a slice of 1 ms unless it is given another one, and ends it where a timer may come due', () => {
    const { clock, executor, scheduler } = setUp()
    new Worker(scheduler, 1e9, () => clock.advance(0.001))
    for (const offMs of [0, 0.3, 0.5, 0.9, 0.999]) {
      clock.advance(offMs)
      const startMs = clock.monotonicMs()
      executor.macrotask()
      const nextMs = Math.floor(startMs + 1)
      expect(clock.monotonicMs()).toBeGreaterThanOrEqual(nextMs)
      expect(clock.monotonicMs()).toBeLessThanOrEqual(nextMs + 0.25)
    }
  })

  test.each([
    [0.25, 10.1, 10.35],
    [0.25, 10.9, 11],
    [2, 10.1, 12],
    [2.5, 10.75, 13],
    [1, 10, 11],
  ])('with a slice of %d ms that begins at %d ends at %d', (sliceMs, startMs, endMs) => {
    const { clock, executor, scheduler } = setUp({ sliceMs })
    clock.advance(startMs)
    new Worker(scheduler, 1e9, () => clock.advance(0.001))
    executor.macrotask()
    expect(clock.monotonicMs() - endMs).toBeGreaterThanOrEqual(-1e-6)
    expect(clock.monotonicMs() - endMs).toBeLessThanOrEqual(0.07)
  })

  test('measures the slice over the whole macrotask: many short turns in microtasks end too', () => {
    const { clock, executor, scheduler } = setUp({ sliceMs: 2 })
    let handled = 0
    // Each turn wakes the next one from a microtask, as a loop of sequential asks does.
    const again = (): void => {
      handled++
      clock.advance(0.1)
      executor.soon(() => new Worker(scheduler, 1, again))
    }
    new Worker(scheduler, 1, again)
    executor.macrotask()
    expect(handled).toBeLessThanOrEqual(22)
    const before = handled
    executor.macrotask()
    expect(handled).toBeGreaterThan(before)
  })

  test('is over when its time is, and what comes up in the same macrotask waits for the next one', () => {
    const { clock, executor, scheduler } = setUp({ sliceMs: 2 })
    const late: Worker[] = []
    new Worker(scheduler, 1, () => {
      clock.advance(2)
      executor.soon(() => late.push(new Worker(scheduler, 1)))
    })
    executor.macrotask()
    expect(late.map(({ done }) => done)).toEqual([0])
    executor.macrotask()
    expect(late.map(({ done }) => done)).toEqual([1])
  })

  test('looks at the clock once in 64 messages while they cost next to nothing, whoever gets them', () => {
    const { clock, executor, scheduler } = setUp()
    let looks = 0
    const now = clock.monotonicMs.bind(clock)
    clock.monotonicMs = () => {
      looks++
      return now()
    }
    for (let i = 0; i < 6_400; i++) new Worker(scheduler, 1)
    executor.macrotask()
    // It begins with 8, and doubles.
    expect(looks).toBeGreaterThanOrEqual(100)
    expect(looks).toBeLessThanOrEqual(104)
  })

  test('has the same slices with a clock that began below 0', () => {
    const { clock, executor, scheduler } = setUp()
    const now = clock.monotonicMs.bind(clock)
    clock.monotonicMs = () => now() - 60_000
    let handled = 0
    const again = (): void => {
      clock.advance(0.1)
      if (++handled < 1_000) executor.soon(() => new Worker(scheduler, 1, again))
    }
    new Worker(scheduler, 1, again)
    executor.macrotask()
    expect(handled).toBeLessThanOrEqual(11)
    // One to end the slice, one to go on.
    expect(executor.laterCount).toBeLessThanOrEqual(2)
  })

  test.each([
    ['one turn', (worker: () => Worker) => void worker()],
    ['turns of their own', (worker: () => Worker, executor: Executor) => executor.soon(worker)],
  ])('ends a slice under a clock that stands still while actors work, in %s', (_, wake) => {
    const { executor, scheduler } = setUp()
    let handled = 0
    const again = (): void => {
      if (++handled < 1_000_000) wake(() => new Worker(scheduler, 1, again), executor)
    }
    new Worker(scheduler, 1, again)
    executor.macrotask()
    expect(handled).toBeLessThan(101_000)
    const before = handled
    executor.macrotask()
    expect(handled).toBeGreaterThan(before)
  })

  test('wakes up again after it had nothing to do', () => {
    const { executor, scheduler } = setUp()
    expect(new Worker(scheduler, 3).done).toBe(0)
    executor.macrotask()
    const second = new Worker(scheduler, 3)
    executor.macrotask()
    expect(second.done).toBe(3)
  })

  test('refuses a throughput and a slice that make no sense', () => {
    for (const throughput of [0, -1, 1.5, Number.NaN]) expect(() => setUp({ throughput })).toThrow(RangeError)
    for (const sliceMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => setUp({ sliceMs })).toThrow(RangeError)
    expect(() => ActorSystem.start({ throughput: 0 })).toThrow('throughput must be a whole number of at least 1, not 0')
  })
})
