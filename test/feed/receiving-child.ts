/**
 * A process that takes a feed as its bus, until it is killed:
 * `node --import tsx -C troupe-source receiving-child.ts LMDB_PATH URL sse|poll`. Says how many events it has, again and again.
 */

import { lmdbJournal } from '../../src/adapters/lmdb/index.ts'
import { receive } from './receiving.ts'

const [path, url, transport] = process.argv.slice(2) as [string, string, 'sse' | 'poll']
const receiver = await receive(url, transport, lmdbJournal({ path }))
for (;;) {
  process.stdout.write(`${(await receiver.labels()).length}\n`)
  await new Promise(resolve => setTimeout(resolve, 10))
}
