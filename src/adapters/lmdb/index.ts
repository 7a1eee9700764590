/** `troupe/lmdb`: the embedded journal. */

import { resolve } from 'node:path'
import { shown } from '../../base/errors.ts'
import type { Journal } from '../../persistence/journal.ts'
import { checkJournalOptions, checkText, misconfigured } from '../../persistence/journal-options.ts'
import { type ArchiveOptions, checkArchiveOptions } from '../packed/archive-options.ts'
import { PackedJournal } from '../packed/packed-journal.ts'
import { LmdbEngine } from './lmdb-engine.ts'

export type { ArchiveOptions } from '../packed/archive-options.ts'
export { destroyLmdbStore } from './destroy.ts'
export { type LmdbViewsOptions, lmdbViews } from './views.ts'

export interface LmdbJournalOptions {
  /** The store's folder; it is made if it is not there. */
  readonly path: string
  /** Fixed when the store is made; asked for and different is an error. **Bounds**: 1 to 64. Default: as stored, else 1. */
  readonly partitions?: number
  /**
   * Whether a write waits for the disk. Without, it survives the end of the process; an end of the machine may take what the
   * system had not written by itself, often the last 30 seconds, and may leave a damaged store. Default: true.
   */
  readonly flush?: boolean
  /** Where closed segments of the log go when `rollOut` is called. Must be given again as long as it holds any. */
  readonly archive?: ArchiveOptions
}

/**
 * A journal in a folder of its own, in LMDB, for one process at a time.
 *
 * **Durability**: a write resolves after it was flushed (fdatasync), not before, unless `flush` is false; after a crash or
 * `kill -9` everything that had resolved is there, and what had not is there whole or not at all. **Order**: per partition,
 * in the order of the commits. **Delivery**: an append that is sent again is recognised. **Errors** of `open`:
 * JOURNAL_LOCKED where another process, or this one, has it open (the lock dies with its process); JOURNAL_FORMAT,
 * JOURNAL_CORRUPT, JOURNAL_MISCONFIGURED. **Bounds**: memory for some 65,000 ids a partition and 8 MiB of blocks, whatever
 * the store's size. After a crash `open` reads at most some 500,000 records of the log; after `close` none.
 */
export const lmdbJournal = (options: LmdbJournalOptions): Journal => {
  checkJournalOptions('lmdbJournal', options, ['path', 'partitions', 'flush', 'archive'])
  const { path, partitions, flush = true } = options
  checkText('lmdbJournal: path', path)
  if (typeof flush !== 'boolean') throw misconfigured(`lmdbJournal: flush must be true or false, not ${shown(flush)}`)
  if (partitions !== undefined && (!Number.isInteger(partitions) || partitions < 1 || partitions > 64))
    throw misconfigured(`lmdb:${path}: ${partitions} partitions; give 1 to 64`)
  return new PackedJournal(
    new LmdbEngine(resolve(path), partitions ?? null, { flush }),
    checkArchiveOptions(options.archive),
  )
}
