import fc from 'fast-check'
import { VirtualClock } from 'troupe/testkit'
import { describe, expect, test } from 'vitest'

describe('a virtual clock', () => {
  test('refuses a delay that is no number, and times that are none', () => {
    const clock = new VirtualClock()
    expect(() => clock.after(Number.NaN, () => undefined)).toThrow(new RangeError('a delay is a number of ms, not NaN'))
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      expect(() => clock.advance(wrong)).toThrow(RangeError)
      expect(() => clock.advanceTo(wrong)).toThrow(RangeError)
    }
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => clock.jumpWall(wrong)).toThrow(RangeError)
      expect(() => new VirtualClock(wrong)).toThrow(RangeError)
    }
    for (const wrong of [Number.NaN, -1]) expect(() => clock.runUntilIdle(wrong)).toThrow(RangeError)
    expect([clock.monotonicMs(), clock.pending]).toEqual([0, 0])
  })

  test('ends where deadlines without a delay set each other for ever', () => {
    const clock = new VirtualClock()
    const again = (): void => {
      clock.after(0, again)
    }
    clock.after(5, again)
    expect(() => clock.advance(10)).toThrow(/^1000000 deadlines were visited at 5 ms/)
  })

  test('never visits a deadline without end, and does not wait for it', () => {
    const clock = new VirtualClock()
    let ran = false
    const cancel = clock.after(Number.POSITIVE_INFINITY, () => {
      ran = true
    })
    clock.after(5, () => undefined)
    expect(clock.pending).toBe(1)
    expect(clock.runUntilIdle()).toBe(5)
    cancel()
    expect(ran).toBe(false)
  })

  test('visits deadlines by due time, then in the order they were set, each at the time it was set for', () => {
    const clock = new VirtualClock(1_000)
    const visited: string[] = []
    const set = (name: string, delayMs: number): void => {
      clock.after(delayMs, () => visited.push(`${name}@${clock.monotonicMs()}/${clock.nowMs()}`))
    }
    set('b', 20)
    set('a', 10)
    set('c', 20)
    set('now', 0)
    clock.advance(20)
    expect(visited).toEqual(['now@0/1000', 'a@10/1010', 'b@20/1020', 'c@20/1020'])
  })

  test('visits what a visited deadline sets, where that is due in time', () => {
    const clock = new VirtualClock()
    const ticks: number[] = []
    const tick = (): void => {
      ticks.push(clock.monotonicMs())
      clock.after(100, tick)
    }
    clock.after(100, tick)
    clock.advance(450)
    expect(ticks).toEqual([100, 200, 300, 400])
    expect(clock.monotonicMs()).toBe(450)
    expect(clock.nextDueMs).toBe(500)
  })

  test('moves wall and monotonic time apart', () => {
    const clock = new VirtualClock(5_000)
    let ran = false
    clock.after(100, () => {
      ran = true
    })
    clock.jumpWall(-3_000)
    expect([clock.nowMs(), clock.monotonicMs(), ran]).toEqual([2_000, 0, false])
    clock.advance(100)
    expect([clock.nowMs(), clock.monotonicMs(), ran]).toEqual([2_100, 100, true])
  })

  test('does not visit what was cancelled, by others or on the way', () => {
    const clock = new VirtualClock()
    const visited: string[] = []
    const cancelled = clock.after(5, () => visited.push('cancelled'))
    clock.after(5, () => {
      visited.push('first')
      second()
    })
    const second = clock.after(5, () => visited.push('second'))
    cancelled()
    cancelled()
    expect(clock.pending).toBe(2)
    clock.advance(10)
    expect(visited).toEqual(['first'])
    expect(clock.pending).toBe(0)
  })

  test('runs until no deadline is left, and refuses what never ends', () => {
    const clock = new VirtualClock()
    clock.after(10, () => clock.after(30, () => undefined))
    expect(clock.runUntilIdle()).toBe(40)
    const forEver = (): void => {
      clock.after(1_000, forEver)
    }
    forEver()
    expect(() => clock.runUntilIdle(5_000)).toThrow(/1 deadlines are left after 5000 ms/)
  })

  test('does not go back', () => {
    const clock = new VirtualClock()
    clock.advanceTo(10)
    expect(() => clock.advanceTo(9)).toThrow(RangeError)
    expect(() => clock.advance(-1)).toThrow(RangeError)
  })

  test('visits any deadlines as a sorted list would, whatever is cancelled', () => {
    const deadline = fc.record({ delayMs: fc.nat(20), cancelled: fc.boolean() })
    fc.assert(
      fc.property(fc.array(deadline, { maxLength: 300 }), deadlines => {
        const clock = new VirtualClock()
        const visited: number[] = []
        const cancels = deadlines.map(({ delayMs }, i) => clock.after(delayMs, () => visited.push(i)))
        deadlines.forEach(({ cancelled }, i) => {
          if (cancelled) cancels[i]!()
        })
        const expected = deadlines
          .map((each, i) => ({ ...each, i }))
          .filter(each => !each.cancelled)
          .sort((a, b) => a.delayMs - b.delayMs || a.i - b.i)
          .map(each => each.i)
        expect(clock.pending).toBe(expected.length)
        clock.runUntilIdle()
        expect(visited).toEqual(expected)
      }),
    )
  })
})
