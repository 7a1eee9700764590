// What the figures of every bench stand on: sides measured in turn, medians and spreads, and no figure for skipped work.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
// @ts-expect-error: the benches are plain JavaScript, so that they run what users run
import { figure, isMet, measure, perSecond, quantile } from '../../bench/frame.mjs'
// @ts-expect-error: as above
import { short, summary, table } from '../../bench/report.mjs'

const sampling = { samples: 8, warmUps: 2, collect: () => undefined }
const constant = (value: number) => ({ run: async () => ({ value, checksum: 7 }), checksum: 7 })
const question = {
  name: 'tell',
  unit: 'messages/s',
  better: 'more',
  measures: 'one actor',
  sides: { ours: constant(60), floor: constant(100), nact: constant(5) },
  goals: [
    { against: 'floor', ratio: 0.5 },
    { against: 'nact', ratio: 15 },
  ],
}

test('measures the sides in turn, starts each round with another one, and collects the heap before each sample', async () => {
  const calls: string[] = []
  const noting = (name: string) => ({
    run: async () => {
      calls.push(name)
      return { value: 1 }
    },
  })
  const sides = { ours: noting('o'), floor: noting('f'), nact: noting('n') }
  await measure({ ...question, sides }, { ...sampling, collect: () => calls.push('|') })
  const rounds = calls.join('').match(/.{6}/g)
  expect(rounds).toHaveLength(10)
  expect(rounds?.slice(0, 4)).toEqual(['|o|f|n', '|f|n|o', '|n|o|f', '|o|f|n'])
})

test('leaves the warm-up out of the figures', async () => {
  let run = 0
  const ours = { run: async () => ({ value: run++ < 2 ? 1_000_000 : 10 }) }
  const answer = await measure({ ...question, sides: { ours } }, sampling)
  expect(answer.figures).toEqual({ ours: { median: 10, spread: 0 } })
})

test('refuses fewer than 8 samples', async () => {
  await expect(measure(question, { ...sampling, samples: 7 })).rejects.toThrow('at least 8 samples, not 7')
})

test('gives no figure for a side that did not do its work', async () => {
  const sides = { ours: constant(1), nact: { run: async () => ({ value: 1, checksum: 6 }), checksum: 7 } }
  await expect(measure({ ...question, sides }, sampling)).rejects.toThrow('tell: nact came to 6 instead of 7')
})

test('gives no figure that is no number', async () => {
  await expect(measure({ ...question, sides: { ours: constant(Number.NaN) } }, sampling)).rejects.toThrow(
    'tell: ours measured NaN',
  )
})

test('quotes the median and the interquartile range', () => {
  expect(figure([8, 1, 7, 2, 6, 3, 5, 4])).toEqual({ median: 4.5, spread: 3.5 })
  expect(quantile([1, 2, 3, 4, 5], 0.25)).toBe(2)
  expect(quantile([3], 0.99)).toBe(3)
})

test('counts operations a second and passes the checksum on', async () => {
  const { value, checksum } = await perSecond(1_000, () => new Promise(resolve => setTimeout(() => resolve(7), 50)))
  expect(checksum).toBe(7)
  expect(value).toBeGreaterThan(1_000)
  expect(value).toBeLessThan(1_000 / 0.049)
})

test('says of each goal whether it is met, where more is better and where less is', async () => {
  const answer = await measure(question, sampling)
  expect(question.goals.map(goal => isMet(answer, goal))).toEqual([true, false])
  const less = { ...answer, question: { ...question, better: 'less' } }
  expect(question.goals.map(goal => isMet(less, goal))).toEqual([false, true])
})

test('shows a table with the ratios, and the goals where asked', async () => {
  const answers = [await measure(question, sampling)]
  const [head, row] = table(answers, { goals: true }).split('\n')
  expect(head).toMatch(/^result +unit +ours +floor +nact +goals +what is measured$/)
  expect(row).toBe(
    'tell    messages/s  60.0 ±0%  100 ±0% (0.600x)  5.00 ±0% (12.0x)  >= 0.5x floor: met, >= 15x nact: MISSED  one actor',
  )
  expect(table(answers, { goals: false })).not.toContain('MISSED')
})

test.each([
  [12_345_678, '12.3 M'],
  [45_600, '45.6 k'],
  [1_354, '1354'],
  [4.5, '4.50'],
  [0.5723, '0.572'],
])('shows %d as %s', (value, text) => expect(short(value)).toBe(text))

test('sums a suite up in the form that --json promises', async () => {
  const machine = { node: 'v20', cpu: 'one', commit: 'abc' }
  const alone = { ...question, name: 'ask', unit: 'asks/s', sides: { ours: constant(3) } }
  expect(summary('kernel', machine, [await measure(question, sampling), await measure(alone, sampling)])).toEqual({
    suite: 'kernel',
    node: 'v20',
    cpu: 'one',
    commit: 'abc',
    results: [
      { name: 'tell', unit: 'messages/s', median: 60, spread: 0, floor: 100, peers: { nact: 5 } },
      { name: 'ask', unit: 'asks/s', median: 3, spread: 0 },
    ],
  })
})

test.each([[[]], [['nonsense']], [['kernel', '--loud']]])('refuses the arguments %j', args => {
  const script = join(import.meta.dirname, '../../bench/run.mjs')
  const run = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' })
  expect(run.status).toBe(2)
  expect(run.stderr).toMatch(/^bench: .*\n$/)
})
