// Where the stores of the durable benches live: a folder in the checkout, whose disk is the one that a user's store would
// be on, and a Redis of the bench's own.

import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { lmdbJournal } from 'troupe/lmdb'
import { redisJournal } from 'troupe/redis'
import { startRedis } from '../quotes/redis-server.mjs'
import { lmdbFloor, redisFloor } from './floor.mjs'

/** One process on one server is best off with one; the floor has one, too. */
const REDIS_PARTITIONS = 1

export async function openPlaces(name) {
  const scratch = join(import.meta.dirname, '../../.tmp')
  await mkdir(scratch, { recursive: true })
  const folder = await mkdtemp(join(scratch, `bench-${name}-`))
  const redis = await startRedis()
  let places = 0
  return {
    /** A folder's name for one store; `remove` ends it. */
    folder: () => {
      const path = join(folder, `s${++places}`)
      return { path, remove: () => rm(path, { recursive: true, force: true }) }
    },
    /** A place of its own for one store of ours and one of the floor's; `remove` ends both. */
    lmdb: () => {
      const path = join(folder, `s${++places}`)
      return {
        journal: () => lmdbJournal({ path: `${path}/ours` }),
        floor: async () => lmdbFloor(`${path}/floor`),
        remove: () => rm(path, { recursive: true, force: true }),
      }
    },
    redis: () => {
      const prefix = `s${++places}`
      const url = `redis://127.0.0.1:${redis.port}?prefix=${prefix}&partitions=${REDIS_PARTITIONS}`
      return {
        journal: () => redisJournal({ url }),
        floor: () => redisFloor(redis.port, `${prefix}f`),
        remove: () => emptied(redis.port, prefix),
      }
    },
    close: async () => {
      await redis.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function emptied(port, prefix) {
  const client = new Redis({ port, host: '127.0.0.1' })
  const keys = await client.keys(`*${prefix}*`)
  if (keys.length > 0) await client.unlink(...keys)
  await client.quit()
}
