/** The blocks that were read last, so that neighbours in a log, and ids that share blocks, are not decoded twice. */

import type { Block } from '../codec/block.ts'

type Generation = Map<number, Block>[]

/**
 * Two generations, as the heads: when the recent one has half of the room it becomes the older one, and the older one is
 * forgotten. A hit costs a look into a Map; to keep the order of use as well would cost two writes.
 */
export class BlockCache {
  readonly #bytesMax: number
  #recent: Generation = []
  #older: Generation = []
  #recentBytes = 0

  /** **Units**: bytes as stored; with what was decoded they take some two and a half times that. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get(partition: number, firstPosition: number): Block | undefined {
    const recent = this.#recent[partition]?.get(firstPosition)
    if (recent !== undefined) return recent
    const older = this.#older[partition]?.get(firstPosition)
    if (older !== undefined) this.add(older)
    return older
  }

  add(block: Block): void {
    const { partition, firstPosition } = block.index
    if (this.#recentBytes + block.bytes > this.#bytesMax / 2) {
      this.#older = this.#recent
      this.#recent = []
      this.#recentBytes = 0
    }
    this.#recent[partition] ??= new Map()
    const blocks = this.#recent[partition]
    if (blocks.has(firstPosition)) return
    blocks.set(firstPosition, block)
    this.#recentBytes += block.bytes
  }

  clear(): void {
    this.#recent = []
    this.#older = []
    this.#recentBytes = 0
  }
}
