// A Redis of the bench's own: on a free port of 127.0.0.1, in a folder of its own, ended by its pid.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'

const START_MS = 10_000

const EVERY_SECOND = ['--appendonly', 'yes', '--appendfsync', 'everysec']

/** @returns {Promise<{ port: number, empty: () => Promise<void>, stop: () => Promise<void> }>} */
export async function startRedis(durability = EVERY_SECOND) {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-bench-redis-'))
  const port = await freePort()
  const settings = [...durability, '--save', '']
  const server = spawn('redis-server', ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, ...settings], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const failed = once(server, 'exit').then(([code]) => {
    throw new Error(`redis-server ended with ${code}: is it installed (npm run setup)?`)
  })
  const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20, maxRetriesPerRequest: null })
  // It says so for every try until the server is there.
  redis.on('error', () => undefined)
  const late = new Promise((_, reject) =>
    setTimeout(reject, START_MS, new Error('redis-server does not answer')).unref(),
  )
  try {
    await Promise.race([redis.ping(), failed, late])
  } catch (error) {
    redis.disconnect()
    server.kill()
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  failed.catch(() => redis.disconnect())
  return {
    port,
    empty: async () => void (await redis.flushall()),
    stop: async () => {
      redis.disconnect()
      if (server.exitCode === null && server.signalCode === null) {
        const ended = once(server, 'exit')
        server.kill()
        await ended
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}
