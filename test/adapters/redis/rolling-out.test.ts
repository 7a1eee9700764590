import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { RollOutWrite, WriteOutcome } from '../../../src/adapters/packed/engine.ts'
import { PackedJournal } from '../../../src/adapters/packed/packed-journal.ts'
import { Connection } from '../../../src/adapters/redis/connection.ts'
import { RedisEngine } from '../../../src/adapters/redis/redis-engine.ts'
import { parseRedisUrl } from '../../../src/adapters/redis/url.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import { systemClock } from '../../../src/base/ports.ts'
import { append } from '../../persistence/journal-contract.ts'
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts'

let server: RedisServer
let folder: string
let journal: PackedJournal

beforeAll(async () => {
  server = await startRedisServer(['--appendfsync no'])
  folder = mkdtempSync(join(tmpdir(), 'troupe-rolling-out-'))
})

afterEach(() => journal.close())

afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Waits for a reader before each segment leaves: what that one is told of the store's segments is old by then. */
class ReadBetween extends RedisEngine {
  read: () => Promise<unknown> = async () => undefined

  override async rollOut(write: RollOutWrite): Promise<WriteOutcome> {
    await this.read()
    return super.rollOut(write)
  }
}

it('goes on where it was when a reader has looked for segments just before one left', async () => {
  const engine = new ReadBetween({
    name: 'redis',
    connection: new Connection(parseRedisUrl(server.url).url, 'redis', {}, systemClock, 10_000),
    prefix: 'between',
    database: 0,
    partitions: 1,
    unavailableAfterMs: 10_000,
    writer: 'owner',
    logger: silentLogger,
    clock: systemClock,
  })
  journal = new PackedJournal(engine, { folder, segmentBytes: 1_024 })
  await journal.open()
  for (let nr = 0; nr < 60; nr++) await journal.commit(0, [append('a', nr)])
  let reads = 0
  engine.read = async () => {
    expect(await journal.readLog(0, 61, 10)).toEqual([])
    reads++
  }
  const { archived } = await journal.rollOut()
  expect(archived).toBeGreaterThan(2)
  expect(reads).toBe(archived)
  expect((await journal.readLog(0, 1, 100)).map(({ position }) => position)).toEqual(
    Array.from({ length: 60 }, (_, i) => i + 1),
  )
})
