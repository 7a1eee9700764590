// The engines under the bare loop: bytes in, durable, bytes out.

import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import { open } from 'lmdb'
import { Packr } from 'msgpackr'

/** As fast as msgpackr packs such appends: keys once a write, objects of one shape when decoded. */
const packr = new Packr({ useRecords: true })

/** One flushed write a step; the settings are those of the LMDB adapter, for the same durability. */
export function lmdbStore(path) {
  const root = open({ path, noSubdir: false, overlappingSync: false, encoding: 'binary' })
  const log = root.openDB('log', { encoding: 'binary', keyEncoding: 'uint32' })
  return {
    partitions: 1,
    async roundTrip(_partition, position, appends) {
      await log.put(position, packr.pack(appends))
      return packr.unpack(log.getBinary(position))
    },
    close: () => root.close(),
  }
}

/** A write is one script call, as in the Redis adapter, with the log's entry and the ids' new heads. */
const COMMIT = `
redis.call('XADD', KEYS[1], ARGV[1], 'b', ARGV[2])
redis.call('HSET', KEYS[2], unpack(ARGV, 3))
return 1`
const COMMIT_SHA = createHash('sha1').update(COMMIT).digest('hex')

export async function redisStore(port, prefix, partitions) {
  const redis = new Redis({ port, host: '127.0.0.1', protocol: 2, replyMapping: 'legacy' })
  await redis.script('LOAD', COMMIT)
  return {
    partitions,
    async roundTrip(partition, position, appends) {
      const log = `{${prefix}:${partition}}:log`
      const id = `${position}-0`
      const heads = []
      for (const { persistenceId, expectedSequenceNr, records } of appends)
        heads.push(persistenceId, `${expectedSequenceNr + records.length}:${position}`)
      await redis.evalsha(COMMIT_SHA, 2, log, `{${prefix}:${partition}}:heads`, id, packr.pack(appends), ...heads)
      const [[, [, packed]]] = await redis.xrangeBuffer(log, id, id)
      return packr.unpack(packed)
    },
    close: () => redis.quit(),
  }
}

export function memoryStore() {
  const log = []
  return {
    partitions: 1,
    async roundTrip(_partition, _position, appends) {
      log.push(packr.pack(appends))
      return packr.unpack(log.at(-1))
    },
    close: async () => undefined,
  }
}
