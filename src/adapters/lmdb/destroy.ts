import { existsSync } from 'node:fs'
import { readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { RuntimeError } from '../../base/errors.ts'
import { lockStore, unusable } from './lock.ts'
import { MARKER, syncFolder } from './marker.ts'

/** What a store's folder consists of, LMDB's files and ours. */
const FILES: readonly string[] = ['data.mdb', 'lock.mdb', 'owner.pid', 'owner.lock', MARKER]

/**
 * Removes a store and its folder; nothing where there is none. One whose removal was cut short (a kill) opens as it was, or
 * as a new one. **Errors**: JOURNAL_LOCKED while a process has it open;
 * JOURNAL_MISCONFIGURED, and nothing is removed, where the folder holds anything that is not a store's.
 */
export const destroyLmdbStore = async (path: string): Promise<void> => {
  if (!existsSync(path)) return
  const foreign = (await namesIn(path)).filter(name => !FILES.includes(name))
  if (foreign.length > 0)
    throw new RuntimeError(
      'JOURNAL_MISCONFIGURED',
      `${path} holds ${foreign[0]}, which belongs to no store: it is left alone. Name the folder of a store.`,
    )
  const lock = await lockStore(path)
  try {
    // Without its mark a database that is there is whole, and one that is gone was removed: so it is the first to go.
    await rm(join(path, MARKER), { force: true })
    syncFolder(path)
    for (const name of FILES) await rm(join(path, name), { force: true })
  } finally {
    await lock.release()
  }
  await rmdir(path)
}

const namesIn = async (path: string): Promise<readonly string[]> => {
  try {
    return await readdir(path)
  } catch (error) {
    throw unusable(path, error)
  }
}
