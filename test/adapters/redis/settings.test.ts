import { Redis } from 'ioredis'
import { afterEach, describe, expect, it } from 'vitest'
import { destroyRedisStore, parseRedisUrl, redisJournal } from '../../../src/adapters/redis/index.ts'
import { checkServer } from '../../../src/adapters/redis/server-check.ts'
import { type Logger, silentLogger } from '../../../src/base/logger.ts'
import type { Journal } from '../../../src/persistence/journal.ts'
import { partitionOf } from '../../../src/persistence/partition.ts'
import { append, written } from '../../persistence/journal-contract.ts'
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

describe('a server without memory', () => {
  const withoutMemory = async (journal: Journal, url: string, doing: () => Promise<void>): Promise<void> => {
    const admin = new Redis(url)
    try {
      await admin.config('SET', 'maxmemory', '1')
      await doing()
      await admin.config('SET', 'maxmemory', '0')
    } finally {
      admin.disconnect()
      await journal.close()
    }
  }
  const full = {
    code: 'JOURNAL_FULL',
    retryable: true,
    message: expect.stringMatching(/no memory left.*OOM.*maxmemory/),
  }
  const opened = async (): Promise<{ journal: Journal; url: string }> => {
    const { url } = await started('--maxmemory-policy noeviction')
    const journal = redisJournal({ url, logger: silentLogger, partitions: 2 })
    await journal.open()
    return { journal, url }
  }

  it('refuses every write with JOURNAL_FULL, and nothing of it is stored; once it has some the same write succeeds', async () => {
    const { journal, url } = await opened()
    const [first, next] = [append('a', 0), append('a', 1, 'One', 'Two')]
    const nr = partitionOf('a', 2)
    await journal.commit(nr, [first])
    await withoutMemory(journal, url, async () => {
      for (let i = 0; i < 3; i++) {
        await expect(journal.commit(nr, [next], new Map([['risk', 1]]))).rejects.toMatchObject(full)
        await expect(journal.saveCursors(nr, new Map([['risk', 1]]))).rejects.toMatchObject(full)
        const snapshot = { persistenceId: 'a', sequenceNr: 1, timeMs: 0, payload: 1 }
        await expect(journal.saveSnapshot(snapshot, 1)).rejects.toMatchObject(full)
      }
      expect(await journal.readLog(nr, 1, 10)).toHaveLength(1)
      expect(await journal.loadCursors(nr)).toEqual(new Map())
      const admin = new Redis(url)
      await admin.config('SET', 'maxmemory', '0')
      admin.disconnect()
      expect(written(await journal.commit(nr, [next]))).toEqual(['2'])
    })
  })

  it('can be opened, read and emptied', async () => {
    const { journal, url } = await opened()
    await journal.commit(partitionOf('a', 2), [append('a', 0)])
    const again = redisJournal({ url, logger: silentLogger })
    await withoutMemory(journal, url, async () => {
      await again.open()
      expect(await again.lastSequenceNr('a')).toBe(1)
      await again.close()
      await destroyRedisStore({ url })
    })
    const anew = redisJournal({ url, logger: silentLogger })
    await anew.open()
    expect(await anew.lastSequenceNr('a')).toBe(0)
    await anew.close()
  })
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
    'redis://user:12/secret@host:6379/0',
    'redis://user:12?secret@host:6379/0',
    'redis://user:12#secret@host:6379/0',
    'redis://user:12?prefix={secret}@host:6379/0',
    'redis://user@x:12/secret@host',
    'radis://user:secret@host:6379',
    'redis://user:secret@host:port',
  ])('refuses %s, and repeats no password', text => {
    expect(() => parseRedisUrl(text)).toThrow(
      expect.objectContaining({ code: 'JOURNAL_MISCONFIGURED', message: expect.not.stringContaining('secret') }),
    )
  })
})
