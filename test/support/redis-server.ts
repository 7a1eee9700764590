/**
 * A Redis server of the tests' own: on a free port of 127.0.0.1, in a folder of its own, ended by its pid. Never one
 * that was there before.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface RedisServer {
  readonly port: number
  readonly url: string
  /** Where it keeps its files. */
  readonly folder: string
  /** Ends the process (SIGKILL) and starts it again on the same port and folder. */
  restart(): Promise<void>
  /** Ends the process (SIGKILL) and leaves folder and port for a restart. */
  kill(): Promise<void>
  stop(): Promise<void>
}

const READY_WITHIN_MS = 20_000
const PROBE_MS = 500

/**
 * Starts a server with an append-only file. `settings` are lines of redis.conf, such as `--maxmemory 10mb`; `env` is added
 * to its environment.
 */
export const startRedisServer = async (
  settings: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<RedisServer> => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-redis-'))
  const port = await freePort()
  let child = await launch(port, folder, settings, env)
  const server: RedisServer = {
    port,
    url: `redis://127.0.0.1:${port}`,
    folder,
    async kill() {
      child.kill('SIGKILL')
      await ended(child)
    },
    async restart() {
      await server.kill()
      child = await launch(port, folder, settings, env)
    },
    async stop() {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return server
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })

const launch = async (
  port: number,
  folder: string,
  settings: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ChildProcess> => {
  const defaults = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes']
  const args = [...defaults, ...settings.flatMap(line => line.split(' '))]
  const child = spawn('redis-server', args, { stdio: 'pipe', env: { ...process.env, ...env } })
  let said = ''
  let failed: Error | null = null
  child.stdout.on('data', (text: Buffer) => {
    said += text
  })
  child.once('error', error => {
    failed = error
  })
  const giveUpAt = Date.now() + READY_WITHIN_MS
  while (!(await answers(port))) {
    if (failed !== null) throw new Error('redis-server cannot be started: run `npm run setup`', { cause: failed })
    if (child.exitCode !== null || Date.now() > giveUpAt)
      throw new Error(`redis-server did not start: ${said.slice(-500)}`)
    await sleep(20)
  }
  return child
}

const answers = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.once('data', text => {
      socket.destroy()
      resolve(text.toString().startsWith('+PONG'))
    })
    socket.once('error', () => resolve(false))
    // A connection that is taken and not served: the next try may meet the server.
    socket.setTimeout(PROBE_MS, () => socket.destroy())
    socket.once('close', () => resolve(false))
  })

const ended = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise(resolve => child.once('exit', () => resolve()))
