import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Progress } from '../../src/messaging/log/progress.ts'

test('says the lowest that is not done, and when it moves, as a set of numbers does', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5_000 })), { maxLength: 3_000, size: 'max' }),
      steps => {
        const progress = new Progress()
        const underWay = new Set<number>()
        let position = 0
        for (const step of steps) {
          if (step % 3 === 0) {
            position += 1 + (step % 4)
            progress.begin(position)
            underWay.add(position)
            continue
          }
          // One that is under way, is done already, or never was.
          const which = 1 + (step % (position + 1))
          const before = Math.min(...underWay)
          const isDone = underWay.delete(which)
          expect(progress.done(which)).toBe(isDone && which === before)
          expect(progress.lowest).toBe(underWay.size === 0 ? 0 : Math.min(...underWay))
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('keeps as many numbers as are under way, and some, while one of them takes for ever', () => {
  const progress = new Progress()
  progress.begin(1)
  for (let position = 2; position < 100_000; position++) {
    progress.begin(position)
    if (position > 100) progress.done(position - 50)
  }
  const { positions } = progress as unknown as { positions: number[] }
  expect(positions.length).toBeLessThan(3_000)
  expect(progress.lowest).toBe(1)
  for (let position = 2; position < 100_000; position++) progress.done(position)
  expect(progress.done(1)).toBe(true)
  expect(progress.lowest).toBe(0)
})
