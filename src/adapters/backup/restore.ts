import { assert, unreachable } from '../../base/assert.ts'
import { RuntimeError } from '../../base/errors.ts'
import type { Journal, Snapshot, StoredAppend } from '../../persistence/journal.ts'
import type { BackupSummary } from './backup-format.ts'
import type { CheckedEntry } from './contents.ts'
import { openBackup, verifyBackup } from './read-backup.ts'

/** A store that is being made: whoever opens it before `finish` is refused, or finds none. */
export interface StoreInMaking {
  /** Opened. */
  readonly journal: Journal
  /** Closes it, and lets it be opened. */
  finish(): Promise<void>
  /** Closes it, and takes it away as far as that is possible. */
  abandon(): Promise<void>
}

/**
 * Makes a place for a store. What an earlier try left there is removed first. `incarnation` tells the store from all that
 * were there before. **Errors**: JOURNAL_MISCONFIGURED where there is a store.
 */
export type MakeStore = (partitions: number, incarnation: number) => Promise<StoreInMaking>

/** Written at once. */
const SNAPSHOTS_AT_ONCE = 64
const WRITE_BYTES = 2_097_152
const ALL = Number.MAX_SAFE_INTEGER

/**
 * Makes a store of a backup: the same records at the same positions, snapshots and cursors, under fresh epochs and as a new
 * incarnation, so that followers of a feed learn that what they have seen since the backup may be gone.
 *
 * The backup is read twice: nothing is made before it was found good. **Errors**: BACKUP_INVALID, BACKUP_FAILED;
 * JOURNAL_MISCONFIGURED where there is a store already, which is left alone; those of writing.
 */
export const restore = async (path: string, make: MakeStore, nowMs: number): Promise<BackupSummary> => {
  const { partitions, digest } = await verifyBackup(path)
  const store = await make(partitions, nowMs)
  try {
    const summary = await readInto(path, store.journal)
    if (summary.digest !== digest)
      throw new RuntimeError(
        'BACKUP_INVALID',
        `${path} is another file than when it was verified. Nothing is restored.`,
      )
    await store.finish()
    return summary
  } catch (error) {
    await store.abandon()
    throw error
  }
}

const readInto = async (path: string, journal: Journal): Promise<BackupSummary> => {
  const backup = await openBackup(path)
  const filling = new Filling(journal)
  try {
    const entries = backup.entries()
    for (;;) {
      const next = await entries.next()
      if (next.done === true) {
        await filling.flush()
        return next.value
      }
      await filling.put(next.value)
    }
  } finally {
    await backup.close()
  }
}

/** Puts entries into an empty journal, in their order, many in one write. */
class Filling {
  readonly #journal: Journal
  #snapshots: Snapshot[] = []
  #partition = 0
  #appends: StoredAppend[] = []
  #bytes = 0

  constructor(journal: Journal) {
    this.#journal = journal
  }

  async put(entry: CheckedEntry): Promise<void> {
    switch (entry.kind) {
      case 'snapshot':
        this.#snapshots.push(entry.snapshot)
        if (this.#snapshots.length >= SNAPSHOTS_AT_ONCE) await this.flush()
        return
      case 'block':
        if (entry.partition !== this.#partition || this.#bytes >= WRITE_BYTES) await this.flush()
        this.#partition = entry.partition
        this.#appends.push(...entry.appends)
        this.#bytes += entry.bytes
        return
      case 'cursors':
        await this.flush()
        return this.#journal.saveCursors(entry.partition, entry.cursors)
      default:
        return unreachable(entry, 'entry of a backup')
    }
  }

  async flush(): Promise<void> {
    const [snapshots, appends] = [this.#snapshots, this.#appends]
    this.#snapshots = []
    this.#appends = []
    this.#bytes = 0
    await Promise.all(snapshots.map(snapshot => this.#journal.saveSnapshot(snapshot, ALL)))
    if (appends.length === 0) return
    const results = await this.#journal.commit(this.#partition, appends)
    // Their numbers were checked, and the place was empty.
    for (const [i, result] of results.entries())
      assert(
        result.status === 'written' && result.position === appends[i]!.position,
        `${this.#journal.name}: a record of a backup went elsewhere than to where it was`,
      )
  }
}
