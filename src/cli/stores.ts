/** Stores as a command line names them. */

import type { StoreReader } from '../adapters/backup/entry.ts'
import type { MakeStore } from '../adapters/backup/restore.ts'
import { makeLmdbStore } from '../adapters/lmdb/restoring.ts'
import { lmdbStoreReader } from '../adapters/lmdb/store-reader.ts'
import { makeRedisStore } from '../adapters/redis/restoring.ts'
import { redisStoreReader } from '../adapters/redis/store-reader.ts'

export interface NamedStore {
  /** Beside the process that has it open. */
  read(): Promise<StoreReader>
  /** For `restore`. */
  readonly make: MakeStore
}

/**
 * The store that a text names: `lmdb:DIR`, `redis://…`, `rediss://…`; null: it names none. `archiveFolder` is where its
 * segments were rolled out to; null: nowhere.
 */
export const storeNamed = (text: string, archiveFolder: string | null): NamedStore | null => {
  const archive = archiveFolder === null ? undefined : { folder: archiveFolder }
  if (text.startsWith('lmdb:') && text.length > 5) {
    const path = text.slice(5)
    return { read: () => lmdbStoreReader(path, archive), make: makeLmdbStore(path, archive) }
  }
  if (/^rediss?(-cluster)?:\/\//.test(text)) {
    const options = { url: text, ...(archive && { archive }) }
    return { read: () => redisStoreReader(options), make: makeRedisStore(options) }
  }
  return null
}
