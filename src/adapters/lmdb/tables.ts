/** The tables of a store. */

import { type Database, open, type RootDatabase } from 'lmdb'
import { idKeyEncoder } from './keys.ts'
import type { Extent } from './room.ts'

export interface Tables {
  readonly root: RootDatabase
  readonly meta: Database<string, string>
  readonly epochs: Database<Buffer, number>
  readonly log: Database<Buffer, Buffer>
  readonly heads: Database<Buffer, string>
  readonly checkpoints: Database<Buffer, number>
  readonly snapshots: Database<Buffer, Buffer>
  readonly cursors: Database<Buffer, Buffer>
  readonly horizons: Database<Buffer, string>
  readonly segments: Database<Buffer, Buffer>
}

export interface OpenOptions {
  /** Beside the process that writes; LMDB's table of readers keeps what is read from being written over. */
  readonly readOnly?: boolean
  /** Commits without waiting for the disk. */
  readonly noSync?: boolean
}

export const openTables = (path: string, { readOnly = false, noSync = false }: OpenOptions = {}): Tables => {
  const root = open({
    path,
    noSubdir: false,
    readOnly,
    noSync,
    overlappingSync: false,
    eventTurnBatching: false,
    maxDbs: 16,
    encoding: 'binary',
  })
  return {
    root,
    meta: root.openDB('meta', { encoding: 'string' }),
    epochs: root.openDB('epochs', { encoding: 'binary', keyEncoding: 'uint32', useVersions: true }),
    log: root.openDB('log', { encoding: 'binary', keyEncoding: 'binary' }),
    heads: root.openDB('heads', { encoding: 'binary', ...{ keyEncoder: idKeyEncoder } }),
    checkpoints: root.openDB('checkpoints', { encoding: 'binary', keyEncoding: 'uint32' }),
    snapshots: root.openDB('snapshots', { encoding: 'binary', keyEncoding: 'binary' }),
    cursors: root.openDB('cursors', { encoding: 'binary', keyEncoding: 'binary' }),
    segments: root.openDB('segments', { encoding: 'binary', keyEncoding: 'binary' }),
    horizons: root.openDB('horizons', { encoding: 'binary', ...{ keyEncoder: idKeyEncoder } }),
  }
}

/** How many entries a table has; LMDB keeps the number. */
export const entriesOf = (table: Database<Buffer, Buffer> | Database<Buffer, string>): number =>
  (table.getStats() as { readonly entryCount: number }).entryCount

export const extentOf = ({ heads }: Tables): Extent => {
  const stats = heads.getStats() as {
    readonly pageSize: number
    readonly lastPageNumber: number
    readonly treeBranchPageCount: number
    readonly treeLeafPageCount: number
  }
  return {
    lastPage: stats.lastPageNumber,
    pageSize: stats.pageSize,
    headPages: stats.treeBranchPageCount + stats.treeLeafPageCount,
  }
}
