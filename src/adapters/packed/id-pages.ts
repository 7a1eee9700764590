/**
 * One id's appends, a block of its chain at a time.
 *
 *     walk back    130 ──▶ 58 ──▶ 1        to the block that holds `fromSequenceNr`
 *     read         130 ◀── 58 ◀── 1        a block's appends of this id are a page
 *
 * Where the engine answers at once, so does `next`: an entity of a few events costs no promise. Where it does not, several
 * blocks are asked for at once.
 */

import { type AppendPages, lastSequenceNr, type StoredAppend } from '../../persistence/journal.ts'
import type { Block } from '../codec/block.ts'
import { corrupt } from '../codec/frame.ts'
import { type BlockSource, blocksAtOnce, Chain, LONG_CHAIN } from './chain.ts'

type Page = readonly StoredAppend[]

export class IdPages implements AppendPages {
  readonly #source: BlockSource
  readonly #persistenceId: string
  readonly #fromSequenceNr: number
  readonly #chain: Chain
  #isWalked = false
  /** Read and not given yet, the next one last. */
  #ahead: Block[] = []
  /** Where the next append begins; -1: nobody knows yet. */
  #expected = -1

  /** `lastBlock` 0: there is nothing to read. */
  constructor(source: BlockSource, persistenceId: string, lastBlock: number, fromSequenceNr: number) {
    this.#source = source
    this.#persistenceId = persistenceId
    this.#fromSequenceNr = fromSequenceNr
    this.#chain = new Chain(source, persistenceId, lastBlock, fromSequenceNr)
  }

  next(): Page | null | Promise<Page | null> {
    if (!this.#isWalked) {
      this.#isWalked = true
      const walking = this.#chain.walk()
      if (walking !== null) return walking.then(() => this.next())
    }
    const ready = this.#ahead.pop()
    if (ready !== undefined) return this.#pageOf(ready)
    const { firstPositions, near } = this.#chain
    const remember = firstPositions.length <= LONG_CHAIN
    const firstPosition = firstPositions.pop()
    if (firstPosition === undefined) return null
    if (firstPositions.length < near.length) return this.#pageOf(near.pop()!)
    const block = this.#source.block(firstPosition, remember)
    return block instanceof Promise ? this.#readAhead(block, remember) : this.#pageOf(block)
  }

  close(): void {
    this.#chain.firstPositions.length = 0
    this.#chain.near.length = 0
    this.#ahead = []
  }

  async #readAhead(first: Promise<Block>, remember: boolean): Promise<Page> {
    const { firstPositions, near, bytesMax } = this.#chain
    const asked = [first]
    for (let left = blocksAtOnce(bytesMax) - 1; left > 0 && firstPositions.length > near.length; left--)
      asked.push(Promise.resolve(this.#source.block(firstPositions.pop()!, remember)))
    const [block, ...after] = await Promise.all(asked)
    this.#ahead = after.reverse()
    return this.#pageOf(block!)
  }

  #pageOf(block: Block): Page {
    const page = block.appendsOf(this.#persistenceId, this.#fromSequenceNr)
    for (const append of page) {
      if (this.#expected !== -1 && append.expectedSequenceNr !== this.#expected)
        throw corrupt(
          `${this.#source.place(block.index.firstPosition)}: ${this.#persistenceId} goes on at sequence number ` +
            `${append.expectedSequenceNr + 1}, ${this.#expected + 1} is missing`,
        )
      this.#expected = lastSequenceNr(append)
    }
    return page
  }
}
