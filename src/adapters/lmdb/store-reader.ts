/**
 * Reads a store while the process that has it open goes on writing: in one read transaction of LMDB, which sees the store
 * as it was when it began. LMDB's table of readers keeps the pages of that moment from being used again, so the file grows
 * by what is written meanwhile. Of a reader that was killed the table forgets when a store's writer next makes the file
 * longer, or anybody opens it.
 */

import { resolve } from 'node:path'
import type { Transaction } from 'lmdb'
import { isRuntimeError, RuntimeError } from '../../base/errors.ts'
import type {
  BackupEntry,
  BlockEntry,
  CursorsEntry,
  DroppedEntry,
  HorizonEntry,
  SnapshotEntry,
  StoreReader,
} from '../backup/entry.ts'
import { hashOf, unsealNumbers } from '../codec/checksum.ts'
import { corrupt } from '../codec/frame.ts'
import { Archive } from '../packed/archive.ts'
import { type ArchiveOptions, checkArchiveOptions } from '../packed/archive-options.ts'
import { parseDescription } from '../packed/description.ts'
import { checkDatabaseFile } from './file-check.ts'
import { storedHorizons } from './horizons.ts'
import { cursorGroup, cursorKey, cursorName, logKey, positionOf, snapshotIdOf, snapshotSequenceNr } from './keys.ts'
import { storedSegments } from './segments.ts'
import { openTables, type Tables } from './tables.ts'
import { unreadable } from './write-failed.ts'

/**
 * **Errors**: JOURNAL_MISCONFIGURED where there is no store; JOURNAL_CORRUPT, JOURNAL_FORMAT. Its own process is best: LMDB
 * ends a process that meets certain damage. `archive`: where its segments were rolled out to, as for `lmdbJournal`;
 * JOURNAL_MISCONFIGURED where there are such segments and it is not given.
 */
export const lmdbStoreReader = async (path: string, archive?: ArchiveOptions): Promise<StoreReader> => {
  const rolledOut = new Archive(`lmdb:${resolve(path)}`, checkArchiveOptions(archive))
  const folder = resolve(path)
  const name = `lmdb:${folder}`
  return reading(name, () => {
    if (checkDatabaseFile(folder, 'extent') === 'none') throw noStore(name)
    const tables = openTables(folder, { readOnly: true })
    const transaction = tables.root.useReadTransaction()
    try {
      checkDatabaseFile(folder)
      checkIsStore(name, tables)
      const text = tables.meta.get('store', { transaction })
      if (text === undefined) throw noStore(name)
      const { partitions } = parseDescription(text, name)
      for (let nr = 0; nr < partitions; nr++) rolledOut.know(nr, storedSegments(name, tables, nr, transaction))
      return new LmdbStoreReader(name, tables, transaction, partitions, rolledOut)
    } catch (error) {
      transaction.done()
      void tables.root.close()
      throw error
    }
  })
}

/** What is opened to be read makes no table that is not there. **Errors**: JOURNAL_MISCONFIGURED. */
const checkIsStore = (name: string, { root }: Tables): void => {
  const tables = [...root.getKeys()]
  if (tables.includes('meta')) return
  if (!tables.includes('builds')) throw noStore(name)
  throw new RuntimeError(
    'JOURNAL_MISCONFIGURED',
    `${name} holds views, and no store. Name the folder of the store; views need no backup, they are made anew from it.`,
  )
}

class LmdbStoreReader implements StoreReader {
  readonly name: string
  readonly partitions: number
  readonly #tables: Tables
  readonly #transaction: Transaction
  readonly #archive: Archive

  constructor(name: string, tables: Tables, transaction: Transaction, partitions: number, archive: Archive) {
    this.name = name
    this.partitions = partitions
    this.#tables = tables
    this.#transaction = transaction
    this.#archive = archive
  }

  async *entries(): AsyncIterable<BackupEntry> {
    try {
      yield* this.#snapshots()
      yield* this.#horizons()
      for (let nr = 0; nr < this.partitions; nr++) {
        yield* this.#dropped(nr)
        yield* this.#archived(nr)
        yield* this.#blocks(nr)
        yield this.#cursors(nr)
      }
    } catch (error) {
      throw isRuntimeError(error) ? error : unreadable(this.name, error)
    }
  }

  async close(): Promise<void> {
    await this.#archive.close()
    this.#transaction.done()
    await this.#tables.root.close()
  }

  *#snapshots(): Iterable<SnapshotEntry> {
    const range = this.#tables.snapshots.getRange({ transaction: this.#transaction })
    for (const { key, value } of range)
      yield { kind: 'snapshot', persistenceId: snapshotIdOf(key), sequenceNr: snapshotSequenceNr(key), packed: value }
  }

  *#horizons(): Iterable<HorizonEntry> {
    const stored = storedHorizons(this.name, this.#tables, this.partitions, this.#transaction)
    for (const [persistenceId, horizon] of stored) yield { kind: 'horizon', persistenceId, horizon }
  }

  *#dropped(partition: number): Iterable<DroppedEntry> {
    for (const { incarnation, firstPosition, lastPosition } of this.#archive.segments(partition))
      if (incarnation === null) yield { kind: 'dropped', partition, firstPosition, lastPosition }
  }

  async *#archived(partition: number): AsyncIterable<BlockEntry> {
    for (const segment of this.#archive.segments(partition)) {
      if (segment.incarnation === null) continue
      for await (const { firstPosition, packed } of this.#archive.allBlocks(partition, segment))
        yield { kind: 'block', partition, firstPosition, packed }
    }
  }

  *#blocks(partition: number): Iterable<BlockEntry> {
    const range = { start: logKey(partition, 0), end: logKey(partition + 1, 0), transaction: this.#transaction }
    for (const { key, value } of this.#tables.log.getRange(range))
      yield { kind: 'block', partition, firstPosition: positionOf(key), packed: value }
  }

  #cursors(partition: number): CursorsEntry {
    const cursors = new Map<string, number>()
    const range = { start: cursorKey(partition, ''), end: cursorKey(partition + 1, ''), transaction: this.#transaction }
    for (const { key, value } of this.#tables.cursors.getRange(range)) {
      const group = cursorGroup(key)
      const numbers = unsealNumbers(hashOf(cursorName(partition, group)), value)
      if (numbers === null)
        throw corrupt(
          `${this.name}, partition ${partition}, cursor of ${group}: what is stored does not match its checksum`,
        )
      cursors.set(group, numbers[0])
    }
    return { kind: 'cursors', partition, cursors }
  }
}

const reading = <T>(name: string, doing: () => T): T => {
  try {
    return doing()
  } catch (error) {
    throw isRuntimeError(error) ? error : unreadable(name, error)
  }
}

const noStore = (name: string): RuntimeError =>
  new RuntimeError('JOURNAL_MISCONFIGURED', `${name} holds no store. Name the folder of one.`)
