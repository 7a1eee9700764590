import { expect, it } from 'vitest'
import { VirtualClock } from '../../../src/testkit/virtual-clock.ts'
import { Progress } from '../../../supervisors/main/progress.ts'
import { Tally } from '../../../supervisors/main/tally.ts'

const watched = (output: { readonly isTTY: boolean; readonly columns?: number }, total: number | null) => {
  const clock = new VirtualClock()
  const tally = new Tally()
  const written: string[] = []
  const progress = new Progress({ ...output, write: text => written.push(text) }, clock, tally, total)
  const count = (applications: number): void => {
    for (let i = 0; i < applications; i++) tally.count({ outcome: 'quoted', known: false }, 1)
  }
  return { clock, written, progress, count }
}

it('draws a bar with rate and time left over and over on a terminal, and wipes it at the end', () => {
  const { clock, written, progress, count } = watched({ isTTY: true, columns: 120 }, 1_000)
  count(250)
  clock.advance(120)
  count(250)
  clock.advance(880)
  const bar = (full: number, text: string): string => `\r\x1b[K${'█'.repeat(full)}${'░'.repeat(28 - full)} ${text}`
  expect(written[0]).toBe(bar(7, '25%  250 of 1,000  2,083/s  1 s left'))
  expect(written).toHaveLength(8)
  expect(written.at(-1)).toContain(bar(14, '50%  500 of 1,000  521/s'))
  progress.line('rejected line 7: DrivAge: missing')
  expect(written.at(-1)).toBe('\r\x1b[Krejected line 7: DrivAge: missing\n')
  progress.end()
  expect(written.at(-1)).toBe('\r\x1b[K')
  clock.advance(60_000)
  expect([written.length, clock.pending]).toEqual([10, 0])
})

it('is never longer than a line of the terminal', () => {
  const { clock, written, count } = watched({ isTTY: true, columns: 30 }, 1_000)
  count(1)
  clock.advance(120)
  expect(written[0]?.slice('\r\x1b[K'.length)).toHaveLength(29)
})

it('writes a plain line every five seconds elsewhere', () => {
  const { clock, written, progress, count } = watched({ isTTY: false }, 100_000)
  count(600)
  clock.advance(5_000)
  count(600)
  clock.advance(5_000)
  progress.end()
  expect(written).toHaveLength(2)
  expect(written[1]).toMatch(/^░+ 1% {2}1,200 of 100,000 {2}120\/s {2}13 min 44 s left\n$/)
})

it('tells count and rate where the number of applications is not known', () => {
  const { clock, written, count } = watched({ isTTY: false }, null)
  count(50)
  clock.advance(5_000)
  expect(written).toEqual(['50 applications  10/s\n'])
})
