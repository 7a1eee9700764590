import { Redis } from 'ioredis'
import { afterEach, describe, expect, it } from 'vitest'
import { parseRedisUrl, redisJournal } from '../../../src/adapters/redis/index.ts'
import { checkServer } from '../../../src/adapters/redis/server-check.ts'
import { type Logger, silentLogger } from '../../../src/base/logger.ts'
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts'

const servers: RedisServer[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
})

const started = async (...settings: string[]): Promise<RedisServer> => {
  const server = await startRedisServer(settings)
  servers.push(server)
  return server
}

/** Opens a journal, and gives what it warned of and what it says of durability. */
const opening = async (url: string): Promise<{ warnings: string[]; durability: string }> => {
  const warnings: string[] = []
  const logger: Logger = { log: (_, text) => warnings.push(text) }
  const journal = redisJournal({ url, logger, partitions: 2 })
  await journal.open()
  const { durability } = journal
  await journal.close()
  return { warnings, durability }
}

describe('the settings of a server', () => {
  it('say what a write survives: an append-only file flushed every second', async () => {
    const { warnings, durability } = await opening((await started('--appendfsync everysec')).url)
    expect(warnings).toEqual([])
    expect(durability).toContain('last two seconds')
  })

  it('are warned of without an append-only file, with the line to change', async () => {
    const { warnings, durability } = await opening((await started('--appendonly no')).url)
    expect(warnings).toEqual([expect.stringContaining('appendonly yes')])
    expect(durability).toContain('not that of the server')
  })

  it('are refused where keys may be evicted', async () => {
    const { url } = await started('--maxmemory 100mb', '--maxmemory-policy allkeys-lru')
    await expect(opening(url)).rejects.toMatchObject({
      code: 'JOURNAL_MISCONFIGURED',
      message: expect.stringContaining('maxmemory-policy noeviction'),
    })
  })

  it('are taken with a limit that refuses writes', async () => {
    const { url } = await started('--maxmemory 100mb', '--maxmemory-policy noeviction')
    expect((await opening(url)).warnings).toEqual([])
  })

  it('are warned of where CONFIG GET is not allowed', async () => {
    const { url, port } = await started()
    const admin = new Redis(url)
    await admin.call('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '+@all', '-config')
    admin.disconnect()
    const { warnings, durability } = await opening(`redis://app:pw@127.0.0.1:${port}`)
    expect(warnings).toEqual([expect.stringContaining('could not be checked')])
    expect(durability).toContain('could not be checked')
  })

  it('are refused for a server before 7.0', () => {
    const info = new Map([['redis_version', '6.2.14']])
    expect(() => checkServer('redis', { info, appendfsync: null }, silentLogger)).toThrow(/Redis 6\.2\.14.*needs 7\.0/)
  })
})

it('a full server refuses the write, and nothing of it is stored', async () => {
  const { url } = await started('--maxmemory 4mb', '--maxmemory-policy noeviction')
  const journal = redisJournal({ url, logger: silentLogger, partitions: 1 })
  await journal.open()
  const filler = new Redis(url)
  await filler.config('SET', 'maxmemory', '1')
  const { append, written } = await import('../../persistence/journal-contract.ts')
  const next = append('a', 0)
  await expect(journal.commit(0, [next])).rejects.toMatchObject({
    code: 'JOURNAL_UNAVAILABLE',
    message: expect.stringContaining('OOM'),
  })
  await filler.config('SET', 'maxmemory', '0')
  filler.disconnect()
  expect(written(await journal.commit(0, [next]))).toEqual(['1'])
  await journal.close()
})

describe('parseRedisUrl', () => {
  it('takes the journal’s own settings out of the URL', () => {
    expect(parseRedisUrl('redis://app:pw@host:6380/3?partitions=4&prefix=shop')).toEqual({
      url: 'redis://app:pw@host:6380/3',
      prefix: 'shop',
      partitions: 4,
    })
    expect(parseRedisUrl('rediss://host')).toEqual({ url: 'rediss://host', prefix: 'troupe', partitions: null })
  })

  it.each([
    'host:6379',
    'http://host',
    'redis://host?partitions=0',
    'redis://host?partitions=many',
    'redis://host?prefix=a{b}',
    'redis://host?prefix=',
    'redis://user:secret@host?partition=4',
  ])('refuses %s, and repeats no password', text => {
    expect(() => parseRedisUrl(text)).toThrow(
      expect.objectContaining({ code: 'JOURNAL_MISCONFIGURED', message: expect.not.stringContaining('secret') }),
    )
  })
})
