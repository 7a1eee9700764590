import { join } from 'node:path'
import { type Journal, memoryJournal } from 'troupe'
import { destroyLmdbStore, lmdbJournal } from 'troupe/lmdb'
import { destroyRedisStore, redisJournal } from 'troupe/redis'
import { UsageError } from './options.ts'

/** A store as the command line names it. */
export interface NamedJournal {
  /** Files that are the store's own. */
  readonly files: readonly string[]
  open(): Journal
  /** Removes what the store holds. **Errors**: JOURNAL_LOCKED while another process has it open. */
  destroy(): Promise<void>
}

/** **Errors**: UsageError for anything but `lmdb:DIR`, `redis://…`, `rediss://…` and `memory`. */
export const journalNamed = (text: string): NamedJournal => {
  if (text === 'memory') return { files: [], open: () => memoryJournal(), destroy: async () => undefined }
  if (text.startsWith('lmdb:') && text.length > 5) {
    const path = text.slice(5)
    return { files: [join(path, 'data.mdb')], open: () => lmdbJournal({ path }), destroy: () => destroyLmdbStore(path) }
  }
  if (/^rediss?:\/\//.test(text))
    return { files: [], open: () => redisJournal({ url: text }), destroy: () => destroyRedisStore({ url: text }) }
  // What has an @ may have a password.
  const given = text.includes('@') ? '' : ` ${text}`
  throw new UsageError(`--journal${given}: give lmdb:DIR, redis://HOST:PORT[/DB], or memory`)
}
