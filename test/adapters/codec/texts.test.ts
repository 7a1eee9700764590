import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { packTexts, unpackTexts } from '../../../src/adapters/codec/texts.ts'

const text = fc.oneof(fc.constant(null), fc.string({ unit: 'binary' }), fc.constantFrom('', 'a\nb', '\0'))

it('gives every text back, the empty and the absent ones apart', () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 40 }), texts => {
      expect(unpackTexts(packTexts(texts), texts.length)).toEqual(texts)
    }),
  )
})

it('refuses a column that holds another number of texts', () => {
  expect(() => unpackTexts(packTexts(['a', 'b']), 3)).toThrow(RangeError)
})
