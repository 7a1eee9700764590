import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Overtaken } from '../../src/messaging/bridge/overtaken.ts'

const step = fc.record({
  isAdded: fc.boolean(),
  target: fc.constantFrom('x', 'y'),
  partition: fc.nat(1),
  position: fc.integer({ min: 1, max: 40 }),
})

test('names the lower positions of the same receiver and partition, and what it named stays as it was', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const overtaken = new Overtaken()
      const model = new Map<string, Set<number>>()
      const named: { readonly positions: ArrayLike<number>; readonly expected: readonly number[] }[] = []
      for (const { isAdded, target, partition, position } of steps) {
        const place = `${partition}|${target}`
        const positions = model.get(place) ?? new Set<number>()
        model.set(place, positions)
        if (isAdded) {
          overtaken.add(target, partition, position)
          positions.add(position)
        } else {
          positions.delete(position)
          const expected = [...positions].filter(other => other < position).sort((a, b) => a - b)
          named.push({ positions: overtaken.remove(target, partition, position), expected })
        }
        expect(overtaken.isEmpty).toBe([...model.values()].every(({ size }) => size === 0))
      }
      for (const { positions, expected } of named) expect(Array.from(positions)).toEqual(expected)
    }),
    { numRuns: 500 },
  )
})

test('has no place for a message without a position', () => {
  const overtaken = new Overtaken()
  overtaken.add('x', 0, null)
  expect(overtaken.isEmpty).toBe(true)
  overtaken.add('x', 0, 1)
  expect(overtaken.remove('x', 0, null)).toHaveLength(0)
})
