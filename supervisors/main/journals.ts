import { resolve } from 'node:path'
import { type Journal, memoryJournal } from 'troupe'
import { destroyLmdbStore, lmdbJournal, lmdbViews } from 'troupe/lmdb'
import { memoryViews, type ViewStore } from 'troupe/projection'
import { destroyRedisStore, destroyRedisViews, redisJournal, redisViews } from 'troupe/redis'
import { UsageError } from './options.ts'

/** A store as the command line names it. */
export interface NamedJournal {
  /** The folder that is the store's own; null: it has none. */
  readonly folder: string | null
  open(): Journal
  /** Where views of it are kept. */
  views(): ViewStore
  /** Removes what the store holds, its views first. **Errors**: JOURNAL_LOCKED while another process has it open. */
  destroy(): Promise<void>
}

/** **Errors**: UsageError for anything but `lmdb:DIR`, `redis://…`, `rediss://…`, `redis-cluster://…` and `memory`. */
export const journalNamed = (text: string): NamedJournal => {
  if (text === 'memory')
    return { folder: null, open: () => memoryJournal(), views: memoryViews, destroy: async () => undefined }
  if (text.startsWith('lmdb:') && text.length > 5) {
    const path = text.slice(5)
    const viewsPath = `${resolve(path)}-views`
    return {
      folder: path,
      open: () => lmdbJournal({ path }),
      views: () => lmdbViews({ path: viewsPath }),
      destroy: async () => {
        await destroyLmdbStore(viewsPath)
        await destroyLmdbStore(path)
      },
    }
  }
  if (/^rediss?(-cluster)?:\/\//.test(text))
    return {
      folder: null,
      open: () => redisJournal({ url: text }),
      views: () => redisViews({ url: text }),
      destroy: async () => {
        await destroyRedisViews({ url: text })
        await destroyRedisStore({ url: text })
      },
    }
  // What has an @ may have a password.
  const given = text.includes('@') ? '' : ` ${text}`
  throw new UsageError(
    `--journal${given}: give lmdb:DIR, redis://HOST:PORT[/DB], redis-cluster://HOST:PORT,HOST:PORT, or memory`,
  )
}
