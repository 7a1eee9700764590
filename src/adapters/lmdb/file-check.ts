/**
 * Looks at the database's file before LMDB maps it: LMDB takes what its two meta pages say for granted, and a file that
 * is cut short, or is something else, ends the process by a signal.
 *
 *     page 0, page 1 (LMDB as lmdb-js 3.5 ships it, 64 bits, little endian; a commit writes the page of its number's parity)
 *       0 page number, 8   18 flags: META   24 magic, 4   28 version, 4   40 size of the map, 8
 *      48 page size, 4     88 root of free pages, 8      136 root of tables, 8   144 last page in use, 8   152 commit, 8
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { corrupt } from '../codec/frame.ts'
import { isMarked } from './marker.ts'
import { checkTree } from './tree-check.ts'

const MAGIC = 0xbeefc0de
const VERSION = 2
const META = 0x08
const META_BYTES = 168
const NO_PAGE = 0xffffffffffffffffn

interface Meta {
  readonly pageSize: number
  readonly lastPage: bigint
  readonly commit: bigint
  /** The records of the two trees that a database is made of. */
  readonly free: Buffer
  readonly tables: Buffer
}

/**
 * Says whether there is a database, or one is yet to be made. **Errors**: JOURNAL_CORRUPT, with the file and what was found.
 * What it cannot see is a change within a page of a tree: that is found by whoever reads a value, or not at all.
 *
 * Where another process writes, pages of a tree stay as they are only for one that reads in LMDB: look at the `extent` (meta
 * pages and length) before, and at the whole while a read transaction is open.
 */
export const checkDatabaseFile = (folder: string, parts: 'whole' | 'extent' = 'whole'): 'there' | 'none' => {
  const path = join(folder, 'data.mdb')
  const file = openIfThere(path)
  try {
    const size = file === null ? 0 : fstatSync(file).size
    if (size > 0) {
      const { pageSize, lastPage, free, tables } = readNewestMeta(path, file!, size)
      checkSize(path, pageSize, lastPage, size)
      if (parts === 'extent') return 'there'
      const paged = { path, descriptor: file!, pageSize, lastPage }
      checkTree(paged, free, false)
      checkTree(paged, tables, true)
      return 'there'
    }
  } finally {
    if (file !== null) closeSync(file)
  }
  if (isMarked(folder))
    throw corrupt(`${path}: ${file === null ? 'the file is missing' : 'the file is empty'}, and a store was made here`)
  return 'none'
}

const openIfThere = (path: string): number | null => {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

const readNewestMeta = (path: string, file: number, size: number): Meta => {
  const first = readMeta(path, file, size, 0, 0)
  const second = readMeta(path, file, size, 1, first.pageSize)
  if (second.pageSize !== first.pageSize)
    throw corrupt(`${path}: its meta pages name ${first.pageSize} and ${second.pageSize} bytes as the size of a page`)
  return first.commit >= second.commit ? first : second
}

const readMeta = (path: string, file: number, size: number, nr: number, offset: number): Meta => {
  const page = Buffer.alloc(META_BYTES)
  const read = readSync(file, page, 0, META_BYTES, offset)
  if (read < META_BYTES) throw corrupt(`${path}: meta page ${nr} is missing, the file ends at ${size} bytes`)
  const number = page.readBigUInt64LE(0)
  const magic = page.readUInt32LE(24)
  if (number !== BigInt(nr) || (page.readUInt16LE(18) & META) === 0 || magic !== MAGIC)
    throw corrupt(`${path}: meta page ${nr} is none of LMDB's (page ${number}, magic ${magic.toString(16)})`)
  const version = page.readUInt32LE(28) & 0xffff
  if (version !== VERSION) throw corrupt(`${path}: meta page ${nr} has version ${version}, LMDB here reads ${VERSION}`)
  const pageSize = page.readUInt32LE(48)
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0)
    throw corrupt(`${path}: meta page ${nr} says that pages have ${pageSize} bytes`)
  const lastPage = page.readBigUInt64LE(144)
  for (const root of [page.readBigUInt64LE(88), page.readBigUInt64LE(136)])
    if (root !== NO_PAGE && root > lastPage)
      throw corrupt(`${path}: meta page ${nr} names page ${root} as a root, and ${lastPage} as the last page`)
  return {
    pageSize,
    lastPage,
    commit: page.readBigUInt64LE(152),
    free: page.subarray(48, 96),
    tables: page.subarray(96, 144),
  }
}

/** LMDB alone may leave free pages at the end unwritten; `Room` keeps the file ahead of what is in use. */
const checkSize = (path: string, pageSize: number, lastPage: bigint, size: number): void => {
  const needed = (lastPage + 1n) * BigInt(pageSize)
  if (BigInt(size) < needed) throw corrupt(`${path}: the file has ${size} bytes of ${needed}`)
}
