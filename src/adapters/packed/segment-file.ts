/**
 * A segment as a file of the archive. It is written under another name, flushed, renamed, and its folder flushed; it is
 * never changed after. A second try at the same segment writes the same bytes again; a file that holds others is the only
 * place of a log that went another way, and is left alone.
 *
 *     | header, 256 bytes: a frame around one line of JSON | block | block | … | index: a frame around numbers |
 *
 * The header says what the file holds, for people too (`head -c 256`). The index has, of each block, its first position and
 * its offset in the file. Each block has its own frame, as in the store.
 */

import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isRuntimeError, RuntimeError, toError } from '../../base/errors.ts'
import { checkFrame, corrupt, FRAME_BYTES, seal } from '../codec/frame.ts'
import type { StoredBlock } from './engine.ts'

export interface SegmentHeader {
  readonly incarnation: string
  readonly partition: number
  readonly firstPosition: number
  readonly lastPosition: number
  readonly blocks: number
}

const HEADER_BYTES = 256
const INDEX_ENTRY_BYTES = 16

/**
 * **Errors**, with the file's path: JOURNAL_UNAVAILABLE; what is left of it is written over by the next try.
 * JOURNAL_MISCONFIGURED where other records are there under that name.
 */
export const writeSegmentFile = async (
  path: string,
  header: SegmentHeader,
  blocks: AsyncIterable<StoredBlock>,
): Promise<void> => {
  const partial = `${path}.partial`
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(partial, 'w')
    try {
      await writeAll(file, header, blocks)
      await file.sync()
    } finally {
      await file.close()
    }
    if (!(await isFreeFor(path, partial))) {
      await rm(partial)
      throw takenByOther(path)
    }
    await rename(partial, path)
    await syncFolder(dirname(path))
  } catch (thrown) {
    if (isRuntimeError(thrown)) throw thrown
    const cause = toError(thrown)
    throw new RuntimeError(
      'JOURNAL_UNAVAILABLE',
      `${path}: the segment could not be written (${cause.message}), and stays in the store. Look at the archive's disk; it may be tried again.`,
      { cause, retryable: true },
    )
  }
}

const COMPARED_BYTES = 1_048_576

/** Whether nothing is there, or just what is to be there. */
const isFreeFor = async (path: string, partial: string): Promise<boolean> => {
  let there: FileHandle
  try {
    there = await open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true
    throw error
  }
  const written = await open(partial, 'r')
  try {
    const { size } = await written.stat()
    if ((await there.stat()).size !== size) return false
    for (let at = 0; at < size; at += COMPARED_BYTES) {
      const length = Math.min(COMPARED_BYTES, size - at)
      if (!(await readAt(path, there, at, length)).equals(await readAt(partial, written, at, length))) return false
    }
    return true
  } finally {
    await there.close()
    await written.close()
  }
}

const takenByOther = (path: string): RuntimeError =>
  new RuntimeError(
    'JOURNAL_MISCONFIGURED',
    `${path} holds other records than this store would put there, and is left as it is; the segment stays in the store. ` +
      'Is this store a copy, and the file of the one that it was copied from? Give each an archive of its own, with a copy of the files. ' +
      'If no store needs the file, move it away.',
  )

const writeAll = async (file: FileHandle, header: SegmentHeader, blocks: AsyncIterable<StoredBlock>): Promise<void> => {
  const index = Buffer.allocUnsafe(FRAME_BYTES + header.blocks * INDEX_ENTRY_BYTES)
  let offset = HEADER_BYTES
  let entry = FRAME_BYTES
  for await (const { firstPosition, packed } of blocks) {
    index.writeDoubleLE(firstPosition, entry)
    index.writeDoubleLE(offset, entry + 8)
    entry += INDEX_ENTRY_BYTES
    await writeAt(file, packed, offset)
    offset += packed.length
  }
  await writeAt(file, seal(index), offset)
  await writeAt(file, sealHeader(header, offset), 0)
}

/** A write may take less than it was given. */
const writeAt = async (file: FileHandle, bytes: Buffer, at: number): Promise<void> => {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done)
    done += bytesWritten
  }
}

const sealHeader = (header: SegmentHeader, indexAt: number): Buffer => {
  const frame = Buffer.alloc(HEADER_BYTES, ' ')
  frame.write(JSON.stringify({ ...header, indexAt }), FRAME_BYTES)
  frame.write('\n', HEADER_BYTES - 1)
  return seal(frame)
}

/** A folder's own entries reach the disk with it; Windows does so by itself, and lets nobody ask. */
const syncFolder = async (folder: string): Promise<void> => {
  if (process.platform === 'win32') return
  const entries = await open(folder, 'r')
  try {
    await entries.sync()
  } finally {
    await entries.close()
  }
}

export const removeSegmentFile = (path: string): Promise<void> => rm(path, { force: true })

/** A file of the archive that is being read. **Errors** of all it does: JOURNAL_CORRUPT, with the file's path. */
export class SegmentFile {
  readonly #path: string
  readonly #file: FileHandle
  readonly #index: Buffer
  readonly #indexAt: number

  private constructor(path: string, file: FileHandle, index: Buffer, indexAt: number) {
    this.#path = path
    this.#file = file
    this.#index = index
    this.#indexAt = indexAt
  }

  static async open(path: string, expected: SegmentHeader): Promise<SegmentFile> {
    let file: FileHandle
    try {
      file = await open(path, 'r')
    } catch (error) {
      throw damaged(path, 'a segment of the log was rolled out to this file, and it cannot be opened', error)
    }
    try {
      const frame = await readAt(path, file, 0, HEADER_BYTES)
      checkFrame(frame, path)
      const { indexAt, ...header } = JSON.parse(frame.toString('utf8', FRAME_BYTES)) as SegmentHeader & {
        readonly indexAt: number
      }
      for (const [field, value] of Object.entries(expected))
        if (header[field as keyof SegmentHeader] !== value)
          throw corrupt(`${path}: its ${field} reads ${header[field as keyof SegmentHeader]}, and should be ${value}`)
      const index = await readAt(path, file, indexAt, FRAME_BYTES + expected.blocks * INDEX_ENTRY_BYTES)
      checkFrame(index, path)
      return new SegmentFile(path, file, index, indexAt)
    } catch (error) {
      await file.close()
      throw isRuntimeError(error) ? error : damaged(path, 'its header cannot be read', error)
    }
  }

  /** The blocks from the one that holds `position` on: up to `count`, which is at least 1. */
  async blocks(position: number, count: number): Promise<readonly StoredBlock[]> {
    const from = this.#holding(position)
    const to = Math.min(from + count, this.#count)
    const start = this.#offset(from)
    const bytes = await readAt(this.#path, this.#file, start, this.#offset(to) - start)
    return Array.from({ length: to - from }, (_, i) => {
      const packed = bytes.subarray(this.#offset(from + i) - start, this.#offset(from + i + 1) - start)
      checkFrame(packed, `${this.#path}, position ${this.#first(from + i)}`)
      return { firstPosition: this.#first(from + i), packed }
    })
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  /** Index of the last block that begins at or before `position`. */
  #holding(position: number): number {
    let low = 0
    let high = this.#count
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (this.#first(middle) <= position) low = middle
      else high = middle
    }
    return low
  }

  get #count(): number {
    return (this.#index.length - FRAME_BYTES) / INDEX_ENTRY_BYTES
  }

  #first(block: number): number {
    return this.#index.readDoubleLE(FRAME_BYTES + block * INDEX_ENTRY_BYTES)
  }

  /** Where a block begins, or where the last one ends. */
  #offset(block: number): number {
    return block === this.#count ? this.#indexAt : this.#index.readDoubleLE(FRAME_BYTES + block * INDEX_ENTRY_BYTES + 8)
  }
}

const readAt = async (path: string, file: FileHandle, at: number, length: number): Promise<Buffer> => {
  const bytes = Buffer.allocUnsafe(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done)
    if (bytesRead === 0) throw corrupt(`${path}: the file ends at ${at + done}, and ${length - done} bytes are missing`)
    done += bytesRead
  }
  return bytes
}

const damaged = (path: string, what: string, error: unknown): RuntimeError =>
  corrupt(`${path}: ${what} (${toError(error).message})`, error)
