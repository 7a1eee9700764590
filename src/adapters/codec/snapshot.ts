/** A stored snapshot: a frame around id, sequence number, time and payload. It decodes alone. */

import { Packr } from 'msgpackr'
import type { Snapshot } from '../../persistence/journal.ts'
import { checkFrame, corrupt, FRAME_BYTES, seal } from './frame.ts'

// Plain maps: a state is often a table with ids for keys, and a shape for every table would only be in the way.
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  moreTypes: true,
  copyBuffers: true,
  useToJSON: false,
} as ConstructorParameters<typeof Packr>[0])

export const packSnapshot = (snapshot: Snapshot): Buffer => {
  const body = packr.pack([snapshot.persistenceId, snapshot.sequenceNr, snapshot.timeMs, snapshot.payload])
  const frame = Buffer.allocUnsafe(FRAME_BYTES + body.length)
  body.copy(frame, FRAME_BYTES)
  return seal(frame)
}

/** **Errors**: JOURNAL_CORRUPT, JOURNAL_FORMAT, with `where`, the id and the sequence number. */
export const unpackSnapshot = (frame: Buffer, persistenceId: string, sequenceNr: number, where: string): Snapshot => {
  const place = `${where}, snapshot ${persistenceId}@${sequenceNr}`
  checkFrame(frame, place)
  let fields: [string, number, number, unknown]
  try {
    fields = packr.unpack(frame.subarray(FRAME_BYTES))
  } catch (error) {
    throw corrupt(`${place}: cannot be decoded`, error)
  }
  const [storedId, storedNr, timeMs, payload] = fields
  if (storedId !== persistenceId || storedNr !== sequenceNr)
    throw corrupt(`${place}: the snapshot found there is ${storedId}@${storedNr}`)
  return { persistenceId, sequenceNr, timeMs, payload }
}
