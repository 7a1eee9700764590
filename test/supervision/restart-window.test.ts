import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RestartWindow } from '../../src/supervision/restart-window.ts'

test('allows `intensity` restarts within a period and refuses one more', () => {
  const window = new RestartWindow(2, 1_000)
  expect([window.admit(0), window.admit(10), window.admit(20)]).toEqual([true, true, false])
})

test('counts a restart that is exactly `periodMs` old, and none that is older', () => {
  const exactly = new RestartWindow(1, 1_000)
  expect([exactly.admit(5), exactly.admit(1_005)]).toEqual([true, false])
  const older = new RestartWindow(1, 1_000)
  expect([older.admit(5), older.admit(1_005.001)]).toEqual([true, true])
})

test('with intensity 0 allows none', () => {
  expect(new RestartWindow(0, 1_000).admit(0)).toBe(false)
})

test('with intensity Infinity allows every one, and keeps none', () => {
  const window = new RestartWindow(Number.POSITIVE_INFINITY, 1_000)
  for (let n = 0; n < 1_000; n++) expect(window.admit(0)).toBe(true)
})

test('takes as many restarts as are allowed in bounded time each', () => {
  const window = new RestartWindow(1_000_000, 1_000)
  const before = performance.now()
  let admitted = 0
  for (let n = 0; n < 200_000; n++) if (window.admit(n / 100)) admitted++
  expect(admitted).toBe(200_000)
  // Looking through all of the period for each takes minutes.
  expect(performance.now() - before).toBeLessThan(5_000)
})

test('slides: answers as a list of all restarts ever would', () => {
  fc.assert(
    fc.property(
      fc.nat(5),
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 60 }),
      (intensity, periodMs, gapsMs) => {
        const window = new RestartWindow(intensity, periodMs)
        const all: number[] = []
        let nowMs = 0
        for (const gapMs of gapsMs) {
          nowMs += gapMs
          all.push(nowMs)
          const recent = all.filter(restartMs => restartMs >= nowMs - periodMs).length
          expect(window.admit(nowMs)).toBe(recent <= intensity)
        }
      },
    ),
  )
})
