/** Begins to read the store in argv[2], says so, and goes on for ever. */

import { lmdbStoreReader } from '../../../src/adapters/lmdb/store-reader.ts'

const reader = await lmdbStoreReader(process.argv[2]!)
process.stdout.write(`reading ${reader.partitions}\n`)
setInterval(() => reader.partitions, 60_000)
