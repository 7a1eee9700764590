import { unreachable } from '../../base/assert.ts'
import { RuntimeError } from '../../base/errors.ts'
import type { StoreFilling } from '../packed/store-filling.ts'
import type { BackupSummary } from './backup-format.ts'
import type { CheckedEntry } from './contents.ts'
import { openBackup, verifyBackup } from './read-backup.ts'

/** A store that is being made: whoever opens it before `finish` is refused, or finds none. */
export interface StoreInMaking {
  /** Opened. */
  readonly filling: StoreFilling
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

/** Snapshots, or horizons: each is a write of its own, and many of them share a flush. */
const WRITES_AT_ONCE = 64

/**
 * Makes a store of a backup: the same records at the same positions, snapshots and cursors, under fresh epochs and as a new
 * incarnation, so that followers of a feed learn that what they have seen since the backup may be gone. What was deleted,
 * ended or dropped stays so.
 *
 * The backup is read twice: nothing is made before it was found good. **Errors**: BACKUP_INVALID, BACKUP_FAILED;
 * JOURNAL_MISCONFIGURED where there is a store already, which is left alone, and where the backup needs an archive that was
 * not given; those of writing; the reason of `signal`, which takes away what was made.
 */
export const restore = async (
  path: string,
  make: MakeStore,
  nowMs: number,
  signal?: AbortSignal,
): Promise<BackupSummary> => {
  const { partitions, digest } = await verifyBackup(path, signal)
  const store = await make(partitions, nowMs)
  try {
    const summary = await readInto(path, store.filling, signal)
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

const readInto = async (path: string, filling: StoreFilling, signal?: AbortSignal): Promise<BackupSummary> => {
  const backup = await openBackup(path)
  const together = new Together()
  try {
    const entries = backup.entries()
    for (;;) {
      signal?.throwIfAborted()
      const next = await entries.next()
      if (next.done === true) return next.value
      await putInto(filling, next.value, together)
    }
  } finally {
    // What is under way ends before its store is closed; what it fails with is not the first thing that went wrong.
    await together.settled()
    await backup.close()
  }
}

const putInto = async (filling: StoreFilling, entry: CheckedEntry, together: Together): Promise<void> => {
  await together.turnTo(entry.kind)
  switch (entry.kind) {
    case 'snapshot':
      return together.add(() => filling.saveSnapshot(entry.persistenceId, entry.sequenceNr, entry.packed))
    case 'horizon':
      return together.add(() => filling.forget(entry.persistenceId, entry.horizon))
    case 'dropped':
      return filling.drop(entry.partition, entry)
    case 'block':
      return filling.put(entry.partition, entry)
    case 'cursors':
      await filling.saveCursors(entry.partition, entry.cursors)
      return filling.finish(entry.partition)
    default:
      return unreachable(entry, 'entry of a backup')
  }
}

/** Writes of one kind that are under way together, some at most. */
class Together {
  #kind: CheckedEntry['kind'] | null = null
  #writes: Promise<void>[] = []

  /** What comes next may build on what is under way of another kind. */
  async turnTo(kind: CheckedEntry['kind']): Promise<void> {
    if (kind !== this.#kind || this.#writes.length >= WRITES_AT_ONCE) await this.#ended()
    this.#kind = kind
  }

  async add(write: () => Promise<void>): Promise<void> {
    const writing = write()
    // Looked at when all of them are waited for.
    writing.catch(() => undefined)
    this.#writes.push(writing)
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#writes)
  }

  async #ended(): Promise<void> {
    const writes = this.#writes
    await Promise.allSettled(writes)
    this.#writes = []
    await Promise.all(writes)
  }
}
