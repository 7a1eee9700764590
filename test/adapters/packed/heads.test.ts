import { describe, expect, it } from 'vitest'
import { Block, packRecords, sealBlock } from '../../../src/adapters/codec/block.ts'
import { WriteBehind } from '../../../src/adapters/lmdb/write-behind.ts'
import { BlockCache } from '../../../src/adapters/packed/block-cache.ts'
import { HeadTable } from '../../../src/adapters/packed/head-table.ts'

describe('the table of heads', () => {
  it('keeps what is used and forgets what two generations did not use', () => {
    const table = new HeadTable(2)
    for (const id of ['a', 'b']) table.add(id, { sequenceNr: 1, block: 1 }, false)
    expect(table.full).toBe(true)
    table.rotate()
    const used = table.get('a')
    expect(used).toBeDefined()
    table.rotate()
    expect(table.get('a')).toBe(used)
    expect(table.get('b')).toBeUndefined()
  })

  it('names every changed head once', () => {
    const table = new HeadTable(10)
    table.add('clean', { sequenceNr: 1, block: 1 }, false)
    table.add('old', { sequenceNr: 1, block: 1 }, true)
    table.add('both', { sequenceNr: 1, block: 1 }, true)
    table.rotate()
    table.get('both')
    table.add('new', { sequenceNr: 1, block: 1 }, true)
    expect(Array.from(table.dirty(), entry => entry.persistenceId).sort()).toEqual(['both', 'new', 'old'])
  })
})

describe('writing heads behind', () => {
  it('hands out slices, each again until it is confirmed, and the checkpoint with the last', () => {
    const table = new HeadTable(10)
    for (const id of ['a', 'b', 'c']) table.add(id, { sequenceNr: 1, block: 1 }, id !== 'b')
    const behind = new WriteBehind()
    expect(behind.idle).toBe(true)
    expect(behind.next(5)).toBe(null)
    behind.begin(table.rotate(), 77)
    const ids = (): string[] => behind.next(1)!.entries.map(entry => entry.persistenceId)
    expect(ids()).toEqual(['a'])
    expect(ids()).toEqual(['a'])
    expect(behind.next(1)!.checkpoint).toBe(null)
    behind.confirm()
    expect(ids()).toEqual(['c'])
    behind.confirm()
    expect(behind.idle).toBe(false)
    expect(behind.next(1)).toEqual({ entries: [], checkpoint: 77 })
    behind.confirm()
    expect(behind.idle).toBe(true)
    expect(Array.from(table.dirty())).toEqual([])
  })
})

describe('the cache of blocks', () => {
  const block = (firstPosition: number): Block =>
    new Block(sealBlock(0, firstPosition, [], [], [], [], packRecords([], 0, 0)), 0, firstPosition, 'here')

  it('drops what was not used for longest when it is over its bytes', () => {
    const { bytes } = block(1)
    const cache = new BlockCache(2 * bytes)
    for (const position of [1, 2]) cache.add(block(position))
    cache.get(0, 1)
    cache.add(block(3))
    expect([1, 2, 3].map(position => cache.get(0, position) !== undefined)).toEqual([true, false, true])
    expect(cache.get(1, 1)).toBeUndefined()
  })
})
