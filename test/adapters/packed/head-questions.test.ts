import { expect, it } from 'vitest'
import type { Engine, Head } from '../../../src/adapters/packed/engine.ts'
import { HeadQuestions } from '../../../src/adapters/packed/head-questions.ts'

/** Answers with the length of an id, a turn later, or fails. */
const engine = (calls: string[][], failing = false): Engine =>
  ({
    heads: async (_partition: number, ids: readonly string[]): Promise<readonly Head[]> => {
      calls.push([...ids])
      if (failing) throw new Error('away')
      return ids.map(id => ({ sequenceNr: id.length, block: 1 }))
    },
  }) as Partial<Engine> as Engine

it('asks in one call for all heads of a turn, and gives each its own', async () => {
  const calls: string[][] = []
  const questions = new HeadQuestions(engine(calls), 0)
  const heads = await Promise.all(['a', 'bb', 'ccc'].map(id => questions.ask(id)))
  expect(heads.map(head => head.sequenceNr)).toEqual([1, 2, 3])
  expect((await questions.ask('dddd')).sequenceNr).toBe(4)
  expect(calls).toEqual([['a', 'bb', 'ccc'], ['dddd']])
})

it('fails those that were asked together, and asks again for the next', async () => {
  const calls: string[][] = []
  const questions = new HeadQuestions(engine(calls, true), 0)
  const together = await Promise.allSettled([questions.ask('a'), questions.ask('b')])
  expect(together.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await expect(questions.ask('c')).rejects.toThrow('away')
  expect(calls).toEqual([['a', 'b'], ['c']])
})
