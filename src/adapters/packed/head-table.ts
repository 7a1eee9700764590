/**
 * The heads of the ids that were written last, in two generations: when the recent one is full it becomes the older one,
 * and the older one is forgotten. So memory is bounded, and an id in use is found without asking the store.
 */

import { hashOf } from '../codec/checksum.ts'
import type { Head, HeadEntry } from './engine.ts'

export class HeadTable {
  #recent = new Map<string, HeadEntry>()
  #older = new Map<string, HeadEntry>()
  readonly #idsMax: number

  constructor(idsMax: number) {
    this.#idsMax = idsMax
  }

  get(persistenceId: string): HeadEntry | undefined {
    const entry = this.#recent.get(persistenceId)
    if (entry !== undefined) return entry
    const older = this.#older.get(persistenceId)
    if (older !== undefined) this.#recent.set(persistenceId, older)
    return older
  }

  /** Looks without making it recent. */
  peek(persistenceId: string): HeadEntry | undefined {
    return this.#recent.get(persistenceId) ?? this.#older.get(persistenceId)
  }

  add(persistenceId: string, head: Head, dirty: boolean): HeadEntry {
    const entry: HeadEntry = {
      persistenceId,
      sequenceNr: head.sequenceNr,
      block: head.block,
      nextSequenceNr: 0,
      nextBlock: 0,
      touchedBy: 0,
      refusedBy: 0,
      dirty,
      hash: hashOf(persistenceId),
    }
    this.#recent.set(persistenceId, entry)
    return entry
  }

  get full(): boolean {
    return this.#recent.size >= this.#idsMax
  }

  /** Begins a new generation, and gives the one that was recent. */
  rotate(): Iterable<HeadEntry> {
    this.#older = this.#recent
    this.#recent = new Map()
    return this.#older.values()
  }

  *dirty(): Iterable<HeadEntry> {
    for (const entry of this.#older.values()) if (entry.dirty) yield entry
    for (const entry of this.#recent.values())
      if (entry.dirty && this.#older.get(entry.persistenceId) !== entry) yield entry
  }

  clear(): void {
    this.#recent.clear()
    this.#older.clear()
  }
}
