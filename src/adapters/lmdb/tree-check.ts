/**
 * Looks at the pages of LMDB's trees before LMDB does: in a page that is not what a branch or a table's page should be it
 * finds nothing, or ends the process. Only heads of pages are looked at, so damage within a page is not seen here; the values
 * have checksums of their own.
 *
 *     page    0 its number, 8   18 flags: BRANCH or LEAF, 2   20 end of the pointers, 2   22 begin of the nodes, 2
 *            24 pointers, 2 each, from 24 on, to
 *     node    0 page of a branch: 16, 32, 48 bits; size of a leaf's value, 4   4 flags   6 length of the key, 2   8 key, value
 *     table   6 depth, 2   8 branch pages, 8   16 leaf pages, 8   40 root, 8: the value of a node with SUBTABLE
 */

import { readSync } from 'node:fs'
import { corrupt } from '../codec/frame.ts'

const BRANCH = 0x01
const LEAF = 0x02
const SUBTABLE = 0x02
const HEADER_BYTES = 24
const NODE_BYTES = 8
const TABLE_BYTES = 48
const NO_PAGE = 0xffffffffffffffffn
/** With more leaf pages only the branches above them are looked at: 8,192 take some 30 ms. */
const LEAVES_MAX = 8_192

export interface PagedFile {
  readonly path: string
  readonly descriptor: number
  readonly pageSize: number
  readonly lastPage: bigint
}

/** `record` describes the tree, as a table's does. `hasTables`: its leaves hold the tables' own. **Errors**: JOURNAL_CORRUPT. */
export const checkTree = (file: PagedFile, record: Buffer, hasTables: boolean): void => {
  const root = record.readBigUInt64LE(40)
  if (root === NO_PAGE) return
  const depth = record.readUInt16LE(6)
  const readLeaves = hasTables || record.readBigUInt64LE(16) <= LEAVES_MAX
  // A page for each level: what is above stays as it is while the levels below are read.
  const pages = Array.from({ length: depth }, () => Buffer.allocUnsafe(file.pageSize))
  const visit = (nr: bigint, level: number): void => {
    const isLeaf = level === depth - 1
    if (isLeaf && !readLeaves) return
    const page = pages[level]
    if (page === undefined) throw damaged(file, nr, `a tree of depth ${depth} has a page of level ${level + 1}`)
    const count = readPage(file, nr, page, isLeaf ? LEAF : BRANCH)
    if (isLeaf && !hasTables) return
    for (let i = 0; i < count; i++) {
      const node = nodeOf(file, nr, page, i)
      if (!isLeaf) visit(childOf(node), level + 1)
      else if ((node.readUInt16LE(4) & SUBTABLE) !== 0) checkTree(file, tableOf(file, nr, node), false)
    }
  }
  visit(root, 0)
}

/** Reads a page whose head must be that of its kind; the number of its nodes. */
const readPage = (file: PagedFile, nr: bigint, page: Buffer, kind: number): number => {
  if (nr > file.lastPage) throw damaged(file, nr, `the last page is ${file.lastPage}`)
  const read = readSync(file.descriptor, page, 0, file.pageSize, Number(nr) * file.pageSize)
  if (read < file.pageSize) throw damaged(file, nr, 'the file ends within it')
  const number = page.readBigUInt64LE(0)
  const flags = page.readUInt16LE(18)
  const [lower, upper] = [page.readUInt16LE(20), page.readUInt16LE(22)]
  const sound = number === nr && (flags & (BRANCH | LEAF)) === kind && lower <= upper && upper <= file.pageSize
  if (!sound) throw damaged(file, nr, `it says page ${number}, flags ${flags}, ${lower} to ${upper}`)
  return lower >>> 1
}

const nodeOf = (file: PagedFile, nr: bigint, page: Buffer, index: number): Buffer => {
  const pointer = HEADER_BYTES + 2 * index
  const at = HEADER_BYTES + (pointer + 2 <= page.length ? page.readUInt16LE(pointer) : page.length)
  if (at + NODE_BYTES > page.length) throw damaged(file, nr, `its node ${index} begins at ${at}`)
  return page.subarray(at)
}

const childOf = (node: Buffer): bigint => BigInt(node.readUIntLE(0, 6))

const tableOf = (file: PagedFile, nr: bigint, node: Buffer): Buffer => {
  const at = NODE_BYTES + node.readUInt16LE(6)
  if (at + TABLE_BYTES > node.length) throw damaged(file, nr, `a table's record begins at ${at} of ${node.length}`)
  return node.subarray(at, at + TABLE_BYTES)
}

const damaged = ({ path }: PagedFile, nr: bigint, text: string): Error =>
  corrupt(`${path}: page ${nr} is damaged (${text})`)
