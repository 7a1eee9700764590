/** Reads packed logs: by position, and an id's appends along its chain of blocks. */

import type { StoredAppend } from '../../persistence/journal.ts'
import { Block } from '../codec/block.ts'
import { corrupt } from '../codec/frame.ts'
import type { Archive } from './archive.ts'
import { BlockCache } from './block-cache.ts'
import { type BlockSource, Chain } from './chain.ts'
import type { Engine } from './engine.ts'
import { IdPages } from './id-pages.ts'
import { APPENDS_PER_BLOCK } from './pack-blocks.ts'
import type { Segment } from './segment.ts'

const CACHE_BYTES = 24 * 1_048_576

export class LogReader {
  readonly #engine: Engine
  readonly #archive: Archive
  readonly #cache = new BlockCache(CACHE_BYTES)
  /** Per partition, by first position: entities whose ids stand in the same blocks start together. */
  readonly #underWay: Map<number, Promise<Block>>[] = []

  constructor(engine: Engine, archive: Archive) {
    this.#engine = engine
    this.#archive = archive
  }

  /**
   * The id's appends that hold records from `fromSequenceNr` on, up to the block that `lastBlock` begins; 0: there are none.
   * Memory: a number for each block of the chain, and the blocks that are being read. **Errors**: JOURNAL_CORRUPT.
   */
  pages(nr: number, persistenceId: string, lastBlock: number, fromSequenceNr: number): IdPages {
    return new IdPages(this.#sourceOf(nr, persistenceId), persistenceId, lastBlock, fromSequenceNr)
  }

  /** The block that holds the id's record `sequenceNr`; `lastBlock` is where the id's last one is. */
  async blockOf(nr: number, persistenceId: string, lastBlock: number, sequenceNr: number): Promise<Block> {
    const source = this.#sourceOf(nr, persistenceId)
    const chain = new Chain(source, persistenceId, lastBlock, sequenceNr)
    await chain.walk()
    return source.block(chain.firstPositions.at(-1)!, true)
  }

  /** About `limit` appends from the one that holds `from` on. The log is known to reach to `lastPosition` at least. */
  async readLog(nr: number, from: number, limit: number, lastPosition: number): Promise<readonly StoredAppend[]> {
    if (from > lastPosition && !this.#engine.shared) return []
    const count = Math.max(1, Math.ceil(limit / APPENDS_PER_BLOCK))
    const appends: StoredAppend[] = []
    for (let next = from; appends.length < limit; ) {
      const asked = next
      const segment = this.#archive.segmentAt(nr, next)
      if (segment?.incarnation === null) {
        next = segment.lastPosition + 1
        continue
      }
      const blocks = await (segment === null
        ? this.#engine.blocks(nr, next, count)
        : this.#archive.blocks(nr, segment, next, count))
      for (const { firstPosition, packed } of blocks) {
        if (firstPosition > next) break
        const block =
          this.#cache.get(nr, firstPosition) ?? this.#remember(this.#unpacked(nr, firstPosition, packed, null))
        // What is before `next` altogether is the end of the log, or what stands before a hole.
        if (block.index.lastPosition < next) continue
        for (const append of block.appends) if (append.position + append.records.length > from) appends.push(append)
        next = block.index.lastPosition + 1
        if (appends.length >= limit) break
      }
      if (next > asked) continue
      if (segment === null && (await this.#hasLeft(nr, next))) continue
      if (next <= lastPosition) throw this.#missing(nr, next)
      break
    }
    return appends
  }

  clear(): void {
    this.#cache.clear()
  }

  #sourceOf(nr: number, persistenceId: string): BlockSource {
    return {
      block: (firstPosition, remember) => this.#block(nr, firstPosition, persistenceId, remember),
      blocksFrom: (position, count) => this.#engine.blocks(nr, position, count),
      unpack: ({ firstPosition, packed }) => this.#unpacked(nr, firstPosition, packed, persistenceId),
      place: firstPosition => this.#place(nr, firstPosition),
    }
  }

  #block(nr: number, firstPosition: number, persistenceId: string, remember: boolean): Block | Promise<Block> {
    const cached = this.#cache.get(nr, firstPosition)
    if (cached !== undefined) return cached
    this.#underWay[nr] ??= new Map()
    const underWay = this.#underWay[nr]
    const asked = underWay.get(firstPosition)
    if (asked !== undefined) return asked
    const read = (packed: Buffer | null): Block => {
      if (packed === null) throw corrupt(`${this.#place(nr, firstPosition)}: a block of ${persistenceId} is missing`)
      const block = this.#unpacked(nr, firstPosition, packed, persistenceId)
      return remember ? this.#remember(block) : block
    }
    const packed = this.#packed(nr, firstPosition)
    if (!(packed instanceof Promise)) return read(packed)
    const reading = packed.then(
      answer => {
        underWay.delete(firstPosition)
        return read(answer)
      },
      error => {
        underWay.delete(firstPosition)
        throw error
      },
    )
    underWay.set(firstPosition, reading)
    return reading
  }

  #packed(nr: number, firstPosition: number): Buffer | null | Promise<Buffer | null> {
    const segment = this.#archive.segmentAt(nr, firstPosition)
    if (segment !== null) return this.#archived(nr, segment, firstPosition)
    const packed = this.#engine.block(nr, firstPosition)
    return packed instanceof Promise
      ? packed.then(answer => answer ?? this.#departed(nr, firstPosition))
      : (packed ?? this.#departed(nr, firstPosition))
  }

  async #archived(nr: number, segment: Segment, firstPosition: number): Promise<Buffer | null> {
    if (segment.incarnation === null) return null
    const [block] = await this.#archive.blocks(nr, segment, firstPosition, 1)
    return block?.firstPosition === firstPosition ? block.packed : null
  }

  /** A block that the log does not hold: where it has gone to, if it has. */
  async #departed(nr: number, firstPosition: number): Promise<Buffer | null> {
    return (await this.#hasLeft(nr, firstPosition)) ? this.#packed(nr, firstPosition) : null
  }

  /** Whether a position that is not in the log has gone to a segment since it was looked for: through others, or meanwhile. */
  async #hasLeft(nr: number, position: number): Promise<boolean> {
    if (this.#engine.shared) this.#archive.learn(nr, await this.#engine.segments(nr))
    return this.#archive.segmentAt(nr, position) !== null
  }

  #unpacked(nr: number, firstPosition: number, packed: Buffer, persistenceId: string | null): Block {
    const place = this.#place(nr, firstPosition)
    return new Block(packed, nr, firstPosition, persistenceId === null ? place : `${place}, ${persistenceId}`)
  }

  #remember(block: Block): Block {
    this.#cache.add(block)
    return block
  }

  #missing(nr: number, position: number): Error {
    return corrupt(`${this.#place(nr, position)}: this part of the log is missing`)
  }

  #place(nr: number, position: number): string {
    return `${this.#engine.name}, partition ${nr}, position ${position}`
  }
}
