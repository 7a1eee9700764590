/**
 * A process that takes applications from a topic until it is killed:
 * `node --import tsx -C troupe-source cloud-events-child.ts LMDB_PATH REDIS_URL TOPIC`. Says `open` once it reads.
 */

import { silentLogger } from 'troupe'
import { lmdbJournal } from 'troupe/lmdb'
import { Marketplace } from '../../supervisors/marketplace.ts'

const [path, url, topic] = process.argv.slice(2) as [string, string, string]
await Marketplace.open({ journal: lmdbJournal({ path }), applicationsTopic: { url, topic }, logger: silentLogger })
process.stdout.write('open\n')
