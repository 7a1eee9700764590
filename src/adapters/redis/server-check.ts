/** What a Redis server is set to, checked when a journal is opened: whether it may throw data away, and what it keeps. */

import { RuntimeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'

/** The answers of INFO, as fields, and of `CONFIG GET appendfsync`: null where the server does not let us ask. */
export interface ServerAnswers {
  readonly info: ReadonlyMap<string, string>
  readonly appendfsync: string | null
}

const VERSION_MIN = 7

export const parseInfo = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .split('\r\n')
      .filter(line => line.includes(':'))
      .map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const),
  )

/**
 * Refuses a server that would lose events without a word, warns of one that keeps less than people think, and returns
 * what a resolved write has survived, as a sentence. **Errors**: JOURNAL_MISCONFIGURED.
 */
export const checkServer = (name: string, { info, appendfsync }: ServerAnswers, logger: Logger): string => {
  const version = info.get('redis_version') ?? '0'
  if (Number.parseInt(version, 10) < VERSION_MIN)
    throw misconfigured(`${name} is Redis ${version}; this journal needs ${VERSION_MIN}.0 or later`)
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  if (policy !== 'noeviction' && info.get('maxmemory') !== '0')
    throw misconfigured(
      `${name} may throw events away when its memory is full: maxmemory-policy is ${policy}. ` +
        'Set `maxmemory-policy noeviction` in its redis.conf, so that writes are refused instead.',
    )
  if (info.get('aof_enabled') !== '1') {
    logger.log(
      'warn',
      `${name} keeps no append-only file: what was written since its last RDB file is lost when the server stops. ` +
        'Set `appendonly yes` in its redis.conf.',
    )
    return 'A resolved write is in the memory of the Redis server; it survives the end of this process, not that of the server, but for its RDB files.'
  }
  if (appendfsync === null)
    logger.log(
      'warn',
      `${name} does not let this user run CONFIG GET: how often it flushes its append-only file could not be checked. ` +
        'Allow it with `ACL SETUSER … +config|get`, or see that appendfsync is what you mean it to be.',
    )
  return SURVIVED[appendfsync as keyof typeof SURVIVED] ?? SURVIVED.unknown
}

const SURVIVED = {
  always:
    'A resolved write was flushed to the append-only file of the Redis server and survives a loss of power there.',
  everysec:
    'A resolved write survives the end of this process. The Redis server puts it into its append-only file at once, or ' +
    'within two seconds while a flush is under way: its abrupt end or a loss of power may take the last two seconds.',
  no:
    'A resolved write is in the append-only file of the Redis server and survives the end of its process; ' +
    'a loss of power there may take as much as its operating system had not flushed, often the last 30 seconds.',
  unknown:
    'A resolved write is in the append-only file of the Redis server and survives the end of its process; ' +
    'how soon it is flushed could not be checked.',
}

const misconfigured = (text: string): RuntimeError => new RuntimeError('JOURNAL_MISCONFIGURED', text)
