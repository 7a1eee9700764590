/** Stores of each kind, made new for a test and opened as often as it likes. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Journal } from 'troupe'
import { lmdbJournal } from 'troupe/lmdb'
import { redisJournal } from 'troupe/redis'
import { memoryJournal, memoryStore } from '../../../src/persistence/memory-journal.ts'
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts'

export interface TestStore {
  /** A journal on what the store holds, as a new process would open it. */
  journal(): Journal
  remove(): Promise<void>
}

export const newMemoryStore = async (partitions = 1): Promise<TestStore> => {
  const store = memoryStore(partitions)
  return { journal: () => memoryJournal({ store }), remove: async () => undefined }
}

export const newFolder = (name: string): string => mkdtempSync(join(tmpdir(), `troupe-${name}-`))

export const newLmdbStore = async (): Promise<TestStore & { readonly path: string }> => {
  const path = newFolder('store')
  return {
    path,
    journal: () => lmdbJournal({ path }),
    remove: async () => rmSync(path, { recursive: true, force: true }),
  }
}

export const newRedisStore = async (
  settings: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<TestStore & { readonly server: RedisServer }> => {
  const server = await startRedisServer(settings, env)
  return { server, journal: () => redisJournal({ url: server.url }), remove: () => server.stop() }
}
