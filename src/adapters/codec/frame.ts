/**
 * The frame around everything that is stored: it says how to read what is inside, and finds a flipped bit.
 *
 *     | format 1 byte | CRC-32 of the rest, 4 bytes | body … |
 */

import { crc32 } from 'node:zlib'
import { RuntimeError } from '../../base/errors.ts'

/** The layout that this version writes. A higher one was written by a later version. */
export const FORMAT = 2
export const FRAME_BYTES = 5

/** Fills in the frame of `frame`, whose body begins at FRAME_BYTES. */
export const seal = (frame: Buffer): Buffer => {
  frame[0] = FORMAT
  frame.writeUInt32BE(crc32(frame.subarray(FRAME_BYTES)), 1)
  return frame
}

/**
 * Checks a frame; its body begins at FRAME_BYTES. `where` names it for people: store, partition, position.
 * **Errors**: JOURNAL_CORRUPT; JOURNAL_FORMAT for one that a later version wrote.
 */
export const checkFrame = (frame: Buffer, where: string): void => {
  if (frame.length < FRAME_BYTES) throw corrupt(`${where}: ${frame.length} bytes are no stored frame`)
  const stored = frame.readUInt32BE(1)
  const actual = crc32(frame.subarray(FRAME_BYTES))
  if (stored !== actual)
    throw corrupt(`${where}: checksum ${stored.toString(16)} is stored, ${actual.toString(16)} was found`)
  // After the checksum: a format byte that a flipped bit made is corruption of another kind, but as rare as it is alone.
  if (frame[0] !== FORMAT)
    throw new RuntimeError(
      'JOURNAL_FORMAT',
      `${where}: format ${frame[0]}, this version reads ${FORMAT}. Open the store with the version that wrote it.`,
    )
}

export const corrupt = (text: string, cause?: unknown): RuntimeError =>
  new RuntimeError('JOURNAL_CORRUPT', `${text}. Restore the store from a backup.`, { cause })
