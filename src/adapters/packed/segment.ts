/**
 * A partition's log is cut into segments: consecutive blocks of `segmentBytes` at most. Whatever lies before the log's last
 * block is never written again, so a segment that the next block would not fit into is closed for ever. A closed one leaves
 * the store from the front: as a file of the archive, or for good, where all that it held is deleted.
 *
 *     segments   | 1…57 file | 58…140 none | 141…203 file |
 *     log                                                 | block 204 | block 219 | …
 *
 * Of each there stays an entry in the store, so that no position is ever without an answer.
 */

import { Packr } from 'msgpackr'
import { checkFrame, corrupt, FRAME_BYTES, seal } from '../codec/frame.ts'

export interface Segment {
  readonly firstPosition: number
  readonly lastPosition: number
  readonly blocks: number
  /** Of its blocks. */
  readonly bytes: number
  /** Of the log that it was cut from, and so of its file's name; null: there is no file, all it held was deleted. */
  readonly incarnation: string | null
}

const packr = new Packr({ useRecords: false, variableMapSize: true })

export const packSegment = ({ firstPosition, lastPosition, blocks, bytes, incarnation }: Segment): Buffer => {
  const body = packr.pack([firstPosition, lastPosition, blocks, bytes, incarnation])
  const frame = Buffer.allocUnsafe(FRAME_BYTES + body.length)
  body.copy(frame, FRAME_BYTES)
  return seal(frame)
}

/** **Errors**: JOURNAL_CORRUPT, JOURNAL_FORMAT, with `where`. */
export const unpackSegment = (frame: Buffer, where: string): Segment => {
  checkFrame(frame, where)
  const [firstPosition, lastPosition, blocks, bytes, incarnation] = packr.unpack(frame.subarray(FRAME_BYTES)) as [
    number,
    number,
    number,
    number,
    string | null,
  ]
  return { firstPosition, lastPosition, blocks, bytes, incarnation }
}

/** The segments in their order, which must follow each other from position 1 on. **Errors**: JOURNAL_CORRUPT. */
export const inOrder = (segments: readonly Segment[], where: string): readonly Segment[] => {
  const sorted = [...segments].sort((a, b) => a.firstPosition - b.firstPosition)
  let next = 1
  for (const { firstPosition, lastPosition } of sorted) {
    if (firstPosition !== next || lastPosition < firstPosition)
      throw corrupt(
        `${where}: a segment should begin at position ${next}, and the next one is ${firstPosition} to ${lastPosition}`,
      )
    next = lastPosition + 1
  }
  return sorted
}

/** The position that the log itself begins at. */
export const beginAfter = (segments: readonly Segment[]): number => (segments.at(-1)?.lastPosition ?? 0) + 1

export const describeSegment = (partition: number, firstPosition: number): string =>
  `partition ${partition}, segment from position ${firstPosition}`
