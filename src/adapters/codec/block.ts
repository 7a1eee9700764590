/**
 * A block: some tens of appends that were committed together, packed once. It decodes alone.
 *
 *     frame | length of the index, 4 bytes | index | records
 *     index:   partition, first position, and a column each of: ids, expected sequence numbers, steps back, record counts
 *     records: per append: append id, time, cause, handled; per record: kind and type, payload
 *
 * The index says where every append is and where its id was written before, so that walking a chain or finding the heads
 * at the end of a log leaves the payloads alone. A step back is the distance from this block's first position to that
 * of the block that holds the id's records before it; 0: there is none, or it is the same block.
 */

import { Packr } from 'msgpackr'
import type { Append, Handled, HandledId, NewRecord, StoredAppend } from '../../persistence/journal.ts'
import { checkFrame, corrupt, FRAME_BYTES, seal } from './frame.ts'

// Records: the keys of objects of one shape are written once a block; half the bytes, and decoding makes objects of one
// shape. `moreTypes` keeps Uint8Array apart from Buffer and large bigints whole; `copyBuffers` keeps decoded bytes from
// pointing into the block.
const packr = new Packr({
  useRecords: true,
  moreTypes: true,
  copyBuffers: true,
  useToJSON: false,
} as ConstructorParameters<typeof Packr>[0])

const INDEX_START = FRAME_BYTES + 4

export interface BlockIndex {
  readonly partition: number
  readonly firstPosition: number
  readonly lastPosition: number
  readonly persistenceIds: readonly string[]
  readonly expectedSequenceNrs: readonly number[]
  readonly stepsBack: readonly number[]
  readonly recordCounts: readonly number[]
}

/** Packs what follows the index. Done first, so that its size can still split the block. */
export const packRecords = (appends: readonly Append[], from: number, to: number): Buffer => {
  const flat: unknown[] = []
  for (let i = from; i < to; i++) {
    const append = appends[i]!
    const handled = append.handled
    flat.push(
      append.appendId,
      append.timeMs,
      append.causationId,
      append.correlationId,
      append.traceParent,
      handled === null ? null : packHandled(handled),
    )
    for (const record of append.records) flat.push(packKind(record), record.payload)
  }
  return packr.pack(flat)
}

// An event says its own type, as a rule; then it need not be written a second time. Any other type stands in an array.
const packKind = ({ kind, type, payload }: NewRecord): string | [type: string] | null => {
  if (kind === 'command') return type
  return (payload as { readonly type?: unknown } | null)?.type === type ? null : [type]
}

/** Puts a block together. `columns` as in BlockIndex. */
export const sealBlock = (
  partition: number,
  firstPosition: number,
  persistenceIds: readonly string[],
  expectedSequenceNrs: readonly number[],
  stepsBack: readonly number[],
  recordCounts: readonly number[],
  records: Buffer,
): Buffer => {
  const index = packr.pack([partition, firstPosition, persistenceIds, expectedSequenceNrs, stepsBack, recordCounts])
  const block = Buffer.allocUnsafe(INDEX_START + index.length + records.length)
  block.writeUInt32BE(index.length, FRAME_BYTES)
  index.copy(block, INDEX_START)
  records.copy(block, INDEX_START + index.length)
  return seal(block)
}

/**
 * A block that was read: the index at once, the appends when they are asked for.
 * **Errors**: JOURNAL_CORRUPT, JOURNAL_FORMAT, both with `where`, and the ids that a block with unreadable records holds.
 */
export class Block {
  readonly index: BlockIndex
  readonly bytes: number
  readonly #where: string
  #packed: Buffer | null
  #appends: readonly StoredAppend[] | null = null

  constructor(packed: Buffer, partition: number, firstPosition: number, where: string) {
    checkFrame(packed, where)
    this.bytes = packed.length
    this.#packed = packed
    this.#where = where
    this.index = unpackIndex(packed, where)
    if (this.index.partition !== partition || this.index.firstPosition !== firstPosition)
      throw corrupt(
        `${where}: the block found there belongs to partition ${this.index.partition}, position ${this.index.firstPosition}`,
      )
  }

  get appends(): readonly StoredAppend[] {
    if (this.#appends === null) {
      this.#appends = unpackAppends(this.#packed!, this.index, this.#where)
      this.#packed = null
    }
    return this.#appends
  }
}

const unpackIndex = (packed: Buffer, where: string): BlockIndex => {
  let columns: [number, number, string[], number[], number[], number[]]
  try {
    columns = packr.unpack(packed.subarray(INDEX_START, INDEX_START + packed.readUInt32BE(FRAME_BYTES)))
  } catch (error) {
    throw corrupt(`${where}: the block's index cannot be decoded`, error)
  }
  const [partition, firstPosition, persistenceIds, expectedSequenceNrs, stepsBack, recordCounts] = columns
  let lastPosition = firstPosition - 1
  for (const count of recordCounts) lastPosition += count
  return { partition, firstPosition, lastPosition, persistenceIds, expectedSequenceNrs, stepsBack, recordCounts }
}

const unpackAppends = (packed: Buffer, index: BlockIndex, where: string): StoredAppend[] => {
  let flat: unknown[]
  try {
    flat = packr.unpack(packed.subarray(INDEX_START + packed.readUInt32BE(FRAME_BYTES)))
  } catch (error) {
    throw corrupt(`${where}: the block's records cannot be decoded (${index.persistenceIds.join(', ')})`, error)
  }
  const appends: StoredAppend[] = []
  let position = index.firstPosition
  let at = 0
  for (let i = 0; i < index.persistenceIds.length; i++) {
    const start = at
    const count = index.recordCounts[i]!
    const records: NewRecord[] = []
    at += 6
    for (let r = 0; r < count; r++, at += 2) records.push(unpackRecord(flat[at], flat[at + 1]))
    appends.push({
      persistenceId: index.persistenceIds[i]!,
      expectedSequenceNr: index.expectedSequenceNrs[i]!,
      appendId: flat[start] as string,
      timeMs: flat[start + 1] as number,
      causationId: flat[start + 2] as string | null,
      correlationId: flat[start + 3] as string | null,
      traceParent: flat[start + 4] as string | null,
      handled: unpackHandled(flat[start + 5] as PackedHandled | null),
      records,
      partition: index.partition,
      position,
    })
    position += count
  }
  return appends
}

type PackedHandled =
  | readonly [source: string, partition: number, position: number, outstanding: readonly number[]]
  | readonly [source: string, id: string]

const packHandled = (handled: Handled | HandledId): PackedHandled =>
  handled.position === null
    ? [handled.source, handled.id]
    : [handled.source, handled.partition, handled.position, handled.outstanding]

const unpackRecord = (kind: unknown, payload: unknown): NewRecord => {
  if (typeof kind === 'string') return { kind: 'command', type: kind, payload }
  const type = kind === null ? (payload as { readonly type: string }).type : (kind as [type: string])[0]
  return { kind: 'event', type, payload }
}

const unpackHandled = (handled: PackedHandled | null): Handled | HandledId | null => {
  if (handled === null) return null
  if (handled.length === 2) return { source: handled[0], position: null, id: handled[1] }
  return { source: handled[0], partition: handled[1], position: handled[2], outstanding: handled[3] }
}
