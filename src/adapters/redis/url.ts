/**
 * `redis://host:port/db?partitions=16&prefix=shop`: a Redis server, and which journal in it.
 * `redis-cluster://host:port,host:port?prefix=shop`: a Redis Cluster, by some of its nodes.
 */

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
  const cluster = splitCluster(text)
  if (cluster === null) return parseServerUrl(text)
  // One node after the other is as good as any: each stands for the whole URL, and none has another database.
  const { scheme, credentials, hosts, rest } = cluster
  if (hosts.includes(''))
    throw misconfigured('the URL of a Redis Cluster reads redis-cluster://host:port,host:port?prefix=troupe')
  const places = hosts.map(host => parseServerUrl(`${scheme}://${credentials}${host}${rest}`))
  for (const place of places)
    if (databaseOf(place.url) !== 0) throw misconfigured('a Redis Cluster has database 0 only: name no other one')
  return { ...places[0]!, url: `${scheme}-cluster://${credentials}${hosts.join(',')}` }
}

/** The nodes that a URL of a cluster names, each as the URL of a server; null: it names a server. */
export const clusterNodesOf = (url: string): readonly string[] | null => {
  const cluster = splitCluster(url)
  return cluster === null ? null : cluster.hosts.map(host => `${cluster.scheme}://${cluster.credentials}${host}`)
}

interface ClusterUrl {
  readonly scheme: string
  /** With the `@`; or nothing. */
  readonly credentials: string
  readonly hosts: readonly string[]
  readonly rest: string
}

const splitCluster = (text: string): ClusterUrl | null => {
  const [, scheme, credentials = '', hosts, rest] =
    /^(rediss?)-cluster:\/\/([^@/?#]*@)?([^@/?#]*)(.*)$/s.exec(text) ?? []
  return scheme === undefined ? null : { scheme, credentials, hosts: hosts!.split(','), rest: rest! }
}

const parseServerUrl = (text: string): RedisPlace => {
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
export const databaseOf = (url: string): number =>
  clusterNodesOf(url) === null ? Number(new URL(url).pathname.slice(1)) : 0

/** For people and logs: without user and password. */
export const nameOf = ({ url, prefix }: RedisPlace): string => {
  const cluster = splitCluster(url)
  if (cluster !== null) return `${cluster.scheme}-cluster://${cluster.hosts.join(',')}?prefix=${prefix}`
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
