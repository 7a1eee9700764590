/**
 * Reads a store while others write to it. First what was dropped of the logs, and then what is deleted, so that nothing is
 * missing that is not deleted; then the snapshots, so that none is newer than its log, and none is missing that a deletion
 * was made for; then, in one script, where all partitions end and what their readers have done; then the logs up to there:
 * what is in a log never changes.
 *
 *     dropped | horizons | snapshots | ended ids | cut: ends and cursors | log of partition 0 … end | log of partition 1 … end | …
 *
 * The ids that are ended while snapshots are read are looked for once more: theirs may have been missed. A segment that is
 * rolled out meanwhile is read from its file. One that is dropped meanwhile is gone, and with it this try of a backup.
 */

import { RuntimeError } from '../../base/errors.ts'
import { systemClock } from '../../base/ports.ts'
import type {
  BackupEntry,
  BlockEntry,
  CursorsEntry,
  DroppedEntry,
  HorizonEntry,
  SnapshotEntry,
  StoreReader,
} from '../backup/entry.ts'
import { Block } from '../codec/block.ts'
import { hashOf, unsealText } from '../codec/checksum.ts'
import { corrupt } from '../codec/frame.ts'
import { Archive } from '../packed/archive.ts'
import { type ArchiveOptions, checkArchiveOptions } from '../packed/archive-options.ts'
import { parseDescription } from '../packed/description.ts'
import type { StoredBlock } from '../packed/engine.ts'
import type { Horizon } from '../packed/horizon.ts'
import type { Segment } from '../packed/segment.ts'
import { type Argument, Connection } from './connection.ts'
import { findPartitions } from './find-partitions.ts'
import { parseHorizon } from './horizons.ts'
import { cursorName, keysOf } from './keys.ts'
import { readDescription } from './open-store.ts'
import { pairs, parseEntries, type StreamEntry } from './replies.ts'
import { CUT } from './scripts.ts'
import { parseSegments } from './segments.ts'
import { clusterNodesOf, databaseOf, nameOf, parseRedisUrl } from './url.ts'

const BLOCKS_PER_CALL = 64
const HORIZONS_PER_CALL = 1_024

export interface RedisStoreReaderOptions {
  /** As for `redisJournal`. */
  readonly url: string
  /** How long the server may be away before a call fails. Default: 10,000. */
  readonly unavailableAfterMs?: number
  /** Where its segments were rolled out to, as for `redisJournal`. */
  readonly archive?: ArchiveOptions
}

/**
 * **Errors**: JOURNAL_MISCONFIGURED where there is no store, or one with rolled-out segments and no `archive`; JOURNAL_CORRUPT,
 * JOURNAL_FORMAT, JOURNAL_UNAVAILABLE; of the entries BACKUP_FAILED, to be tried again, where a segment was dropped meanwhile.
 * **Bounds**: memory for the names of all snapshots, and the ids with something deleted.
 */
export const redisStoreReader = async ({
  url,
  unavailableAfterMs = 10_000,
  archive,
}: RedisStoreReaderOptions): Promise<StoreReader> => {
  const place = parseRedisUrl(url)
  const name = nameOf(place)
  if (clusterNodesOf(place.url) !== null)
    throw new RuntimeError(
      'JOURNAL_MISCONFIGURED',
      `${name} is a cluster: where all its partitions stand at one moment cannot be asked of several servers, so it has no backup. ` +
        'Keep replicas of its masters.',
    )
  const connection = new Connection(place.url, name, {}, systemClock, unavailableAfterMs)
  try {
    await connection.checkDatabase(databaseOf(place.url))
    const text = await readDescription(connection, place.prefix)
    if (text === '') throw new RuntimeError('JOURNAL_MISCONFIGURED', `${name} holds no store. Look at its prefix.`)
    const { partitions, state } = parseDescription(text, name)
    if (state !== 'made') throw corrupt(`${name}: the store is not whole, its description says ${state}`)
    const reader = new RedisStoreReader(
      name,
      connection,
      place.prefix,
      partitions,
      new Archive(name, checkArchiveOptions(archive)),
    )
    await reader.lookForSegments()
    return reader
  } catch (error) {
    connection.close()
    throw error
  }
}

class RedisStoreReader implements StoreReader {
  readonly name: string
  readonly partitions: number
  readonly #connection: Connection
  readonly #prefix: string
  readonly #archive: Archive

  constructor(name: string, connection: Connection, prefix: string, partitions: number, archive: Archive) {
    this.#archive = archive
    this.name = name
    this.partitions = partitions
    this.#connection = connection
    this.#prefix = prefix
  }

  async *entries(): AsyncIterable<BackupEntry> {
    await this.lookForSegments()
    const dropped = Array.from({ length: this.partitions }, (_, nr) => this.#dropped(nr))
    const horizons = await this.#horizons()
    yield* this.#snapshots()
    for (const [persistenceId, horizon] of await this.#horizons())
      if (horizon.tombstoned) horizons.set(persistenceId, horizon)
    const cut = await this.#cut()
    for (const [persistenceId, horizon] of horizons)
      yield { kind: 'horizon', persistenceId, horizon } satisfies HorizonEntry
    for (const [nr, { position, cursors }] of cut.entries()) {
      yield* dropped[nr]!
      yield* this.#blocks(nr, position, dropped[nr]!)
      yield { kind: 'cursors', partition: nr, cursors }
    }
  }

  async close(): Promise<void> {
    await this.#archive.close()
    this.#connection.close()
  }

  /** **Errors**: JOURNAL_MISCONFIGURED where an archive is needed. */
  async lookForSegments(): Promise<void> {
    for (let nr = 0; nr < this.partitions; nr++) await this.#lookForSegmentsOf(nr)
  }

  async #lookForSegmentsOf(nr: number): Promise<void> {
    const entries = await this.#ask<readonly Buffer[]>('HGETALL', keysOf(this.#prefix, nr).segments)
    this.#archive.know(nr, parseSegments(`${this.name}, partition ${nr}`, entries))
  }

  #dropped(partition: number): readonly DroppedEntry[] {
    return this.#archive
      .segments(partition)
      .filter(({ incarnation }) => incarnation === null)
      .map(({ firstPosition, lastPosition }) => ({ kind: 'dropped', partition, firstPosition, lastPosition }))
  }

  /** Some at a time, so that the server has time for its writers: one that is set meanwhile may be found or not. */
  async #horizons(): Promise<Map<string, Horizon>> {
    const all = new Map<string, Horizon>()
    for (let nr = 0; nr < this.partitions; nr++) {
      const { state, horizons } = keysOf(this.#prefix, nr)
      const place = `${this.name}, partition ${nr}`
      const due = Number((await this.#ask<Buffer | null>('HGET', state, 'horizons')) ?? 0)
      const before = all.size
      let cursor = '0'
      do {
        const [next, fields] = await this.#ask<readonly [Buffer, readonly Buffer[]]>(
          'HSCAN',
          horizons,
          cursor,
          'COUNT',
          HORIZONS_PER_CALL,
        )
        cursor = next.toString()
        for (const [id, text] of pairs(fields)) all.set(id.toString(), parseHorizon(id.toString(), text, place))
      } while (cursor !== '0')
      if (all.size - before < due)
        throw corrupt(`${place}: there are ${all.size - before} horizons of deleted records, and should be ${due}`)
    }
    return all
  }

  async *#snapshots(): AsyncIterable<SnapshotEntry> {
    for (const [nr, keys] of await findPartitions(this.#connection, this.#prefix))
      for (const key of keys) {
        const persistenceId = key.slice(keysOf(this.#prefix, nr).snapshots.length)
        const fields = pairs(await this.#ask<readonly Buffer[]>('HGETALL', key))
        for (const [sequenceNr, packed] of fields)
          yield { kind: 'snapshot', persistenceId, sequenceNr: Number(sequenceNr), packed }
      }
  }

  async #cut(): Promise<readonly { readonly position: number; readonly cursors: CursorsEntry['cursors'] }[]> {
    const keys = Array.from({ length: this.partitions }, (_, nr) => keysOf(this.#prefix, nr))
    const replies = await this.#connection.untilAnswered(() =>
      this.#connection.script<readonly (readonly [position: Buffer | null, cursors: readonly Buffer[]])[]>(
        CUT,
        keys.flatMap(({ state, cursors }) => [state, cursors]),
        [],
      ),
    )
    return replies.map(([position, cursors], nr) => ({
      position: Number(position ?? 0),
      cursors: new Map(pairs(cursors).map(([group, text]) => this.#cursor(nr, group.toString(), text.toString()))),
    }))
  }

  /** Up to and with `lastPosition`, but for what was `dropped` before. */
  async *#blocks(partition: number, lastPosition: number, dropped: readonly DroppedEntry[]): AsyncIterable<BlockEntry> {
    for (let next = 1; next <= lastPosition; ) {
      const segment = this.#archive.segmentAt(partition, next)
      if (segment === null) {
        const page = await this.#page(partition, next)
        if (page.length === 0) await this.#findDeparted(partition, next)
        for (const block of page) {
          if (block.firstPosition > lastPosition) return
          next = block.lastPosition + 1
          yield { kind: 'block', partition, firstPosition: block.firstPosition, packed: block.packed }
        }
      } else if (segment.incarnation === null) {
        this.#expectDropped(partition, segment, dropped)
        next = segment.lastPosition + 1
      } else {
        for await (const { firstPosition, packed } of this.#archive.allBlocks(partition, segment)) {
          if (firstPosition > lastPosition) return
          // Some blocks of it may have been read from the log.
          if (firstPosition >= next) yield { kind: 'block', partition, firstPosition, packed }
        }
        next = segment.lastPosition + 1
      }
    }
  }

  /** Blocks of the log from the one that begins at `position` on; none where that is not in the log. */
  async #page(
    partition: number,
    position: number,
  ): Promise<readonly (StoredBlock & { readonly lastPosition: number })[]> {
    const { log } = keysOf(this.#prefix, partition)
    const found = await this.#ask<readonly StreamEntry[]>('XRANGE', log, `${position}-0`, '+', 'COUNT', BLOCKS_PER_CALL)
    let next = position
    const page: (StoredBlock & { readonly lastPosition: number })[] = []
    for (const { firstPosition, packed } of parseEntries(found)) {
      if (firstPosition !== next) break
      const where = `${this.name}, partition ${partition}, position ${firstPosition}`
      const { lastPosition } = new Block(packed, partition, firstPosition, where).index
      page.push({ firstPosition, lastPosition, packed })
      next = lastPosition + 1
    }
    return page
  }

  /** A position that is not in the log may have left it meanwhile. */
  async #findDeparted(partition: number, position: number): Promise<void> {
    await this.#lookForSegmentsOf(partition)
    if (this.#archive.segmentAt(partition, position) === null)
      throw corrupt(`${this.name}, partition ${partition}, position ${position}: this part of the log is missing`)
  }

  #expectDropped(partition: number, { firstPosition, lastPosition }: Segment, dropped: readonly DroppedEntry[]): void {
    if (dropped.some(each => each.firstPosition === firstPosition)) return
    throw new RuntimeError(
      'BACKUP_FAILED',
      `${this.name}, partition ${partition}: positions ${firstPosition} to ${lastPosition} were dropped while they were to be read. Try it again.`,
      { retryable: true },
    )
  }

  #cursor(partition: number, group: string, text: string): readonly [group: string, position: number] {
    const numbers = unsealText(hashOf(cursorName(partition, group)), text)
    if (numbers === null)
      throw corrupt(
        `${this.name}, partition ${partition}, cursor of ${group}: it reads ${text.slice(0, 50)}, which does not match its checksum`,
      )
    return [group, numbers[0]]
  }

  #ask<Reply>(command: string, ...args: readonly Argument[]): Promise<Reply> {
    return this.#connection.untilAnswered(() => this.#connection.once<Reply>(command, ...args))
  }
}
