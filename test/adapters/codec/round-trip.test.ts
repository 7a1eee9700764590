import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Block, packRecords, sealBlock } from '../../../src/adapters/codec/block.ts'
import { packSnapshot, unpackSnapshot } from '../../../src/adapters/codec/snapshot.ts'
import { checkStorable } from '../../../src/persistence/storable.ts'
import { append } from '../../persistence/journal-contract.ts'

/** Everything that `checkStorable` admits; -0 comes back as 0 and is left out. */
const storable = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>(null, undefined, true, false, '', 0),
    fc.string({ unit: 'binary' }).filter(text => text.isWellFormed()),
    fc.string({ unit: 'grapheme', minLength: 30, maxLength: 300 }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(nr => (nr === 0 ? 0 : nr)),
    fc.bigInt(),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array(),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(
      fc
        .oneof(fc.string(), fc.constantFrom('constructor', 'prototype', 'toJSON', 'hasOwnProperty', 'a', 'b', '0'))
        .filter(key => key !== '__proto__'),
      tie('value'),
      { maxKeys: 12, noNullPrototype: true },
    ),
  ),
})).value

/** Deep equality by Node: vitest's looks at a key named `constructor` as if it were the class. */
const expectSame = (actual: unknown, expected: unknown): void => {
  if (!isDeepStrictEqual(actual, expected)) assert.deepStrictEqual(actual, expected)
}

const blockOf = (payloads: readonly unknown[]): Buffer => {
  const appends = payloads.map((payload, i) => ({
    ...append(`id-${i % 3}`, i),
    records: [{ kind: 'event' as const, type: 'Happened', version: 1, payload }],
  }))
  return sealBlock(
    2,
    101,
    appends.map(each => each.persistenceId),
    appends.map(each => each.expectedSequenceNr),
    appends.map((_, i) => i),
    appends.map(() => 1),
    packRecords(appends, 0, appends.length),
  )
}

describe('what was admitted comes back deep-equal', () => {
  it('from a block', () => {
    fc.assert(
      fc.property(fc.array(storable, { maxLength: 8 }), payloads => {
        for (const payload of payloads) if (payload !== undefined) checkStorable(payload)
        // Four times the same shapes: msgpackr reads a shape another way once it has seen it often.
        const many = [...payloads, ...payloads, ...payloads, ...payloads]
        const block = new Block(blockOf(many), 2, 101, 'here')
        expectSame(
          block.appends.map(each => each.records[0]!.payload),
          many,
        )
      }),
      { numRuns: 200 },
    )
  })

  it('from a snapshot', () => {
    fc.assert(
      fc.property(storable, payload => {
        const snapshot = { persistenceId: 'risk|R24', sequenceNr: 7, timeMs: 1_760_000_000_000, payload }
        expectSame(unpackSnapshot(packSnapshot(snapshot), 'risk|R24', 7, 'here'), snapshot)
      }),
      { numRuns: 200 },
    )
  })

  it('with more keys than a short map header can count', () => {
    const table = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`key-${i}`, i]))
    const snapshot = { persistenceId: 'a', sequenceNr: 1, timeMs: 0, payload: table }
    expect(unpackSnapshot(packSnapshot(snapshot), 'a', 1, 'here')).toEqual(snapshot)
    expect(new Block(blockOf([table]), 2, 101, 'here').appends[0]!.records[0]!.payload).toEqual(table)
  })

  it('as data of its own: bytes do not point into the block', () => {
    const packed = blockOf([new Uint8Array([1, 2, 3])])
    const block = new Block(packed, 2, 101, 'here')
    const [stored] = block.appends
    packed.fill(0)
    expect(stored!.records[0]!.payload).toEqual(new Uint8Array([1, 2, 3]))
  })
})

describe('a flipped bit is found', () => {
  it('in any byte of a block, which then names its place', () => {
    const packed = blockOf([
      { a: 1, b: 'text' },
      { a: 2, b: 'more' },
    ])
    for (let at = 0; at < packed.length; at++) {
      const flipped = Buffer.from(packed)
      flipped[at]! ^= 1 << (at % 8)
      expect(() => new Block(flipped, 2, 101, 'store, partition 2, position 101').appends).toThrow(
        expect.objectContaining({
          code: expect.stringMatching(/^JOURNAL_(CORRUPT|FORMAT)$/),
          message: expect.stringContaining('store, partition 2, position 101'),
        }),
      )
    }
  })

  it('in any byte of a snapshot, which then names its id and sequence number', () => {
    const packed = packSnapshot({ persistenceId: 'risk|R24', sequenceNr: 7, timeMs: 5, payload: { risks: 3 } })
    for (let at = 0; at < packed.length; at++) {
      const flipped = Buffer.from(packed)
      flipped[at]! ^= 1 << (at % 8)
      expect(() => unpackSnapshot(flipped, 'risk|R24', 7, 'store')).toThrow(/store, snapshot risk\|R24@7/)
    }
  })

  it.each([
    ['another partition', 1, 101],
    ['another position', 2, 102],
  ])('a block that lies in %s is refused', (_, partition, position) => {
    expect(() => new Block(blockOf([1]), partition, position, 'here')).toThrow(/belongs to partition 2, position 101/)
  })

  it.each([
    ['a', 8],
    ['b', 7],
  ])('a snapshot that lies under %s@%s is refused', (persistenceId, sequenceNr) => {
    const packed = packSnapshot({ persistenceId: 'a', sequenceNr: 7, timeMs: 5, payload: 1 })
    expect(() => unpackSnapshot(packed, persistenceId, sequenceNr, 'here')).toThrow(/found there is a@7/)
  })
})
