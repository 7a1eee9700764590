import { expect, it } from 'vitest'
import { CanonicalAnswers } from '../../src/feed/http/canonical-answers.ts'

const answers = (bytesMax: number) => {
  const kept = new CanonicalAnswers(bytesMax)
  const unchanged = { status: 304, headers: {}, body: null }
  return {
    keep: (key: string, length: number) =>
      kept.keep(key, {
        etag: `"${key}"`,
        incarnation: 'a',
        from: 1,
        full: { status: 200, headers: {}, body: Buffer.alloc(length) },
        unchanged,
      }),
    has: (key: string) => kept.get(key, 'a', 1, null) !== null,
  }
}

it('keeps no more bytes of bodies than it may, the last ones', () => {
  const { keep, has } = answers(1_000)
  for (const key of ['one', 'two', 'three', 'four']) keep(key, 300)
  expect(['one', 'two', 'three', 'four'].map(has)).toEqual([false, true, true, true])
  // What is kept again counts once.
  for (let i = 0; i < 10; i++) keep('four', 300)
  expect(has('two')).toBe(true)
  keep('large', 5_000)
  expect(['two', 'three', 'four', 'large'].some(has)).toBe(false)
  keep('small', 1_000)
  expect(has('small')).toBe(true)
})

it('keeps 256 answers at most, however small they are', () => {
  const { keep, has } = answers(1_000)
  for (let i = 0; i <= 256; i++) keep(`page ${i}`, 1)
  expect([has('page 0'), has('page 1'), has('page 256')]).toEqual([false, true, true])
})
