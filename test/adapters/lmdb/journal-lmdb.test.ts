import { journalContract } from '../../persistence/journal-contract.ts'
import { lmdbStore } from './lmdb-store.ts'

journalContract('lmdbJournal', async () => lmdbStore(), { secondOpen: 'refused', modelRuns: 40 })
journalContract('lmdbJournal of 5 partitions', async () => lmdbStore(5), { secondOpen: 'refused', modelRuns: 5 })
