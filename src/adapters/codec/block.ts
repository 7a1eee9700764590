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
import { type PackedTexts, packTexts, TextColumn } from './texts.ts'

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

/** Where every append of a block is, and where its id was written before. Columns are in the order of the appends. */
export interface BlockIndex {
  readonly partition: number
  readonly firstPosition: number
  readonly lastPosition: number
  readonly persistenceIds: TextColumn
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
 * A block that was read: the index at once, the records when an append is asked for. It keeps columns, and makes each
 * append for who asks: as appends they took twice the room.
 * **Errors**: JOURNAL_CORRUPT, JOURNAL_FORMAT, both with `where`, and the ids that a block with unreadable records holds.
 */
export class Block {
  readonly index: BlockIndex
  readonly bytes: number
  readonly #where: string
  #packed: Buffer | null
  #records: Records | null = null

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
    return Array.from({ length: this.index.recordCounts.length }, (_, place) => this.#appendAt(place))
  }

  /** Those of one id that hold records from `fromSequenceNr` on. */
  appendsOf(persistenceId: string, fromSequenceNr: number): readonly StoredAppend[] {
    const { persistenceIds, expectedSequenceNrs, recordCounts } = this.index
    const appends: StoredAppend[] = []
    let place = persistenceIds.indexOf(persistenceId)
    for (; place !== -1; place = persistenceIds.indexOf(persistenceId, place + 1))
      if (expectedSequenceNrs[place]! + recordCounts[place]! >= fromSequenceNr) appends.push(this.#appendAt(place))
    return appends
  }

  #appendAt(place: number): StoredAppend {
    try {
      if (this.#records === null) {
        const packed = this.#packed!
        this.#records = new Records(packed.subarray(INDEX_START + packed.readUInt32BE(FRAME_BYTES)), this.index)
        this.#packed = null
      }
      return this.#records.appendAt(place)
    } catch (error) {
      const ids = this.index.persistenceIds.toArray().join(', ')
      throw corrupt(`${this.#where}: the block's records cannot be decoded (${ids})`, error)
    }
  }
}

const unpackIndex = (packed: Buffer, where: string): BlockIndex => {
  let columns: [number, number, PackedTexts, number[], number[], number[]]
  let persistenceIds: TextColumn
  try {
    columns = packr.unpack(packed.subarray(INDEX_START, INDEX_START + packed.readUInt32BE(FRAME_BYTES)))
    persistenceIds = new TextColumn(columns[2], columns[5].length)
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

/** What follows the index. */
class Records {
  readonly #index: BlockIndex
  readonly #appendIds: TextColumn
  readonly #timesMs: readonly number[]
  readonly #causationIds: TextColumn
  readonly #correlationIds: TextColumn
  readonly #traceParents: TextColumn
  readonly #sources: readonly string[]
  readonly #handled: readonly unknown[]
  readonly #records: readonly unknown[]
  readonly #principals: TextColumn
  readonly #compensates: TextColumn

  constructor(packed: Buffer, index: BlockIndex) {
    const columns: RecordColumns = packr.unpack(packed)
    const textsOf = (column: PackedTexts): TextColumn => new TextColumn(column, index.persistenceIds.length)
    this.#index = index
    this.#appendIds = textsOf(columns[0])
    this.#timesMs = columns[1]
    this.#causationIds = textsOf(columns[2])
    this.#correlationIds = textsOf(columns[3])
    this.#traceParents = textsOf(columns[4])
    this.#sources = columns[5]
    this.#handled = columns[6]
    this.#records = columns[7]
    this.#principals = textsOf(columns[8] ?? null)
    this.#compensates = textsOf(columns[9] ?? null)
  }

  appendAt(place: number): StoredAppend {
    const { partition, firstPosition, persistenceIds, expectedSequenceNrs, recordCounts } = this.#index
    let before = 0
    for (let i = 0; i < place; i++) before += recordCounts[i]!
    const records: NewRecord[] = []
    for (let record = before; record < before + recordCounts[place]!; record++)
      records.push(unpackRecord(this.#records[2 * record] as PackedKind, this.#records[2 * record + 1]))
    return {
      persistenceId: persistenceIds.at(place)!,
      expectedSequenceNr: expectedSequenceNrs[place]!,
      appendId: this.#appendIds.at(place)!,
      timeMs: this.#timesMs[place]!,
      causationId: this.#causationIds.at(place),
      correlationId: this.#correlationIds.at(place),
      traceParent: this.#traceParents.at(place),
      principal: this.#principals.at(place),
      handled: unpackHandled(this.#handled, place * HANDLED_FIELDS, this.#sources),
      compensates: this.#compensates.at(place),
      records,
      partition,
      position: firstPosition + before,
    }
  }
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
