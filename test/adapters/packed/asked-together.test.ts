import { expect, it } from 'vitest'
import { AskedTogether } from '../../../src/adapters/packed/asked-together.ts'

/** Answers with the length of a text, a turn later, or fails. */
const lengths = (calls: string[][], failing = false): AskedTogether<string, number> =>
  new AskedTogether(async texts => {
    calls.push([...texts])
    if (failing) throw new Error('away')
    return texts.map(text => text.length)
  })

it('asks in one call for all of a turn, and gives each its own', async () => {
  const calls: string[][] = []
  const questions = lengths(calls)
  expect(await Promise.all(['a', 'bb', 'ccc'].map(text => questions.ask(text)))).toEqual([1, 2, 3])
  expect(await questions.ask('dddd')).toBe(4)
  expect(calls).toEqual([['a', 'bb', 'ccc'], ['dddd']])
})

it('fails those that were asked together, and asks again for the next', async () => {
  const calls: string[][] = []
  const questions = lengths(calls, true)
  const together = await Promise.allSettled([questions.ask('a'), questions.ask('b')])
  expect(together.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await expect(questions.ask('c')).rejects.toThrow('away')
  expect(calls).toEqual([['a', 'b'], ['c']])
})
