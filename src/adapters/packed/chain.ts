/** The blocks that hold an id's records, found by walking back through their indexes. */

import { systemExecutor } from '../../base/ports.ts'
import type { Block } from '../codec/block.ts'
import { corrupt } from '../codec/frame.ts'
import type { StoredBlock } from './engine.ts'

/** Of longer chains no more blocks are remembered: of what is read once, they would push everybody else's out. */
export const LONG_CHAIN = 256
/** Where the store answers at once, so many indexes are read before timers and sockets have their turn: some 2 ms. */
const BLOCKS_PER_TURN = 128
/** Steps of one length after which the next ones are taken to be of that length too. */
const REGULAR_STEPS = 4

/** So many blocks are kept from the walk to the reading. */
const NEAR_MAX = 4

/** One partition's blocks, as a chain reads them. */
export interface BlockSource {
  /** The block that begins there. **Errors**: JOURNAL_CORRUPT. */
  block(firstPosition: number, remember: boolean): Block | Promise<Block>
  /** The block around `position` and those after it, up to `count`, in one answer; `unpack` for those that are wanted. */
  blocksFrom(position: number, count: number): Promise<readonly StoredBlock[]>
  /** **Errors**: JOURNAL_CORRUPT. */
  unpack(stored: StoredBlock): Block
  /** For people: store, partition, position. */
  place(firstPosition: number): string
}

/** How many blocks are asked for at once where asking takes longer than reading: 128 kB, or one block. */
export const blocksAtOnce = (bytesMax: number): number => Math.max(1, Math.min(32, Math.floor(131_072 / bytesMax)))

export class Chain {
  /** First positions, the last block first. */
  readonly firstPositions: number[] = []
  /** The blocks that begin at the first few of those: a short chain is read without looking for them again. */
  readonly near: Block[] = []
  /** Of the largest block that was seen on the way. */
  bytesMax = 1
  readonly #source: BlockSource
  readonly #persistenceId: string
  readonly #fromSequenceNr: number
  /** The block that the walk has come to; 0: it is over. */
  #at: number
  #stepBack = 0
  #stepsAlike = 0

  /** `lastBlock` 0: there is nothing to read. */
  constructor(source: BlockSource, persistenceId: string, lastBlock: number, fromSequenceNr: number) {
    this.#source = source
    this.#persistenceId = persistenceId
    this.#at = lastBlock
    this.#fromSequenceNr = fromSequenceNr
  }

  /** To the block that holds `fromSequenceNr`; null: at once. To be called once. **Errors**: JOURNAL_CORRUPT. */
  walk(): Promise<void> | null {
    while (this.#at !== 0) {
      const block = this.#isTurnDue ? aTurn() : this.#source.block(this.#at, true)
      if (block instanceof Promise) return this.#walkOn(block)
      this.#step(block)
    }
    return null
  }

  async #walkOn(awaited: Promise<Block | null>): Promise<void> {
    const first = await awaited
    if (first !== null) this.#step(first)
    let around: readonly StoredBlock[] = []
    while (this.#at !== 0) {
      if (this.#isTurnDue) await aTurn()
      let stored = storedAt(around, this.#at)
      if (stored === undefined && first !== null && this.#stepsAlike >= REGULAR_STEPS) {
        around = await this.#blocksBefore()
        stored = storedAt(around, this.#at)
        // It was no such step, or the block has left the log: the next ones are looked for alone.
        if (stored === undefined) this.#stepsAlike = 0
      }
      // Only what is the id's own is looked into: damage in a block of others is theirs.
      if (stored !== undefined) this.#step(this.#source.unpack(stored))
      else this.#step(await this.#source.block(this.#at, this.firstPositions.length < LONG_CHAIN))
    }
  }

  #step(block: Block): void {
    const { index, bytes } = block
    const { firstPosition, persistenceIds, expectedSequenceNrs, stepsBack } = index
    const i = persistenceIds.indexOf(this.#persistenceId)
    if (i === -1)
      throw corrupt(`${this.#source.place(firstPosition)}: ${this.#persistenceId} should be in this block, and is not`)
    this.firstPositions.push(firstPosition)
    if (this.firstPositions.length <= NEAR_MAX) this.near.push(block)
    this.bytesMax = Math.max(this.bytesMax, bytes)
    const before = expectedSequenceNrs[i]!
    if (before === 0 || before < this.#fromSequenceNr) {
      this.#at = 0
      return
    }
    const back = stepsBack[i]!
    if (back === 0)
      throw corrupt(
        `${this.#source.place(firstPosition)}: the chain of ${this.#persistenceId} ends before its first record`,
      )
    this.#stepsAlike = back === this.#stepBack ? this.#stepsAlike + 1 : 0
    this.#stepBack = back
    this.#at = firstPosition - back
  }

  /** As far back as that many steps like the last ones: of a busy entity, each block is a link. */
  #blocksBefore(): Promise<readonly StoredBlock[]> {
    const count = blocksAtOnce(this.bytesMax)
    return this.#source.blocksFrom(Math.max(1, this.#at - this.#stepBack * (count - 1)), count)
  }

  get #isTurnDue(): boolean {
    const { length } = this.firstPositions
    return length > 0 && length % BLOCKS_PER_TURN === 0
  }
}

const storedAt = (blocks: readonly StoredBlock[], firstPosition: number): StoredBlock | undefined =>
  blocks.find(block => block.firstPosition === firstPosition)

const aTurn = (): Promise<null> => new Promise(resolve => systemExecutor.later(() => resolve(null)))
