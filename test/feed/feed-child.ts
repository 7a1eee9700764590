/**
 * A process with a store and a feed, which writes until it is killed or there are TOTAL events:
 * `node --import tsx -C troupe-source feed-child.ts LMDB_PATH PORT TOTAL`. Says its port once it serves.
 */

import type { AddressInfo } from 'node:net'
import { fastify } from 'fastify'
import { lmdbJournal } from '../../src/adapters/lmdb/index.ts'
import { feedPlugin } from '../../src/feed/index.ts'
import { FeedOffice } from './support.ts'

const [path, port, total] = process.argv.slice(2) as [string, string, string]
const office = await FeedOffice.open(lmdbJournal({ path, partitions: 2 }))
const app = fastify({ logger: false })
await app.register(feedPlugin, { streams: [office.stream] })
await app.listen({ port: Number(port), host: '127.0.0.1' })
process.stdout.write(`${(app.server.address() as AddressInfo).port}\n`)
for (let i = 0; office.stream.last < Number(total); i++) {
  await office.append(`note|${process.pid}-${i % 3}`, `${process.pid} ${i}`)
  if (i % 10 === 0) await new Promise(resolve => setTimeout(resolve, 2))
}
