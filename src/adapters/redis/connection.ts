/**
 * One connection to Redis, a server or a cluster, that never sends anything twice on its own. ioredis would send again,
 * after a reconnect, what had not been answered; here a lost connection rejects what was under way, and the caller decides:
 * what only reads is asked again until a limit, and a commit first looks whether it had been written.
 */

import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { RuntimeError, toError } from '../../base/errors.ts'
import type { Clock } from '../../base/ports.ts'
import type { Script } from './scripts.ts'
import { clusterNodesOf } from './url.ts'

export type Argument = string | number | Buffer

/** The connection was lost, or not there: whether the command was carried out is unknown. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
}

/** Asks one server until it answers. **Errors**: those of `unavailable`. */
export type Asking = <Reply>(command: string, ...args: readonly Argument[]) => Promise<Reply>

const RECONNECT_DELAY_MS_MAX = 500
const PAUSE_MS = 100

export class Connection {
  readonly #redis: Redis | Cluster
  readonly #name: string
  readonly #clock: Clock
  readonly #unavailableAfterMs: number
  #lastError: Error | null = null
  /** Awaited before a script is sent to a server that does not know it: it may have been started anew, and have lost writes. */
  beforeLoading: () => Promise<void> = async () => undefined

  constructor(url: string, name: string, options: RedisOptions, clock: Clock, unavailableAfterMs: number) {
    this.#name = name
    this.#clock = clock
    this.#unavailableAfterMs = unavailableAfterMs
    const own = {
      ...options,
      // What is stored does not depend on how a client likes its replies and keys.
      protocol: 2 as const,
      replyMapping: 'legacy' as const,
      stringNumbers: false,
      keyPrefix: '',
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      // A server that holds the connection and says nothing is as good as away.
      commandTimeout: unavailableAfterMs,
      connectTimeout: unavailableAfterMs,
    }
    const retryStrategy = (attempt: number): number => Math.min(10 * 2 ** attempt, RECONNECT_DELAY_MS_MAX)
    const nodes = clusterNodesOf(url)
    // To a server, a command given while the connection is away waits for the next attempt, and fails with it (0 retries).
    // To a cluster it fails at once: there is no next attempt that it could wait for.
    this.#redis =
      nodes === null
        ? new Redis(url, { ...own, lazyConnect: true, enableOfflineQueue: true, retryStrategy })
        : new Cluster([...nodes], {
            redisOptions: own,
            lazyConnect: true,
            enableOfflineQueue: false,
            retryDelayOnFailover: 0,
            clusterRetryStrategy: retryStrategy,
          })
    this.#redis.on('error', (error: Error) => {
      this.#lastError = error
    })
  }

  /** One try. **Errors**: ConnectionLost; what Redis answers as an error, as it is. */
  async once<Reply>(command: string, ...args: readonly Argument[]): Promise<Reply> {
    return this.#asked(this.#redis.callBuffer(command, ...args)) as Promise<Reply>
  }

  /**
   * The client goes on in database 0 where the one of the URL does not exist, and says nothing.
   * **Errors**: JOURNAL_MISCONFIGURED; those of `untilAnswered`.
   */
  async checkDatabase(database: number): Promise<void> {
    const info = await this.untilAnswered(() => this.once<Buffer>('CLIENT', 'INFO'))
    const actual = Number(/ db=(\d+)/.exec(info.toString())?.[1])
    if (actual !== database)
      throw new RuntimeError('JOURNAL_MISCONFIGURED', `${this.#name}: the server has no database ${database}`)
  }

  /** One try to run a script, which is sent whole where the server does not know it. Errors as with `once`. */
  async script<Reply>(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<Reply> {
    try {
      return await this.once<Reply>('EVALSHA', script.sha, keys.length, ...keys, ...args)
    } catch (error) {
      // Not known: not run either, so sending it again is no second time.
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      await this.beforeLoading()
      return this.once<Reply>('EVAL', script.lua, keys.length, ...keys, ...args)
    }
  }

  /** Does what may be done twice until it is answered. **Errors**: those of `unavailable`; after the limit, where it waits. */
  async untilAnswered<Reply>(asking: () => Promise<Reply>): Promise<Reply> {
    const startedMs = this.#clock.monotonicMs()
    for (;;) {
      try {
        return await asking()
      } catch (error) {
        const waiting = error instanceof ConnectionLost || isStarting(error)
        if (!waiting || this.#clock.monotonicMs() - startedMs >= this.#unavailableAfterMs) throw this.unavailable(error)
        if (!(error instanceof ConnectionLost) || this.#redis.isCluster) await this.#pause()
      }
    }
  }

  /** All servers that hold a part of the data: the one, or each master of a cluster. */
  async servers(): Promise<readonly Asking[]> {
    const redis = this.#redis
    if (!(redis instanceof Cluster)) return [this.#askingOf(redis)]
    await this.untilAnswered(() => this.once('PING'))
    return redis.nodes('master').map(node => this.#askingOf(node))
  }

  #askingOf(server: Redis): Asking {
    return <Reply>(command: string, ...args: readonly Argument[]) =>
      this.untilAnswered(() => this.#asked(server.callBuffer(command, ...args)) as Promise<Reply>)
  }

  /** What a failed call is to callers: JOURNAL_UNAVAILABLE, or JOURNAL_FULL. */
  unavailable(cause: unknown): RuntimeError {
    if (cause instanceof RuntimeError) return cause
    if (isOutOfMemory(cause))
      return new RuntimeError(
        'JOURNAL_FULL',
        `${this.#name} has no memory left, and nothing of the write is stored (${toError(cause).message}). ` +
          'Free some there, or raise its maxmemory; the same write may be tried again.',
        { cause, retryable: true },
      )
    const lost = cause instanceof ConnectionLost
    const reason = lost ? (this.#lastError ?? cause) : toError(cause)
    const text = lost
      ? `${this.#name} does not answer: ${reason.message}. Is the server up?`
      : `${this.#name} answered with an error: ${reason.message}`
    return new RuntimeError('JOURNAL_UNAVAILABLE', text, { cause: reason, retryable: true })
  }

  close(): void {
    this.#redis.disconnect()
  }

  async #asked(reply: Promise<unknown>): Promise<unknown> {
    try {
      return await reply
    } catch (error) {
      // Redis's own answers are ReplyErrors; everything else is about the connection. So is a cluster without a master.
      if (error instanceof Error && error.name === 'ReplyError' && !isDown(error)) throw error
      throw new ConnectionLost(toError(error).message, { cause: error })
    }
  }

  #pause(): Promise<void> {
    return new Promise(resolve => this.#clock.after(PAUSE_MS, resolve))
  }
}

/** A script's first write fails, so that none of it was done. */
const isOutOfMemory = (error: unknown): boolean => error instanceof Error && /^(ERR )?-?OOM /.test(error.message)

const isDown = (error: Error): boolean => /^(CLUSTERDOWN|MOVED|ASK) /.test(error.message)

/** Answers of a server that will be there soon. */
const isStarting = (error: unknown): boolean =>
  error instanceof Error && /^(LOADING|MASTERDOWN|TRYAGAIN|BUSY) /.test(error.message)
