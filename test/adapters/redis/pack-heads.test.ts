import * as fc from 'fast-check'
import { unpack } from 'msgpackr'
import { expect, it } from 'vitest'
import { hashOf, sealAsText, unsealText } from '../../../src/adapters/codec/checksum.ts'
import { HeadTable } from '../../../src/adapters/packed/head-table.ts'
import { packHeads } from '../../../src/adapters/redis/pack-heads.ts'

const count = fc.oneof(fc.maxSafeNat(), fc.nat({ max: 100_000 }), fc.constantFrom(9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31))
const id = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 120 }),
  fc.string({ minLength: 1, maxLength: 40 }),
)

it('packs heads as a general packer would, over ids and numbers of any kind', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(id, count, count, count, count), { maxLength: 40 }), heads => {
      const table = new HeadTable(1_000)
      const touched = heads.map(([persistenceId, sequenceNr, block, nextSequenceNr, nextBlock]) => {
        const entry = table.add(persistenceId, { sequenceNr, block }, false)
        return Object.assign(entry, { nextSequenceNr: nextSequenceNr || 1, nextBlock })
      })
      const sealed = (persistenceId: string, sequenceNr: number, block: number): string =>
        sequenceNr === 0 ? '' : sealAsText(hashOf(persistenceId), sequenceNr, block)
      expect(unpack(packHeads(touched))).toEqual([
        touched.map(entry => entry.persistenceId),
        touched.map(entry => sealed(entry.persistenceId, entry.sequenceNr, entry.block)),
        touched.map(entry => sealed(entry.persistenceId, entry.nextSequenceNr, entry.nextBlock)),
      ])
    }),
  )
})

it('a sealed text gives its numbers back under its name, and with one character changed nothing', () => {
  fc.assert(
    fc.property(fc.string(), count, count, fc.nat(), fc.integer({ min: 33, max: 126 }), (name, a, b, place, code) => {
      const text = sealAsText(hashOf(name), a, b)
      expect(unsealText(hashOf(name), text)).toEqual([a, b])
      const at = place % text.length
      const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)
      if (changed !== text) expect(unsealText(hashOf(name), changed)).toBeNull()
    }),
    { seed: 1, numRuns: 2_000 },
  )
})
