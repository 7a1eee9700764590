/** The blocks that were read last, so that neighbours in a log, and ids that share blocks, are not decoded twice. */

import type { Block } from '../codec/block.ts'

export class BlockCache {
  readonly #blocks = new Map<string, Block>()
  readonly #bytesMax: number
  #bytes = 0

  /** **Units**: bytes as stored; decoded they take some five times that. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get(partition: number, firstPosition: number): Block | undefined {
    const key = `${partition}:${firstPosition}`
    const block = this.#blocks.get(key)
    if (block === undefined) return undefined
    // A Map keeps the order of insertion: what is used goes to the end, what is first was not used for longest.
    this.#blocks.delete(key)
    this.#blocks.set(key, block)
    return block
  }

  add(block: Block): void {
    const key = `${block.index.partition}:${block.index.firstPosition}`
    if (this.#blocks.has(key)) return
    this.#blocks.set(key, block)
    this.#bytes += block.bytes
    for (const [oldest, { bytes }] of this.#blocks) {
      if (this.#bytes <= this.#bytesMax) break
      this.#blocks.delete(oldest)
      this.#bytes -= bytes
    }
  }

  remove(block: Block): void {
    if (this.#blocks.delete(`${block.index.partition}:${block.index.firstPosition}`)) this.#bytes -= block.bytes
  }

  clear(): void {
    this.#blocks.clear()
    this.#bytes = 0
  }
}
