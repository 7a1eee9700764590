import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { randomId, seededRandom, systemClock, systemExecutor, systemRandom } from '../../src/base/ports.ts'

describe('the system clock', () => {
  test('never goes back, and has fractions of a millisecond', () => {
    let last = systemClock.monotonicMs()
    const seen = new Set<number>()
    for (let i = 0; i < 10_000; i++) {
      const now = systemClock.monotonicMs()
      expect(now).toBeGreaterThanOrEqual(last)
      seen.add(now % 1)
      last = now
    }
    expect(seen.size).toBeGreaterThan(2)
  })

  test('gives wall-clock time in ms since 1970', () => {
    expect(Math.abs(systemClock.nowMs() - Date.now())).toBeLessThan(1_000)
  })

  test('calls back once, not before the delay is over', async () => {
    const startMs = systemClock.monotonicMs()
    let calls = 0
    await new Promise<void>(resolve =>
      systemClock.after(20, () => {
        calls++
        resolve()
      }),
    )
    // Node may fire a timer up to a millisecond early by its own coarser clock.
    expect(systemClock.monotonicMs() - startMs).toBeGreaterThanOrEqual(19)
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(calls).toBe(1)
  })

  test('has timers come due at whole ms of its monotonic time', async () => {
    // On an event loop that never sleeps, as beside busy actors. Now and then the thread itself has to wait, so the rule is
    // what most timers do.
    let spinning = true
    const spin = (): void => {
      if (spinning) setImmediate(spin)
    }
    spin()
    const inQuarter = [0, 0, 0, 0]
    for (let timer = 0; timer < 200; timer++) {
      await new Promise(resolve => setTimeout(resolve, 1))
      const quarter = Math.floor((systemClock.monotonicMs() % 1) * 4)
      inQuarter[quarter] = (inQuarter[quarter] as number) + 1
    }
    spinning = false
    expect(inQuarter.indexOf(Math.max(...inQuarter))).toBe(0)
  })

  test('does not call back once cancelled, and cancelling again does nothing', async () => {
    let calls = 0
    const cancel = systemClock.after(5, () => calls++)
    cancel()
    cancel()
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(calls).toBe(0)
  })

  test('waits for a delay that is longer than the longest timer of Node', async () => {
    let calls = 0
    const cancel = systemClock.after(2 ** 31 + 10, () => calls++)
    await new Promise(resolve => setTimeout(resolve, 20))
    cancel()
    expect(calls).toBe(0)
  })
})

test('the executor runs `soon` before and `later` after timers and sockets had their turn', async () => {
  const order: string[] = []
  await new Promise<void>(resolve => {
    systemExecutor.later(() => {
      order.push('later')
      resolve()
    })
    systemExecutor.soon(() => order.push('soon'))
    order.push('now')
  })
  expect(order).toEqual(['now', 'soon', 'later'])
})

describe('chance', () => {
  test('is uniform in [0, 1), from the system and from a seed', () => {
    for (const random of [systemRandom, seededRandom(7)]) {
      const buckets = new Array<number>(10).fill(0)
      for (let i = 0; i < 20_000; i++) {
        const drawn = random.next()
        expect(drawn >= 0 && drawn < 1).toBe(true)
        buckets[Math.floor(drawn * 10)]!++
      }
      for (const count of buckets) expect(Math.abs(count - 2_000)).toBeLessThan(300)
    }
  })

  test('repeats for one seed and differs between seeds', () => {
    const draw = (seed: number): number[] => {
      const random = seededRandom(seed)
      return Array.from({ length: 5 }, () => random.next())
    }
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (a, b) => {
        expect(draw(a)).toEqual(draw(a))
        if ((a | 0) !== (b | 0)) expect(draw(a)).not.toEqual(draw(b))
      }),
    )
  })

  test('gives ids of twelve characters that do not repeat', () => {
    const random = seededRandom(3)
    const ids = new Set<string>()
    for (let i = 0; i < 10_000; i++) ids.add(randomId(random))
    expect(ids.size).toBe(10_000)
    for (const id of ids) expect(id).toMatch(/^[0-9a-z]{12}$/)
  })
})
