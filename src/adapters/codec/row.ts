/** A stored row of a view: a frame around its key, its row and its entries. It decodes alone. */

import { Packr, RESERVE_START_SPACE } from 'msgpackr'
import type { RowChange } from '../../projection/view-store.ts'
import { checkFrame, corrupt, FRAME_BYTES, seal } from './frame.ts'

const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  moreTypes: true,
  copyBuffers: true,
  useToJSON: false,
} as ConstructorParameters<typeof Packr>[0])

export const packRow = ({ key, row, entries }: RowChange): Buffer =>
  // With room for the frame in front, so that nothing has to be copied.
  seal(packr.pack([key, row, entries], RESERVE_START_SPACE + FRAME_BYTES))

/** **Errors**: JOURNAL_CORRUPT, JOURNAL_FORMAT, with `where` and the key. */
export const unpackRow = (frame: Buffer, key: string, where: string): RowChange => {
  const place = `${where}, row ${JSON.stringify(key)}`
  checkFrame(frame, place)
  let fields: [string, unknown, readonly string[]]
  try {
    fields = packr.unpack(frame.subarray(FRAME_BYTES))
  } catch (error) {
    throw corrupt(`${place}: cannot be decoded`, error)
  }
  if (fields[0] !== key) throw corrupt(`${place}: the row found there is ${JSON.stringify(fields[0])}`)
  return { key, row: fields[1], entries: fields[2] }
}

/** The row key at the end of an entry: what follows its second NUL. */
export const keyOfEntry = (entry: string): string => entry.slice(entry.indexOf('\0', entry.indexOf('\0') + 1) + 1)
