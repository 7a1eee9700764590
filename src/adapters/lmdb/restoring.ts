/** A store that a backup is read into lies beside its place, and is moved there once it is whole. */

import { existsSync } from 'node:fs'
import { readdir, rename, rmdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { RuntimeError } from '../../base/errors.ts'
import type { MakeStore } from '../backup/restore.ts'
import { type ArchiveOptions, checkArchiveOptions } from '../packed/archive-options.ts'
import { StoreFilling } from '../packed/store-filling.ts'
import { destroyLmdbStore } from './destroy.ts'
import { LmdbEngine } from './lmdb-engine.ts'
import { unusable } from './lock.ts'
import { syncFolder } from './marker.ts'

/**
 * Makes a store for `restore`, in the folder `path`, which must be missing or empty. What a killed one leaves is in
 * `path.restoring`; the next one removes it. **Errors** at once or at `finish`: JOURNAL_MISCONFIGURED where the folder holds
 * something; JOURNAL_LOCKED where another one restores to it. `archive` takes what lies before a dropped part of a log.
 */
export const makeLmdbStore =
  (path: string, archive?: ArchiveOptions): MakeStore =>
  async (partitions, incarnation) => {
    const folder = resolve(path)
    const beside = `${folder}.restoring`
    await refuseFull(folder)
    await destroyLmdbStore(beside)
    const filling = new StoreFilling(new LmdbEngine(beside, partitions, { incarnation }), checkArchiveOptions(archive))
    await filling.open()
    return {
      filling,
      async finish() {
        await filling.close()
        try {
          // Windows does not move a folder onto an empty one.
          if (existsSync(folder)) await rmdir(folder)
          await rename(beside, folder)
        } catch (error) {
          throw unusable(folder, error)
        }
        syncFolder(dirname(folder))
      },
      async abandon() {
        await filling.close()
        await filling.removeFiles()
        await destroyLmdbStore(beside)
      },
    }
  }

const refuseFull = async (folder: string): Promise<void> => {
  if (!existsSync(folder)) return
  let names: readonly string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    throw unusable(folder, error)
  }
  if (names.length > 0)
    throw new RuntimeError(
      'JOURNAL_MISCONFIGURED',
      `${folder} holds ${names[0]}: a backup is restored to an empty place only. Name another one, or remove what is there.`,
    )
}
