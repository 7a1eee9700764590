/**
 * A block: some tens of appends that were committed together, packed once. It decodes alone.
 *
 *     frame | length of the index, 4 bytes | index | records
 *     index:   partition, first position, and a column each of: ids, expected sequence numbers, steps back, record counts
 *     records: a column each of: append ids, times, causes, what was handled; per record: kind and type, payload; then
 *              principals and what is compensated, which blocks of before do not have
 *
 * The index says where every append is and where its id was written before, so that walking a chain or finding the heads
 * at the end of a log leaves the payloads alone. A step back is the distance from this block's first position to that
 * of the block that holds the id's records before it; 0: there is none, or it is the same block.
 */

import { Packr } from 'msgpackr'
import type { Append, Handled, HandledId, NewRecord, StoredAppend } from '../../persistence/journal.ts'
import { checkFrame, corrupt, FRAME_BYTES, seal } from './frame.ts'
import { type PackedTexts, packTexts, unpackTexts } from './texts.ts'

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
  const appendIds: string[] = []
  const timesMs: number[] = []
  const causationIds: (string | null)[] = []
  const correlationIds: (string | null)[] = []
  const traceParents: (string | null)[] = []
  const sources: string[] = []
  const handled: unknown[] = []
  const records: unknown[] = []
  for (let i = from; i < to; i++) {
    const append = appends[i]!
    appendIds.push(append.appendId)
    timesMs.push(append.timeMs)
    causationIds.push(append.causationId)
    correlationIds.push(append.correlationId)
    traceParents.push(append.traceParent)
    packHandled(append.handled, sources, handled)
    for (const record of append.records) records.push(packKind(record), record.payload)
  }
  return packr.pack([
    packTexts(appendIds),
    timesMs,
    packTexts(causationIds),
    packTexts(correlationIds),
    packTexts(traceParents),
    sources,
    handled,
    records,
    packColumn(appends, from, to, principalOf),
    packColumn(appends, from, to, compensatesOf),
  ])
}

const principalOf = (append: Append): string | null => append.principal
const compensatesOf = (append: Append): string | null => append.compensates

/** A column that is mostly empty altogether costs a look at each append and a byte. */
const packColumn = (
  appends: readonly Append[],
  from: number,
  to: number,
  textOf: (append: Append) => string | null,
): PackedTexts => {
  for (let i = from; i < to; i++)
    if (textOf(appends[i]!) !== null) return packTexts(appends.slice(from, to).map(textOf))
  return null
}

/** A command's address; an event's version, with its type where the event does not say it itself. */
type PackedKind = string | number | readonly [type: string, version: number]

const packKind = ({ kind, type, version, payload }: NewRecord): PackedKind => {
  if (kind === 'command') return type
  return (payload as { readonly type?: unknown } | null)?.type === type ? version : [type, version]
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
  const index = packr.pack([
    partition,
    firstPosition,
    packTexts(persistenceIds),
    expectedSequenceNrs,
    stepsBack,
    recordCounts,
  ])
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
  let columns: [number, number, PackedTexts, number[], number[], number[]]
  let persistenceIds: readonly string[]
  try {
    columns = packr.unpack(packed.subarray(INDEX_START, INDEX_START + packed.readUInt32BE(FRAME_BYTES)))
    persistenceIds = unpackTexts(columns[2], columns[5].length) as readonly string[]
  } catch (error) {
    throw corrupt(`${where}: the block's index cannot be decoded`, error)
  }
  const [partition, firstPosition, , expectedSequenceNrs, stepsBack, recordCounts] = columns
  let lastPosition = firstPosition - 1
  for (const count of recordCounts) lastPosition += count
  return { partition, firstPosition, lastPosition, persistenceIds, expectedSequenceNrs, stepsBack, recordCounts }
}

type RecordColumns = [
  appendIds: PackedTexts,
  timesMs: number[],
  causationIds: PackedTexts,
  correlationIds: PackedTexts,
  traceParents: PackedTexts,
  sources: string[],
  handled: unknown[],
  records: unknown[],
  principals?: PackedTexts,
  compensates?: PackedTexts,
]

const unpackAppends = (packed: Buffer, index: BlockIndex, where: string): StoredAppend[] => {
  try {
    return appendsOf(packr.unpack(packed.subarray(INDEX_START + packed.readUInt32BE(FRAME_BYTES))), index)
  } catch (error) {
    throw corrupt(`${where}: the block's records cannot be decoded (${index.persistenceIds.join(', ')})`, error)
  }
}

const appendsOf = (columns: RecordColumns, index: BlockIndex): StoredAppend[] => {
  const count = index.persistenceIds.length
  const appendIds = unpackTexts(columns[0], count)
  const causationIds = unpackTexts(columns[2], count)
  const correlationIds = unpackTexts(columns[3], count)
  const traceParents = unpackTexts(columns[4], count)
  const [, timesMs, , , , sources, handled, packedRecords] = columns
  const principals = unpackTexts(columns[8] ?? null, count)
  const compensates = unpackTexts(columns[9] ?? null, count)
  const appends: StoredAppend[] = []
  let position = index.firstPosition
  let record = 0
  for (let i = 0; i < count; i++) {
    const records: NewRecord[] = []
    for (let left = index.recordCounts[i]!; left > 0; left--, record += 2)
      records.push(unpackRecord(packedRecords[record] as PackedKind, packedRecords[record + 1]))
    appends.push({
      persistenceId: index.persistenceIds[i]!,
      expectedSequenceNr: index.expectedSequenceNrs[i]!,
      appendId: appendIds[i]!,
      timeMs: timesMs[i]!,
      causationId: causationIds[i]!,
      correlationId: correlationIds[i]!,
      traceParent: traceParents[i]!,
      principal: principals[i]!,
      handled: unpackHandled(handled, i * HANDLED_FIELDS, sources),
      compensates: compensates[i]!,
      records,
      partition: index.partition,
      position,
    })
    position += records.length
  }
  return appends
}

const HANDLED_FIELDS = 3

/** Which source, by its place among the block's; then partition, position and those outstanding, or the id. */
const packHandled = (handled: Handled | HandledId | null, sources: string[], packed: unknown[]): void => {
  if (handled === null) {
    packed.push(null, null, null)
    return
  }
  let source = sources.indexOf(handled.source)
  if (source < 0) source = sources.push(handled.source) - 1
  if (handled.position === null) packed.push(source, handled.id, null)
  else if (handled.outstanding.length === 0) packed.push(source, handled.partition, handled.position)
  else packed.push(source, handled.partition, [handled.position, ...handled.outstanding])
}

const unpackHandled = (
  packed: readonly unknown[],
  at: number,
  sources: readonly string[],
): Handled | HandledId | null => {
  if (packed[at] === null) return null
  const source = sources[packed[at] as number]!
  const where = packed[at + 1] as number | string
  if (typeof where === 'string') return { source, position: null, id: where }
  const positions = packed[at + 2] as number | readonly [number, ...number[]]
  if (typeof positions === 'number') return { source, partition: where, position: positions, outstanding: [] }
  const [position, ...outstanding] = positions
  return { source, partition: where, position, outstanding }
}

const unpackRecord = (kind: PackedKind, payload: unknown): NewRecord => {
  if (typeof kind === 'string') return { kind: 'command', type: kind, version: 1, payload }
  if (typeof kind === 'number')
    return { kind: 'event', type: (payload as { readonly type: string }).type, version: kind, payload }
  return { kind: 'event', type: kind[0], version: kind[1], payload }
}
