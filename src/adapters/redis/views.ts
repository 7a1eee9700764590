/** Views in Redis: every read and write of a view is one script over keys of one slot. */

import type { RedisOptions } from 'ioredis'
import { pack } from 'msgpackr'
import { RuntimeError } from '../../base/errors.ts'
import { type Clock, systemClock } from '../../base/ports.ts'
import { viewConflict, viewGone, viewsClosed } from '../../projection/view-errors.ts'
import type { Build, Builds, EntryRange, FoundRow, Offset, RowChange, ViewStore } from '../../projection/view-store.ts'
import { keyOfEntry, packRow, unpackRow } from '../codec/row.ts'
import { Connection } from './connection.ts'
import type { Script } from './scripts.ts'
import { checkPrefix, databaseOf, nameOf, parseRedisUrl } from './url.ts'
import { BEGIN_BUILD, PROMOTE_BUILD, READ_OFFSETS, READ_RANGE, READ_ROWS, WRITE_BUILD } from './view-scripts.ts'

export interface RedisViewsOptions {
  /** As for `redisJournal`; it may be the same server and prefix, or others. */
  readonly url: string
  readonly prefix?: string
  /** How long a server may be away before a call fails. Default: 10,000. */
  readonly unavailableAfterMs?: number
  readonly client?: RedisOptions
  readonly clock?: Clock
}

/**
 * Views in a Redis server (7.0 or later), for any number of processes. **Durability**: what the server's append-only file is
 * set to; rows and offset are lost or kept together. **Errors**: JOURNAL_UNAVAILABLE, JOURNAL_FULL, JOURNAL_MISCONFIGURED.
 * **Bounds**: all rows are in the server's memory.
 */
export const redisViews = (options: RedisViewsOptions): ViewStore => new RedisViews(options)

const NOTHING = Buffer.alloc(0)

class RedisViews implements ViewStore {
  readonly name: string
  /** A script of as many keeps the server from others for some 10 ms. */
  readonly rowsPerWrite = 1_024
  readonly #prefix: string
  readonly #database: number
  readonly #connection: Connection
  #opening: Promise<void> | null = null
  #isClosed = false

  constructor({ url, prefix, unavailableAfterMs = 10_000, client = {}, clock = systemClock }: RedisViewsOptions) {
    const place = parseRedisUrl(url)
    this.#prefix = prefix === undefined ? place.prefix : checkPrefix(prefix)
    this.name = `views ${nameOf({ ...place, prefix: this.#prefix })}`
    this.#database = client.db ?? databaseOf(place.url)
    this.#connection = new Connection(place.url, this.name, client, clock, unavailableAfterMs)
  }

  open(): Promise<void> {
    this.#opening ??= this.#connection.checkDatabase(this.#database).catch(error => {
      this.#opening = null
      throw error
    })
    return this.#opening
  }

  async builds(view: string): Promise<Builds> {
    const { live, next } = await this.#buildsOf(view)
    return { live, next }
  }

  async begin(view: string, version: number): Promise<Build> {
    for (;;) {
      const { next } = await this.#buildsOf(view)
      const keys = [buildsKey(this.#prefix, view), ...this.#keysOf(view, next?.number ?? 0)]
      // Begun twice, because the first answer was lost: then the first one is a former next one, and dropped.
      const [status, number] = await this.#do<[Buffer, number]>(BEGIN_BUILD, keys, [version, next?.number ?? ''])
      if (status.toString() === 'begun') return { view, number, version }
    }
  }

  async offsets(build: Build): Promise<ReadonlyMap<number, Offset>> {
    const [offsets] = this.#keys(build)
    const found = await this.#read(build, READ_OFFSETS, [offsets], [])
    const positions = new Map<number, Offset>()
    for (let i = 0; i < found.length; i += 2)
      positions.set(Number(found[i]!.toString()), offsetOf(found[i + 1]!.toString()))
    return positions
  }

  async get(build: Build, keys: readonly string[]): Promise<readonly unknown[]> {
    const [, rows] = this.#keys(build)
    const found = await this.#read(build, READ_ROWS, [rows], keys)
    return keys.map((key, i) => this.#rowOf(build, key, found[i]!))
  }

  async range(build: Build, { from, to, limit, descending }: EntryRange): Promise<readonly FoundRow[]> {
    const [, rows, entries] = this.#keys(build)
    const args = [from, to, limit, descending ? 'down' : 'up']
    const found = await this.#read(build, READ_RANGE, [rows, entries], args)
    return Array.from({ length: found.length / 2 }, (_, i) => {
      const entry = found[2 * i]!.toString()
      return { entry, row: this.#rowOf(build, keyOfEntry(entry), found[2 * i + 1]!) }
    })
  }

  async write(
    build: Build,
    partition: number,
    before: number,
    after: Offset,
    changes: readonly RowChange[],
  ): Promise<void> {
    const keys = [buildsKey(this.#prefix, build.view), ...this.#keys(build)]
    const args: (string | number | Buffer)[] = [build.number, partition, before, `${after.position}:${after.appendId}`]
    for (const change of changes)
      args.push(change.key, change.row === null ? NOTHING : packRow(change), pack([...change.entries]))
    // Written twice is written once: the second finds the offset where it leads.
    const [status, actual] = await this.#do<Buffer[]>(WRITE_BUILD, keys, args)
    if (status!.toString() === 'gone') throw viewGone(build)
    if (status!.toString() === 'conflict') throw viewConflict(build, partition, before, Number(actual!.toString()))
  }

  async promote(build: Build): Promise<void> {
    for (;;) {
      const { live } = await this.#buildsOf(build.view)
      const keys = [buildsKey(this.#prefix, build.view), ...this.#keysOf(build.view, live?.number ?? 0)]
      const [status] = await this.#do<Buffer[]>(PROMOTE_BUILD, keys, [build.number, live?.number ?? ''])
      if (status!.toString() === 'gone') throw viewGone(build)
      if (status!.toString() === 'written') return
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#connection.close()
  }

  async #buildsOf(view: string): Promise<Builds> {
    this.#check()
    const [live, liveVersion, next, nextVersion] = await this.#connection.untilAnswered(() =>
      this.#connection.once<(Buffer | null)[]>(
        'HMGET',
        buildsKey(this.#prefix, view),
        'live',
        'liveVersion',
        'next',
        'nextVersion',
      ),
    )
    const buildOf = (number: Buffer | null | undefined, version: Buffer | null | undefined): Build | null =>
      number && version ? { view, number: Number(number.toString()), version: Number(version.toString()) } : null
    return { live: buildOf(live, liveVersion), next: buildOf(next, nextVersion) }
  }

  async #read(
    build: Build,
    script: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<readonly Buffer[]> {
    const all = [buildsKey(this.#prefix, build.view), ...keys]
    const [status, ...found] = await this.#do<Buffer[]>(script, all, [build.number, ...args])
    if (status!.toString() === 'gone') throw viewGone(build)
    return found
  }

  #do<Reply>(script: Script, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<Reply> {
    this.#check()
    return this.#connection.untilAnswered(() => this.#connection.script<Reply>(script, keys, args))
  }

  #check(): void {
    if (this.#isClosed) throw viewsClosed(this.name)
  }

  #rowOf(build: Build, key: string, packed: Buffer): unknown {
    return packed.length === 0 ? null : unpackRow(packed, key, `${this.name}, view ${build.view}`).row
  }

  #keys({ view, number }: Build): readonly [string, string, string, string] {
    return this.#keysOf(view, number)
  }

  /** Offsets, rows, entries, entries by row. */
  #keysOf(view: string, number: number): readonly [string, string, string, string] {
    const build = `{${this.#prefix}~${view}}:${number}`
    return [`${build}:offsets`, `${build}:rows`, `${build}:entries`, `${build}:entries-of`]
  }
}

const buildsKey = (prefix: string, view: string): string => `{${prefix}~${view}}:builds`

const offsetOf = (text: string): Offset => {
  const [, position, appendId] = /^(\d+):(.*)$/s.exec(text) ?? []
  if (position === undefined || appendId === undefined)
    throw new RuntimeError('JOURNAL_CORRUPT', `an offset of a view reads ${JSON.stringify(text)}. Rebuild the view.`)
  return { position: Number(position), appendId }
}
