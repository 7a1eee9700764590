/** Reads packed logs: by position, and an id's appends along its chain of blocks. */

import { systemExecutor } from '../../base/ports.ts'
import { lastSequenceNr, type StoredAppend } from '../../persistence/journal.ts'
import { Block } from '../codec/block.ts'
import { corrupt } from '../codec/frame.ts'
import type { Archive } from './archive.ts'
import { BlockCache } from './block-cache.ts'
import type { Engine, Head } from './engine.ts'
import { APPENDS_PER_BLOCK } from './pack-blocks.ts'

const CACHE_BYTES = 8 * 1_048_576
/** Chains of more blocks leave none of them in the cache. */
const LONG_CHAIN = 256
/** Where the store answers at once, so many indexes are read before timers and sockets have their turn: some 3 ms. */
const BLOCKS_PER_TURN = 128

/** Where an id stands that is read. */
export interface Standing {
  readonly head: Head
  /** What is deleted of it; 0: nothing. */
  readonly deletedTo: number
}

export class LogReader {
  readonly #engine: Engine
  readonly #archive: Archive
  readonly #cache = new BlockCache(CACHE_BYTES)

  constructor(engine: Engine, archive: Archive) {
    this.#engine = engine
    this.#archive = archive
  }

  /**
   * The id's appends that hold records from `fromSequenceNr` on. Memory: a number for each block of the chain, and the
   * block that is being read. **Errors**: JOURNAL_CORRUPT.
   */
  async *read(
    nr: number,
    persistenceId: string,
    standingNow: () => Standing | Promise<Standing>,
    fromSequenceNrAsked: number,
  ): AsyncIterable<StoredAppend> {
    const { head, deletedTo } = await standingNow()
    const fromSequenceNr = Math.max(fromSequenceNrAsked, deletedTo + 1)
    if (head.sequenceNr === 0 || head.sequenceNr < fromSequenceNr) return
    const chain = await this.#chain(nr, persistenceId, head.block, fromSequenceNr)
    const isLong = chain.length > LONG_CHAIN
    let expected = -1
    for (let i = chain.length - 1; i >= 0; i--) {
      const block = this.#cached(nr, chain[i]!) ?? (await this.#block(nr, chain[i]!, persistenceId))
      for (const append of block.appends) {
        if (append.persistenceId !== persistenceId || lastSequenceNr(append) < fromSequenceNr) continue
        if (expected !== -1 && append.expectedSequenceNr !== expected)
          throw corrupt(
            `${this.#place(nr, chain[i]!)}: ${persistenceId} goes on at sequence number ${append.expectedSequenceNr + 1}, ` +
              `${expected + 1} is missing`,
          )
        expected = lastSequenceNr(append)
        yield append
      }
      // Of what is read once, decoded blocks would only push everybody else's out, and grow old before they go.
      if (isLong) this.#cache.remove(block)
    }
  }

  /** The block that holds the id's record `sequenceNr`; `lastBlock` is where the id's last one is. */
  async blockOf(nr: number, persistenceId: string, lastBlock: number, sequenceNr: number): Promise<Block> {
    const chain = await this.#chain(nr, persistenceId, lastBlock, sequenceNr)
    return this.#cached(nr, chain.at(-1)!) ?? this.#block(nr, chain.at(-1)!, persistenceId)
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
        const block = this.#cached(nr, firstPosition) ?? this.#remember(nr, firstPosition, packed, null)
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

  /** First positions of the blocks that hold the id's records from `fromSequenceNr` on, the last block first. */
  async #chain(
    nr: number,
    persistenceId: string,
    lastBlock: number,
    fromSequenceNr: number,
  ): Promise<readonly number[]> {
    const chain: number[] = []
    for (let firstPosition = lastBlock; ; ) {
      const { index } = this.#cached(nr, firstPosition) ?? (await this.#block(nr, firstPosition, persistenceId))
      const i = index.persistenceIds.indexOf(persistenceId)
      if (i === -1)
        throw corrupt(`${this.#place(nr, firstPosition)}: ${persistenceId} should be in this block, and is not`)
      chain.push(firstPosition)
      const before = index.expectedSequenceNrs[i]!
      if (before === 0 || before < fromSequenceNr) return chain
      const back = index.stepsBack[i]!
      if (back === 0)
        throw corrupt(`${this.#place(nr, firstPosition)}: the chain of ${persistenceId} ends before its first record`)
      firstPosition -= back
      if (chain.length % BLOCKS_PER_TURN === 0) await aTurn()
    }
  }

  async #block(nr: number, firstPosition: number, persistenceId: string): Promise<Block> {
    const packed = await this.#packed(nr, firstPosition)
    if (packed === null) throw corrupt(`${this.#place(nr, firstPosition)}: a block of ${persistenceId} is missing`)
    return this.#remember(nr, firstPosition, packed, persistenceId)
  }

  async #packed(nr: number, firstPosition: number): Promise<Buffer | null> {
    const segment = this.#archive.segmentAt(nr, firstPosition)
    if (segment === null) {
      const packed = await this.#engine.block(nr, firstPosition)
      return packed === null && (await this.#hasLeft(nr, firstPosition)) ? this.#packed(nr, firstPosition) : packed
    }
    if (segment.incarnation === null) return null
    const [block] = await this.#archive.blocks(nr, segment, firstPosition, 1)
    return block?.firstPosition === firstPosition ? block.packed : null
  }

  /** Whether a position that is not in the log has gone to a segment since it was looked for: through others, or meanwhile. */
  async #hasLeft(nr: number, position: number): Promise<boolean> {
    if (this.#engine.shared) this.#archive.know(nr, await this.#engine.segments(nr))
    return this.#archive.segmentAt(nr, position) !== null
  }

  #cached(nr: number, firstPosition: number): Block | undefined {
    return this.#cache.get(nr, firstPosition)
  }

  #remember(nr: number, firstPosition: number, packed: Buffer, persistenceId: string | null): Block {
    const place = this.#place(nr, firstPosition)
    const block = new Block(packed, nr, firstPosition, persistenceId === null ? place : `${place}, ${persistenceId}`)
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

const aTurn = (): Promise<void> => new Promise(resolve => systemExecutor.later(resolve))
