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
