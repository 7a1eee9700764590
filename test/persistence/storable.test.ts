import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkStorable, PAYLOAD_BYTES_MAX, PAYLOAD_DEPTH_MAX } from '../../src/persistence/storable.ts'

const nested = (levels: number): unknown => {
  let value: unknown = 1
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { value }
  return value
}

const refusal = (value: unknown, bytesMax?: number): string => {
  try {
    checkStorable(value, bytesMax)
  } catch (error) {
    return `${(error as { code: string }).code} ${(error as Error).message}`
  }
  return 'admitted'
}

describe('checkStorable', () => {
  it.each([
    ['null', null],
    ['a boolean', false],
    ['a number', -1.5e300],
    ['a text', 'Straße 🚗'],
    ['a bigint', 2n ** 200n],
    ['a date', new Date(0)],
    ['bytes', new Uint8Array([1, 2])],
    ['a buffer', Buffer.from('x')],
    ['undefined inside', { a: undefined, b: [undefined] }],
    ['an object without prototype', Object.assign(Object.create(null), { a: 1 })],
    ['keys that are dangerous elsewhere', { constructor: 1, prototype: 2, toJSON: 'x', hasOwnProperty: 3 }],
    ['frozen data', Object.freeze({ a: Object.freeze([1]) })],
    ['the deepest nesting', nested(PAYLOAD_DEPTH_MAX)],
    ['the same part twice', (part => [part, part])({ a: 1 })],
  ])('admits %s', (_, value) => {
    expect(checkStorable(value)).toBeGreaterThan(0)
  })

  const cycle: Record<string, unknown> = { a: 1 }
  cycle.self = cycle
  it.each([
    ['undefined as a whole', undefined, 'undefined'],
    ['a function', { a: { run: () => 1 } }, 'payload.a.run: a function'],
    ['a method', { toJSON: () => 1 }, 'payload.toJSON: a function'],
    ['a symbol', [Symbol('x')], 'payload[0]: a symbol'],
    ['NaN', { premium: Number.NaN }, 'payload.premium: NaN'],
    ['an infinity', [1, [Number.POSITIVE_INFINITY]], 'payload[1][0]: Infinity'],
    ['a Map', { risks: new Map() }, 'payload.risks: an instance of Map'],
    ['a class instance', new (class Risk {})(), 'payload: an instance of Risk'],
    ['an invalid date', { at: new Date(Number.NaN) }, 'payload.at: an invalid Date'],
    ['a subclass of Array', { all: new (class List extends Array {})() }, 'payload.all: an array'],
    ['an array with holes', { list: new Array(3) }, 'payload.list: an array with holes'],
    ['other typed arrays', { f: new Float64Array(1) }, 'payload.f: an instance of Float64Array'],
    [
      'the key __proto__',
      JSON.parse('{"deep":{"__proto__":{"admin":true}}}'),
      'payload.deep: an object with the key __proto__',
    ],
    ['a lone surrogate', { name: 'a\ud800b' }, 'payload.name: text with a lone surrogate'],
    ['a lone surrogate in a key', { 'a\udc00': 1 }, 'payload: an object with a key that is no well-formed text'],
    ['a cycle', cycle, 'nested deeper than 64 levels, or refers to itself: payload.self.self'],
    ['too deep nesting', nested(PAYLOAD_DEPTH_MAX + 1), 'nested deeper than 64 levels'],
  ])('refuses %s and says where', (_, value, where) => {
    expect(refusal(value)).toMatch(/^EVENT_NOT_STORABLE/)
    expect(refusal(value)).toContain(where)
  })

  it('refuses what is over the limit, and nothing at it', () => {
    const payload = { text: 'x'.repeat(1_000), list: [1, 2, 3] }
    const bytes = checkStorable(payload)
    expect(refusal(payload, bytes)).toBe('admitted')
    expect(refusal(payload, bytes - 1)).toMatch(/^EVENT_TOO_LARGE/)
    expect(refusal('x'.repeat(PAYLOAD_BYTES_MAX))).toMatch(/^EVENT_TOO_LARGE/)
    expect(refusal('x'.repeat(PAYLOAD_BYTES_MAX - 100))).toBe('admitted')
  })

  it('ends soon on shared parts that would unfold without end', () => {
    let part: unknown = { a: 1 }
    for (let i = 0; i < 60; i++) part = [part, part]
    expect(refusal(part)).toMatch(/^EVENT_TOO_LARGE/)
  })

  it('is not fooled by what is put on Object.prototype', () => {
    let result = ''
    Object.assign(Object.prototype, { polluted: () => 1 })
    try {
      result = refusal({ a: 1 })
    } finally {
      delete (Object.prototype as { polluted?: unknown }).polluted
    }
    expect(result).toBe('admitted')
  })

  it('admits all JSON, with a bound that is not below its size as JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), value => {
        const text = JSON.stringify(value)
        if (text.includes('__proto__') || !text.isWellFormed()) return
        expect(checkStorable(value)).toBeGreaterThanOrEqual(text.length / 6)
      }),
    )
  })
})
