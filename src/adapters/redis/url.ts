/** `redis://host:port/db?partitions=16&prefix=shop`: a Redis server, and which journal in it. */

import { RuntimeError } from '../../base/errors.ts'

export interface RedisPlace {
  /** What the client connects to: without the journal's own settings. */
  readonly url: string
  readonly prefix: string
  /** Null: as the store was made, else the default. */
  readonly partitions: number | null
}

export const DEFAULT_PREFIX = 'troupe'
export const DEFAULT_PARTITIONS = 16
export const PARTITIONS_MAX = 1_024

/**
 * Takes a URL apart. **Errors**: JOURNAL_MISCONFIGURED, with what to write instead. Where it has an `@`, and so may have a
 * password, nothing of it is repeated: a `/`, `?` or `#` in a password ends up in the later parts.
 */
export const parseRedisUrl = (text: string): RedisPlace => {
  const parsed = URL.canParse(text) ? new URL(text) : null
  const quoted = (part: string): string => (text.includes('@') ? 'what stands there' : part)
  if (parsed === null || !['redis:', 'rediss:'].includes(parsed.protocol))
    throw misconfigured('the URL of a Redis journal reads redis://host:port/db?partitions=16&prefix=troupe')
  if (!/^\/?(\d{1,5})?$/.test(parsed.pathname))
    throw misconfigured(
      `the URL of a Redis journal ends in the number of a database, not in ${quoted(parsed.pathname)}. ` +
        'In a password write %2F for /, %3F for ?, %23 for # and %40 for @.',
    )
  const partitions = parsed.searchParams.get('partitions')
  const prefix = parsed.searchParams.get('prefix')
  for (const name of parsed.searchParams.keys())
    if (name !== 'partitions' && name !== 'prefix')
      throw misconfigured(`the URL of a Redis journal knows partitions and prefix, not ${quoted(name)}`)
  if (parsed.hash !== '') throw misconfigured('the URL of a Redis journal has no part after #; in a password write %23')
  parsed.search = ''
  return {
    url: parsed.href,
    prefix: checkPrefix(prefix ?? DEFAULT_PREFIX, quoted),
    partitions: partitions === null ? null : checkPartitions(Number(partitions)),
  }
}

/** The database that a URL names. */
export const databaseOf = (url: string): number => Number(new URL(url).pathname.slice(1))

/** For people and logs: without user and password. */
export const nameOf = ({ url, prefix }: RedisPlace): string => {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}?prefix=${prefix}`
}

/** Every key begins with it, within the braces that tell a cluster's slot. */
export const checkPrefix = (prefix: string, quoted: (part: string) => string = part => part): string => {
  if (!/^[^{}\s]{1,64}$/.test(prefix))
    throw misconfigured(
      `a key prefix is 1 to 64 characters without braces and spaces, not ${quoted(JSON.stringify(prefix))}`,
    )
  return prefix
}

export const checkPartitions = (partitions: number): number => {
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX)
    throw misconfigured(`${partitions} partitions: give 1 to ${PARTITIONS_MAX}`)
  return partitions
}

const misconfigured = (text: string): RuntimeError => new RuntimeError('JOURNAL_MISCONFIGURED', text)
