import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Ring, RingPool } from '../../src/kernel/ring.ts'

type Step = { readonly do: 'push'; readonly value: unknown } | { readonly do: 'shift' } | { readonly do: 'filter' }

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('push' as const),
        value: fc.oneof(fc.integer(), fc.constant(undefined), fc.constant(null)),
      }),
    },
    { weight: 4, arbitrary: fc.constant<Step>({ do: 'shift' }) },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'filter' }) },
  ),
  { maxLength: 300 },
)

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** In a function of its own, so that no register of the test holds an item. */
const passThrough = (ring: Ring<object>, count: number): WeakRef<object>[] => {
  for (let n = 0; n < count; n++) ring.push({ n })
  return Array.from({ length: count }, () => new WeakRef(ring.shift()))
}

describe('Ring', () => {
  test('holds what an array would, in the order an array would, whatever is queued', () => {
    const isKept = (item: unknown): boolean => typeof item !== 'number' || item % 3 !== 0
    fc.assert(
      fc.property(steps, run => {
        const ring = new Ring<unknown>()
        let model: unknown[] = []
        for (const step of run) {
          if (step.do === 'push') {
            ring.push(step.value)
            model.push(step.value)
          } else if (step.do === 'filter') {
            ring.filter(isKept)
            model = model.filter(isKept)
          } else if (model.length > 0) expect(ring.shift()).toBe(model.shift())
          expect(ring.length).toBe(model.length)
          expect(ring.isEmpty).toBe(model.length === 0)
        }
        while (model.length > 0) expect(ring.shift()).toBe(model.shift())
        expect(ring.isEmpty).toBe(true)
      }),
    )
  })

  test('grows past any size and stays in order when its content wraps around', () => {
    const ring = new Ring<number>()
    let next = 0
    let expected = 0
    for (let round = 0; round < 1_000; round++) {
      for (let i = 0; i < 7; i++) ring.push(next++)
      for (let i = 0; i < 5; i++) expect(ring.shift()).toBe(expected++)
    }
    while (!ring.isEmpty) expect(ring.shift()).toBe(expected++)
    expect(expected).toBe(next)
  })

  test('keeps no taken item alive', async () => {
    const ring = new Ring<object>()
    const taken = passThrough(ring, 4)
    collectGarbage()
    await new Promise(resolve => setImmediate(resolve))
    collectGarbage()
    expect(taken.filter(reference => reference.deref() !== undefined)).toEqual([])
    expect(ring.isEmpty).toBe(true)
  })
})

describe('RingPool', () => {
  test('hands out the rings that were given back', () => {
    const pool = new RingPool<number>()
    const ring = pool.take()
    pool.give(ring)
    expect(pool.take()).toBe(ring)
    expect(pool.take()).not.toBe(ring)
  })

  test('keeps a bounded number of slots, however many rings are given back', () => {
    const pool = new RingPool<number>()
    const given = new Set<Ring<number>>()
    for (let i = 0; i < 40; i++) {
      const ring = new Ring<number>()
      for (let n = 0; n < 50_000; n++) ring.push(n)
      while (!ring.isEmpty) ring.shift()
      given.add(ring)
      pool.give(ring)
    }
    let kept = 0
    while (given.has(pool.take())) kept++
    expect(kept).toBeLessThan(10)
  })
})
