// The bare engines: batches of events in, durable; batches, or one id's events, out and decoded. No actors, no index but
// what the engine has, no check of anything.

import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import { open } from 'lmdb'
import { Packr } from 'msgpackr'

/** As fast as msgpackr packs such records: keys once a write, objects of one shape when decoded. */
const packr = new Packr({ useRecords: true })

/** The settings are those of the LMDB adapter, for the same durability. */
export function lmdbFloor(path) {
  const root = open({ path, noSubdir: false, overlappingSync: false, encoding: 'binary' })
  const log = root.openDB('log', { encoding: 'binary', keyEncoding: 'uint32' })
  const ids = root.openDB('ids', { encoding: 'binary' })
  return {
    append: (position, batch) => log.put(position, packr.pack(batch)),
    async *batches() {
      for (const { value } of log.getRange({})) yield packr.unpack(value)
    },
    /** What a store that is only asked for whole ids would keep. */
    keepIds: async entries => {
      for (const [id, events] of entries) ids.put(id, packr.pack(events))
      await ids.committed
    },
    eventsOf: id => packr.unpack(ids.getBinary(id)),
    close: () => root.close(),
  }
}

/** One script call a batch, as in the Redis adapter: the log's entry, and the new heads of its ids. */
const COMMIT = `
redis.call('XADD', KEYS[1], ARGV[1], 'b', ARGV[2])
redis.call('HSET', KEYS[2], unpack(ARGV, 3))
return 1`
const COMMIT_SHA = createHash('sha1').update(COMMIT).digest('hex')
const PAGE = 64

export async function redisFloor(port, prefix) {
  const redis = new Redis({ port, host: '127.0.0.1', protocol: 2, replyMapping: 'legacy' })
  await redis.script('LOAD', COMMIT)
  const [log, heads, ids] = ['log', 'heads', 'ids'].map(key => `{${prefix}}:${key}`)
  return {
    append: (position, batch) => {
      const args = []
      for (const { id } of batch) args.push(id, `${position}`)
      return redis.evalsha(COMMIT_SHA, 2, log, heads, `${position}-0`, packr.pack(batch), ...args)
    },
    async *batches() {
      for (let from = '-'; ; ) {
        const page = await redis.xrangeBuffer(log, from, '+', 'COUNT', PAGE)
        for (const [, [, packed]] of page) yield packr.unpack(packed)
        if (page.length < PAGE) return
        from = `(${page.at(-1)[0]}`
      }
    },
    keepIds: async entries => {
      const pipeline = redis.pipeline()
      for (const [id, events] of entries) pipeline.hset(ids, id, packr.pack(events))
      await pipeline.exec()
    },
    eventsOf: async id => packr.unpack(await redis.hgetBuffer(ids, id)),
    close: () => redis.quit(),
  }
}
