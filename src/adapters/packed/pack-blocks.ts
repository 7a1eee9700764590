/** How a commit's appends become blocks. */

import { isRuntimeError, RuntimeError, toError } from '../../base/errors.ts'
import type { Append } from '../../persistence/journal.ts'
import { packRecords, sealBlock } from '../codec/block.ts'
import type { BlockWrite, HeadEntry } from './engine.ts'

// Measured on LMDB in main-thread time, 256 appends a commit, Node 20.20: with 16, 32, 64, 128 appends a block a commit
// took 4.4, 3.7, 3.7, 5.4 µs an append, and reading one id of 4 appends 131, 139, 194, 281 µs. 16 take half as many bytes
// again, since an LMDB value that is larger than half a page takes whole pages.
export const APPENDS_PER_BLOCK = 32
/** A block grows beyond this only for a single append. Units: bytes. */
const BLOCK_BYTES_MAX = 1_048_576

/** A longer append is refused: Redis takes values of up to 512 MiB, and memory holds it several times. Units: bytes. */
export const APPEND_BYTES_MAX = 67_108_864

/**
 * Packs the appends into blocks, the first at `firstPosition`, and notes in each append's entry which block is now its
 * id's last. `entries` are in the order of `appends`. **Errors**: EVENT_NOT_STORABLE, EVENT_TOO_LARGE; then none is packed.
 */
export const packBlocks = (
  partition: number,
  appends: readonly Append[],
  entries: readonly HeadEntry[],
  firstPosition: number,
): readonly BlockWrite[] => {
  const blocks: BlockWrite[] = []
  let next = firstPosition
  for (let from = 0; from < appends.length; from += APPENDS_PER_BLOCK) {
    const to = Math.min(from + APPENDS_PER_BLOCK, appends.length)
    next = packBlock(partition, appends, entries, from, to, next, blocks)
  }
  return blocks
}

/** Packs `appends[from…to)` as one block, or as two where they are large. Returns the position after. */
const packBlock = (
  partition: number,
  appends: readonly Append[],
  entries: readonly HeadEntry[],
  from: number,
  to: number,
  firstPosition: number,
  blocks: BlockWrite[],
): number => {
  const records = packed(appends, from, to)
  if (records.length > BLOCK_BYTES_MAX && to - from > 1) {
    const middle = (from + to) >>> 1
    const next = packBlock(partition, appends, entries, from, middle, firstPosition, blocks)
    return packBlock(partition, appends, entries, middle, to, next, blocks)
  }
  if (records.length > APPEND_BYTES_MAX)
    throw new RuntimeError(
      'EVENT_TOO_LARGE',
      `${appends[from]!.persistenceId}: an append of ${records.length} bytes, at most ${APPEND_BYTES_MAX} are allowed. Nothing of it is stored.`,
    )
  const ids: string[] = []
  const expected: number[] = []
  const back: number[] = []
  const counts: number[] = []
  let next = firstPosition
  for (let i = from; i < to; i++) {
    const append = appends[i]!
    const entry = entries[i]!
    ids.push(append.persistenceId)
    expected.push(append.expectedSequenceNr)
    back.push(entry.nextBlock === 0 || entry.nextBlock === firstPosition ? 0 : firstPosition - entry.nextBlock)
    counts.push(append.records.length)
    entry.nextBlock = firstPosition
    next += append.records.length
  }
  blocks.push({ firstPosition, packed: sealBlock(partition, firstPosition, ids, expected, back, counts, records) })
  return next
}

const packed = (appends: readonly Append[], from: number, to: number): Buffer => {
  try {
    return packRecords(appends, from, to)
  } catch (thrown) {
    if (isRuntimeError(thrown)) throw thrown
    // One by one, to name the one.
    if (to - from > 1) for (let i = from; i < to; i++) packed(appends, i, i + 1)
    const { message } = toError(thrown)
    throw new RuntimeError(
      'EVENT_NOT_STORABLE',
      `${appends[from]!.persistenceId}: an event cannot be encoded (${message}). Nothing of its append is stored.`,
      { cause: thrown },
    )
  }
}
