/** What the tests of Redis Streams share: events put there by redis-cli, and a reader of a source. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { type RedisStreamSourceOptions, redisStreamSource } from '../../../src/adapters/redis/index.ts'
import type { Logger } from '../../../src/base/logger.ts'
import type { MessageSource, SourceMessage } from '../../../src/messaging/message-source.ts'

const run = promisify(execFile)

/** As somebody would at a terminal. */
export const redisCli = async (port: number, ...args: readonly string[]): Promise<string> =>
  (await run('redis-cli', ['-p', `${port}`, ...args])).stdout.trim()

export const eventJson = (id: string, data: unknown = {}, type = 'OrderPlaced', more: object = {}): string =>
  JSON.stringify({ specversion: '1.0', id, source: '/shop', type, data, ...more })

/** Takes everything that a source gives. */
export class Reader {
  readonly source: MessageSource
  readonly messages: SourceMessage[] = []
  readonly lines: string[] = []

  constructor(options: RedisStreamSourceOptions) {
    const logger: Logger = {
      log: (level, text, fields) => {
        this.lines.push(`${level} ${text} ${(fields?.error as Error | undefined)?.message ?? ''}`)
      },
    }
    this.source = redisStreamSource({ logger, ...options })
  }

  async open(): Promise<this> {
    await this.source.open(
      () => this.take(),
      error => {
        throw error
      },
    )
    return this
  }

  take(): void {
    for (let message = this.source.next(); message !== null; message = this.source.next()) this.messages.push(message)
  }

  get ids(): readonly string[] {
    return this.messages.map(({ id }) => id.slice('/shop '.length))
  }

  /** Waits until it has so many. */
  async has(count: number, timeoutMs = 10_000): Promise<void> {
    await expect.poll(() => this.messages.length, { timeout: timeoutMs, interval: 10 }).toBeGreaterThanOrEqual(count)
  }

  allDone(): void {
    for (const message of this.messages) this.source.done(message)
  }
}
