/** A folder of its own for an LMDB store, and a way in beside the journal, to break what is stored there. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { lmdbJournal } from '../../../src/adapters/lmdb/index.ts'
import { snapshotKey } from '../../../src/adapters/lmdb/keys.ts'
import type { TestStore } from '../../persistence/journal-contract.ts'

export interface LmdbTestStore extends TestStore {
  readonly path: string
  readonly archive: string
}

const SEGMENT_BYTES = 4_096

export const lmdbStore = (partitions = 1): LmdbTestStore => {
  const path = mkdtempSync(join(tmpdir(), 'troupe-lmdb-'))
  const archive = `${path}-archive`
  return {
    path,
    archive,
    journal: () => lmdbJournal({ path, partitions, archive: { folder: archive, segmentBytes: SEGMENT_BYTES } }),
    breakNewestSnapshot: persistenceId =>
      intoTable(path, 'snapshots', async table => {
        const range = { start: snapshotKey(persistenceId, Number.MAX_SAFE_INTEGER), reverse: true, limit: 1 }
        for (const { key, value } of table.getRange(range)) {
          value[value.length - 1]! ^= 1
          await table.put(key, value)
        }
      }),
    remove: async () => {
      for (const folder of [path, archive]) rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Opens one table of a closed store; keys and values are bytes. */
export const intoTable = async (
  path: string,
  name: string,
  change: (table: Database<Buffer, Buffer>) => Promise<void>,
): Promise<void> => {
  const root: RootDatabase = open({ path, noSubdir: false, overlappingSync: false, maxDbs: 8 })
  await change(root.openDB(name, { encoding: 'binary', keyEncoding: 'binary' }))
  await root.close()
}
