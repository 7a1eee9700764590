import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { backUp } from '../../../src/adapters/backup/back-up.ts'
import type { BackupSummary } from '../../../src/adapters/backup/backup-format.ts'
import type { StoreReader } from '../../../src/adapters/backup/entry.ts'
import type { MakeStore } from '../../../src/adapters/backup/restore.ts'
import { lmdbJournal } from '../../../src/adapters/lmdb/index.ts'
import { makeLmdbStore } from '../../../src/adapters/lmdb/restoring.ts'
import { lmdbStoreReader } from '../../../src/adapters/lmdb/store-reader.ts'
import { redisJournal } from '../../../src/adapters/redis/index.ts'
import { makeRedisStore } from '../../../src/adapters/redis/restoring.ts'
import { redisStoreReader } from '../../../src/adapters/redis/store-reader.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import type { Journal } from '../../../src/persistence/journal.ts'

/** A place for a store, in one engine or the other. */
export interface Place {
  /** What its segments are rolled out to. */
  readonly archive: { readonly folder: string; readonly segmentBytes: number }
  journal(): Journal
  reader(): Promise<StoreReader>
  readonly make: MakeStore
  /** Makes a store only where its backup needs no archive. */
  readonly makeWithoutArchive: MakeStore
  /** Whether anything at all is there. */
  isEmpty(): Promise<boolean>
}

export type Kind = 'LMDB' | 'Redis'
export const KINDS: readonly Kind[] = ['LMDB', 'Redis']

export const NOW = 1_790_000_000_000

/** Small enough for some tens of records to fill several. */
const SEGMENT_BYTES = 1_024

/** Places within one folder and one server, each another one. */
export class Places {
  readonly #folder: string
  readonly #serverUrl: string
  static #count = 0

  constructor(folder: string, serverUrl: string) {
    this.#folder = folder
    this.#serverUrl = serverUrl
  }

  make(kind: Kind): Place {
    return kind === 'LMDB' ? this.lmdb() : this.redis()
  }

  lmdb(): Place & { readonly path: string } {
    const path = join(this.#folder, this.#name('store'))
    const archive = this.#archive()
    return {
      path,
      archive,
      journal: () => lmdbJournal({ path, archive }),
      reader: () => lmdbStoreReader(path, archive),
      make: makeLmdbStore(path, archive),
      makeWithoutArchive: makeLmdbStore(path),
      isEmpty: async () => !readdirSync(this.#folder).some(name => join(this.#folder, name).startsWith(path)),
    }
  }

  redis(): Place & { readonly prefix: string } {
    const prefix = this.#name('backup')
    const url = `${this.#serverUrl}?prefix=${prefix}`
    const archive = this.#archive()
    return {
      prefix,
      archive,
      journal: () => redisJournal({ url, archive, logger: silentLogger }),
      reader: () => redisStoreReader({ url, archive }),
      make: makeRedisStore({ url, archive, logger: silentLogger }),
      makeWithoutArchive: makeRedisStore({ url, logger: silentLogger }),
      isEmpty: async () => {
        const redis = new Redis(this.#serverUrl)
        const keys = await redis.keys(`*${prefix}:*`)
        redis.disconnect()
        return keys.every(key => key.endsWith(':state'))
      },
    }
  }

  /** A new file with a backup of what is there. */
  async backedUp(
    place: Place,
    file = join(this.#folder, this.#name('file')),
  ): Promise<BackupSummary & { file: string }> {
    const reader = await place.reader()
    try {
      return { file, ...(await backUp(reader, file, NOW)) }
    } finally {
      await reader.close()
    }
  }

  #archive(): Place['archive'] {
    return { folder: join(this.#folder, this.#name('archive')), segmentBytes: SEGMENT_BYTES }
  }

  #name(what: string): string {
    return `${what}${++Places.#count}`
  }
}
