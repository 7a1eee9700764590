import fc from 'fast-check'
import { expect, test } from 'vitest'
import { behavior, NORMAL } from '../../src/kernel/behavior.ts'
import type { Cell } from '../../src/kernel/cell.ts'
import type { SystemMessage } from '../../src/kernel/cell-state.ts'
import { SignalQueue } from '../../src/kernel/signal-queue.ts'
import { Stage } from './support.ts'

const nothing = behavior<never, null>({ initial: () => null, receive: state => state })

const signal = (): SystemMessage => ({ type: 'stop', reason: NORMAL })

test('is an array to which one pushes, from which one shifts, and which one may filter and search', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.constant<'push'>('push') },
    { weight: 4, arbitrary: fc.constant<'shift'>('shift') },
    { weight: 1, arbitrary: fc.constant<'filter'>('filter') },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), fc.integer({ min: 1, max: 30 }), (steps, burst) => {
      const first = signal()
      const queue = new SignalQueue(first)
      let model: SystemMessage[] = [first]
      for (const what of steps)
        for (let n = 0; n < (what === 'filter' ? 1 : burst); n++)
          if (what === 'push') {
            const one = signal()
            queue.push(one)
            model.push(one)
          } else if (what === 'shift') {
            if (model.length > 0) expect(queue.shift()).toBe(model.shift())
          } else {
            const gone = model.filter((_, at) => at % 3 === 0)
            queue.filter(each => !gone.includes(each))
            model = model.filter(each => !gone.includes(each))
            for (const each of gone) expect(queue.some(other => other === each)).toBe(false)
          }
      expect(queue.isEmpty).toBe(model.length === 0)
      for (const each of model) expect(queue.some(other => other === each)).toBe(true)
      for (const each of model) expect(queue.shift()).toBe(each)
    }),
    { numRuns: 50 },
  )
})

test('takes as long for each of very many as for each of few', () => {
  const one = signal()
  const queue = new SignalQueue(one)
  for (let n = 1; n < 300_000; n++) queue.push(one)
  const before = performance.now()
  let taken = 0
  while (!queue.isEmpty) if (queue.shift() === one) taken++
  expect(taken).toBe(300_000)
  // Half a minute and more where each moves all that are left.
  expect(performance.now() - before).toBeLessThan(3_000)
})

test('finds and forgets the end of one actor among very many as fast as among few', async () => {
  await using stage = new Stage()
  const cells = Array.from({ length: 50_000 }, () => stage.spawn(nothing) as unknown as Cell)
  const ends = cells.map((ref): SystemMessage => ({ type: 'terminated', ref, reason: NORMAL }))
  const queue = new SignalQueue(ends[0] as SystemMessage)
  for (const end of ends.slice(1)) queue.push(end)
  const before = performance.now()
  let found = 0
  for (const [at, cell] of cells.entries()) {
    if (queue.hasEndOf(cell)) found++
    if (at % 2 === 0) queue.forgetEndOf(cell)
  }
  // Minutes where each look goes through all.
  expect(performance.now() - before).toBeLessThan(5_000)
  expect(found).toBe(cells.length)
  expect(cells.every((cell, at) => queue.hasEndOf(cell) === (at % 2 === 1))).toBe(true)
  const left: SystemMessage[] = []
  while (!queue.isEmpty) left.push(queue.shift())
  const odd = ends.filter((_, at) => at % 2 === 1)
  expect(left.length).toBe(odd.length)
  expect(left.every((end, at) => end === odd[at])).toBe(true)
})
