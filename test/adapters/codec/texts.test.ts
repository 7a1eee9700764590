import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { packTexts, TextColumn } from '../../../src/adapters/codec/texts.ts'

const text = fc.oneof(fc.constant(null), fc.string({ unit: 'binary' }), fc.constantFrom('', 'a\nb', '\0'))

it('gives every text back, the empty and the absent ones apart', () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 40 }), texts => {
      expect(new TextColumn(packTexts(texts), texts.length).toArray()).toEqual(texts)
    }),
  )
})

it('finds every place of a text, and no text that only begins alike', () => {
  const few = fc.constantFrom('', 'a', 'b', 'aa', 'ab', 'aab', null)
  fc.assert(
    fc.property(fc.array(few, { maxLength: 40 }), texts => {
      const column = new TextColumn(packTexts(texts), texts.length)
      for (const text of ['', 'a', 'aa', 'ab', 'aab'] as const) {
        expect(column.indexOf(text)).toBe(texts.indexOf(text))
        for (let from = 0; from <= texts.length; from++)
          expect(column.indexOf(text, from)).toBe(texts.indexOf(text, from))
      }
    }),
  )
})

it('refuses a column that holds another number of texts', () => {
  expect(() => new TextColumn(packTexts(['a', 'b']), 3)).toThrow(RangeError)
})
