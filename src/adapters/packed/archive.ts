/** The segments that have left the store, and their files: what reads the log finds them here by position. */

import { join } from 'node:path'
import { RuntimeError } from '../../base/errors.ts'
import { type ArchiveOptions, SEGMENT_BYTES } from './archive-options.ts'
import type { StoredBlock } from './engine.ts'
import { beginAfter, inOrder, type Segment } from './segment.ts'
import { SegmentFile } from './segment-file.ts'

/** Each with the places of its blocks: 16 bytes of 8,192 at most. */
const FILES_OPEN_MAX = 32
const BLOCKS_PER_PAGE = 16

export class Archive {
  readonly #name: string
  readonly #options: ArchiveOptions | null
  readonly #partitions: (readonly Segment[])[] = []
  /** By path, the one that was used last at the end. */
  readonly #files = new Map<string, Promise<SegmentFile>>()

  constructor(name: string, options: ArchiveOptions | null) {
    this.#name = name
    this.#options = options
  }

  get hasFolder(): boolean {
    return this.#options !== null
  }

  get segmentBytes(): number {
    return this.#options?.segmentBytes ?? SEGMENT_BYTES
  }

  /**
   * What the store says of a partition whose segments nobody else has leave it meanwhile. **Errors**: JOURNAL_MISCONFIGURED
   * where there are files and no folder was given.
   */
  know(nr: number, segments: readonly Segment[]): void {
    if (!this.hasFolder && segments.some(({ incarnation }) => incarnation !== null))
      throw new RuntimeError(
        'JOURNAL_MISCONFIGURED',
        `${this.#name}: parts of its log were rolled out to files. Give the option archive with their folder.`,
      )
    this.#partitions[nr] = inOrder(segments, `${this.#name}, partition ${nr}`)
  }

  /**
   * What the store answered a reader, while segments may be leaving it: they only ever get more, so one that knows of fewer
   * than are known is an answer from before the last of them left. **Errors**: those of `know`.
   */
  learn(nr: number, segments: readonly Segment[]): void {
    if (segments.length > this.#partitions[nr]!.length) this.know(nr, segments)
  }

  segments(nr: number): readonly Segment[] {
    return this.#partitions[nr]!
  }

  /** The segment that holds a position; null where that is in the log itself. */
  segmentAt(nr: number, position: number): Segment | null {
    const segments = this.#partitions[nr]!
    if (segments.length === 0 || position >= beginAfter(segments)) return null
    let low = 0
    for (let high = segments.length; high - low > 1; ) {
      const middle = (low + high) >>> 1
      if (segments[middle]!.firstPosition <= position) low = middle
      else high = middle
    }
    return segments[low]!
  }

  /** The blocks of a segment's file from the one that holds `position` on. **Errors**: JOURNAL_CORRUPT. */
  async blocks(nr: number, segment: Segment, position: number, count: number): Promise<readonly StoredBlock[]> {
    return (await this.#file(nr, segment)).blocks(position, count)
  }

  /** All blocks of a segment's file, some at a time. **Errors**: JOURNAL_CORRUPT. */
  async *allBlocks(nr: number, segment: Segment): AsyncIterable<StoredBlock> {
    for (let next = segment.firstPosition; ; ) {
      const page = (await this.blocks(nr, segment, next, BLOCKS_PER_PAGE)).filter(block => block.firstPosition >= next)
      const last = page.at(-1)
      if (last === undefined) return
      yield* page
      next = last.firstPosition + 1
    }
  }

  pathOf(nr: number, { incarnation, firstPosition }: Pick<Segment, 'incarnation' | 'firstPosition'>): string {
    return join(this.#options!.folder, `${nr}-${incarnation}-${String(firstPosition).padStart(16, '0')}.segment`)
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()]
    this.#files.clear()
    for (const opening of await Promise.allSettled(files))
      if (opening.status === 'fulfilled') await opening.value.close()
  }

  #file(nr: number, segment: Segment): Promise<SegmentFile> {
    const path = this.pathOf(nr, segment)
    const { firstPosition, lastPosition, blocks } = segment
    const file =
      this.#files.get(path) ??
      SegmentFile.open(path, { incarnation: segment.incarnation!, partition: nr, firstPosition, lastPosition, blocks })
    this.#files.delete(path)
    this.#files.set(path, file)
    // One that cannot be opened is tried again by the next reader.
    file.catch(() => this.#files.delete(path))
    if (this.#files.size > FILES_OPEN_MAX) this.#closeOldest()
    return file
  }

  #closeOldest(): void {
    const [path, oldest] = this.#files.entries().next().value!
    this.#files.delete(path)
    // Whoever is reading from it has asked already, and a file is closed after what was asked of it.
    oldest.then(
      file => file.close(),
      () => undefined,
    )
  }
}
