/** The segments that have left the log, in LMDB: `segments: partition, first position -> entry`; see `packed/segment.ts`. */

import type { Transaction } from 'lmdb'
import { checksumOf, hashOf } from '../codec/checksum.ts'
import { corrupt } from '../codec/frame.ts'
import type { RollOutWrite, WriteOutcome } from '../packed/engine.ts'
import { describeSegment, inOrder, packSegment, type Segment, unpackSegment } from '../packed/segment.ts'
import type { EpochWrite } from './horizons.ts'
import { logKey, positionOf } from './keys.ts'
import type { Growth } from './room.ts'
import type { Tables } from './tables.ts'

export class Segments {
  readonly #name: string
  readonly #tables: Tables
  readonly #write: EpochWrite

  constructor(name: string, tables: Tables, write: EpochWrite) {
    this.#name = name
    this.#tables = tables
    this.#write = write
  }

  /** Those of a partition, in order. **Errors**: JOURNAL_CORRUPT. */
  of(nr: number): readonly Segment[] {
    return storedSegments(this.#name, this.#tables, nr)
  }

  /** Writes a segment's entry and removes its blocks; `alsoPut` within the same transaction. */
  giveUp({ partition, epoch, segment }: RollOutWrite, alsoPut: () => void): Promise<WriteOutcome> {
    const { log, segments } = this.#tables
    const { firstPosition, lastPosition, blocks } = segment
    const keys = Array.from(
      log.getKeys({ start: logKey(partition, firstPosition), end: logKey(partition, lastPosition + 1) }),
    )
    if (keys.length !== blocks)
      throw corrupt(
        `${this.#name}, ${describeSegment(partition, firstPosition)}: it has ${keys.length} blocks of ${blocks}`,
      )
    return this.#write(partition, epoch, removalOf(segment), () => {
      segments.put(logKey(partition, firstPosition), packSegment(segment))
      for (const key of keys) log.remove(key)
      alsoPut()
    })
  }

  /** The name of a partition's log, by which files know whose they are; null: none was drawn yet. */
  incarnation(nr: number): string | null {
    const text = this.#tables.meta.get(incarnationName(nr))
    if (text === undefined) return null
    const incarnation = text.slice(text.indexOf(' ') + 1)
    if (sealIncarnation(nr, incarnation) !== text)
      throw corrupt(`${this.#name}, partition ${nr}: its incarnation reads ${text.slice(0, 50)}`)
    return incarnation
  }

  /** Within a transaction. */
  putIncarnation(nr: number, incarnation: string): void {
    this.#tables.meta.put(incarnationName(nr), sealIncarnation(nr, incarnation))
  }
}

/** A partition's segments, in order; as `transaction` sees them, if given. **Errors**: JOURNAL_CORRUPT. */
export const storedSegments = (
  name: string,
  { segments }: Tables,
  nr: number,
  transaction?: Transaction,
): readonly Segment[] => {
  const range = { start: logKey(nr, 0), end: logKey(nr + 1, 0), ...(transaction && { transaction }) }
  const found = Array.from(segments.getRange(range), ({ key, value }) => {
    const where = `${name}, ${describeSegment(nr, positionOf(key))}`
    const segment = unpackSegment(value, where)
    if (segment.firstPosition !== positionOf(key))
      throw corrupt(`${where}: the one found there begins at ${segment.firstPosition}`)
    return segment
  })
  return inOrder(found, `${name}, partition ${nr}`)
}

/** A removal changes the leaf pages of the log, and puts the pages that are free now on LMDB's list: 8 bytes each. */
const removalOf = ({ blocks, bytes }: Segment): Growth => ({
  values: [Math.ceil(bytes / 256), ...new Array<number>(Math.ceil(blocks / 4)).fill(0)],
  heads: 0,
  headBytes: 0,
})

const incarnationName = (nr: number): string => `incarnation of ${nr}`

const sealIncarnation = (nr: number, incarnation: string): string =>
  `${checksumOf(hashOf(incarnation), nr, 0)} ${incarnation}`
