/**
 * Room in the file ahead of LMDB. A write of LMDB's own that the disk refuses is an error too late: in lmdb-js 3.5 it
 * formats its text over the end of a buffer (mdb.c, `mdb_page_flush`), and the process may end by an abort. So the file
 * is made longer first, by zeros that LMDB writes over: where that fails, nothing has been handed to LMDB.
 *
 *     data.mdb  | pages in use                      | room                |
 *                                   last page's end ^                     ^ end of the file
 *
 * The zeros are appended (O_APPEND), so whatever stands in the file is never written over. They cost no throughput: a
 * flush that need not store a new length of the file is the cheaper one.
 */

import { fstatSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { RuntimeError, toError } from '../../base/errors.ts'
import { OneByOne } from '../../base/one-by-one.ts'

/** How the database stands: its last page in use, and the pages of the tree that is changed all over. Units: pages. */
export interface Extent {
  readonly lastPage: number
  readonly pageSize: number
  readonly headPages: number
}

/** What a write adds. Units: bytes of a value, each; heads; bytes of their entries, at most. */
export interface Growth {
  readonly values: readonly number[]
  readonly heads: number
  readonly headBytes: number
}

const STEP_BYTES_MIN = 262_144
const STEP_BYTES_MAX = 8_388_608
/** The paths from the roots to what changes, and the list of free pages. Units: pages. */
const TREE_PAGES = 64
const ZEROS = Buffer.alloc(65_536)

export class Room {
  readonly #name: string
  readonly #file: FileHandle
  readonly #measure: () => Extent
  /** What is certainly left beside what writes under way have taken. Units: pages. */
  #left = 0
  #taken = 0
  #extent: Extent
  readonly #inTurn = new OneByOne()
  /** The last of those that grow the file; null: none does. */
  #growing: Promise<unknown> | null = null

  private constructor(name: string, file: FileHandle, measure: () => Extent) {
    this.#name = name
    this.#file = file
    this.#measure = measure
    this.#extent = measure()
  }

  static async open(name: string, path: string, measure: () => Extent): Promise<Room> {
    return new Room(name, await open(path, 'a'), measure)
  }

  /**
   * Takes room for a write, and says how many pages: to be given to `landed` when the write has settled.
   * **Errors**: JOURNAL_FULL, and nothing may be written.
   */
  take(growth: Growth): number | Promise<number> {
    const pages = this.#pagesOf(growth)
    if (this.#growing === null && pages <= this.#left) return this.#takeLeft(pages)
    // One after the other: what one appends is the other's room.
    const growing = this.#inTurn.run(async () => {
      await this.#grow(pages)
      return this.#takeLeft(pages)
    })
    this.#growing = growing
    const done = (): void => {
      if (this.#growing === growing) this.#growing = null
    }
    growing.then(done, done)
    return growing
  }

  landed(pages: number): void {
    this.#taken -= pages
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  /** An upper bound: pages that LMDB may need at the end of the file, though it takes free ones first. */
  #pagesOf({ values, heads, headBytes }: Growth): number {
    let pages = TREE_PAGES
    for (const bytes of values) pages += 1 + Math.ceil(bytes / this.#extent.pageSize)
    // Each head may change a leaf page of its own, while there are as many; new leaf pages are half full at least.
    const newLeaves = Math.ceil((2 * headBytes) / this.#extent.pageSize)
    return pages + Math.min(heads, this.#extent.headPages + newLeaves)
  }

  #takeLeft(pages: number): number {
    this.#left -= pages
    this.#taken += pages
    return pages
  }

  async #grow(pages: number): Promise<void> {
    this.#left = this.#measured()
    if (this.#left >= pages) return
    const { pageSize } = this.#extent
    const { size } = fstatSync(this.#file.fd)
    const step = Math.min(STEP_BYTES_MAX, Math.max(STEP_BYTES_MIN, Math.floor(size / 8)))
    const refused = await this.#append((pages - this.#left) * pageSize + step)
    this.#left = this.#measured()
    // Where the disk took a part, that may be enough.
    if (refused !== null && this.#left < pages) throw full(this.#name, (pages - this.#left) * pageSize, refused)
  }

  #measured(): number {
    this.#extent = this.#measure()
    const { lastPage, pageSize } = this.#extent
    return Math.floor(fstatSync(this.#file.fd).size / pageSize) - (lastPage + 1) - this.#taken
  }

  /** Appends zeros; what refused them, or null. */
  async #append(bytes: number): Promise<Error | null> {
    try {
      for (let left = bytes; left > 0; ) {
        const { bytesWritten } = await this.#file.write(ZEROS, 0, Math.min(left, ZEROS.length))
        left -= bytesWritten
      }
      return null
    } catch (error) {
      return toError(error)
    }
  }
}

const full = (name: string, bytes: number, cause: Error): RuntimeError =>
  new RuntimeError(
    'JOURNAL_FULL',
    `${name}: there is no room for ${bytes} bytes more, and nothing of the write is stored (${cause.message}). ` +
      'Free space on its disk; the same write may be tried again.',
    { cause, retryable: true },
  )
