// Bytes that stores out there hold. A file stays for ever: every later version must read it. A change of what is written
// adds one, named by the frame's format and what is new, and `written today` points to it.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Block, packRecords, sealBlock } from '../../../src/adapters/codec/block.ts'
import { packSnapshot, unpackSnapshot } from '../../../src/adapters/codec/snapshot.ts'
import { appends, FIRST_POSITION, PARTITION, snapshot } from './golden/stored.ts'

const golden = (name: string): Buffer =>
  Buffer.from(readFileSync(`${import.meta.dirname}/golden/${name}.base64`, 'ascii'), 'base64')

const at = (withAudit: boolean) => {
  let position = FIRST_POSITION
  return appends.map(append => {
    const stored = { ...append, partition: PARTITION, position }
    position += append.records.length
    return withAudit ? stored : { ...stored, principal: null, compensates: null }
  })
}

test.each([
  ['block-2', 'without principals and compensations', false],
  ['block-2-audit', 'with them', true],
])('reads the block %s, %s', (name, _what, withAudit) => {
  const block = new Block(golden(name), PARTITION, FIRST_POSITION, name)
  expect(block.index).toMatchObject({
    lastPosition: FIRST_POSITION + 3,
    expectedSequenceNrs: [4, 0, 6],
    stepsBack: [40, 0, 0],
    recordCounts: [2, 1, 1],
  })
  expect(block.index.persistenceIds.toArray()).toEqual(['account|Zürich 1', 'account|2', 'account|Zürich 1'])
  expect(block.appends).toEqual(at(withAudit))
})

test('reads the snapshot snapshot-2', () => {
  const { persistenceId, sequenceNr } = snapshot
  expect(unpackSnapshot(golden('snapshot-2'), persistenceId, sequenceNr, 'snapshot-2')).toEqual(snapshot)
})

test('has a file of what is written today', () => {
  const block = sealBlock(
    PARTITION,
    FIRST_POSITION,
    appends.map(append => append.persistenceId),
    appends.map(append => append.expectedSequenceNr),
    [40, 0, 0],
    appends.map(append => append.records.length),
    packRecords(appends, 0, appends.length),
  )
  expect(block.equals(golden('block-2-audit'))).toBe(true)
  expect(packSnapshot(snapshot).equals(golden('snapshot-2'))).toBe(true)
})
