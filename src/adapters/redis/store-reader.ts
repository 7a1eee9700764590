/**
 * Reads a store while others write to it. Snapshots first, so that none is newer than its log; then, in one script, where
 * all partitions end and what their readers have done; then the logs up to there: what is in a log never changes.
 *
 *     snapshots | cut: ends and cursors | log of partition 0 … end | log of partition 1 … end | …
 */

import { RuntimeError } from '../../base/errors.ts'
import { systemClock } from '../../base/ports.ts'
import type { BackupEntry, BlockEntry, CursorsEntry, SnapshotEntry, StoreReader } from '../backup/entry.ts'
import { notBackedUp } from '../backup/entry.ts'
import { Block } from '../codec/block.ts'
import { hashOf, unsealText } from '../codec/checksum.ts'
import { corrupt } from '../codec/frame.ts'
import { parseDescription } from '../packed/description.ts'
import { type Argument, Connection } from './connection.ts'
import { findPartitions } from './find-partitions.ts'
import { cursorName, type Keys, keysOf } from './keys.ts'
import { readDescription } from './open-store.ts'
import { pairs, parseEntries, type StreamEntry } from './replies.ts'
import { CUT } from './scripts.ts'
import { clusterNodesOf, databaseOf, nameOf, parseRedisUrl } from './url.ts'

const BLOCKS_PER_CALL = 64

export interface RedisStoreReaderOptions {
  /** As for `redisJournal`. */
  readonly url: string
  /** How long the server may be away before a call fails. Default: 10,000. */
  readonly unavailableAfterMs?: number
}

/**
 * **Errors**: JOURNAL_MISCONFIGURED where there is no store; JOURNAL_CORRUPT, JOURNAL_FORMAT, JOURNAL_UNAVAILABLE.
 * **Bounds**: memory for the names of all snapshots.
 */
export const redisStoreReader = async ({
  url,
  unavailableAfterMs = 10_000,
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
    return new RedisStoreReader(name, connection, place.prefix, partitions)
  } catch (error) {
    connection.close()
    throw error
  }
}

const ENTRIES: readonly string[] = ['snapshots', 'log', 'cursors'] satisfies (keyof Keys)[]
const MADE_OF_THEM: readonly string[] = ['state', 'heads'] satisfies (keyof Keys)[]

class RedisStoreReader implements StoreReader {
  readonly name: string
  readonly partitions: number
  readonly #connection: Connection
  readonly #prefix: string

  constructor(name: string, connection: Connection, prefix: string, partitions: number) {
    this.name = name
    this.partitions = partitions
    this.#connection = connection
    this.#prefix = prefix
  }

  async *entries(): AsyncIterable<BackupEntry> {
    yield* this.#snapshots()
    const cut = await this.#cut()
    for (const nr of cut.keys()) await this.#refuseOthers(nr)
    for (const [nr, { position, cursors }] of cut.entries()) {
      yield* this.#blocks(nr, position)
      yield { kind: 'cursors', partition: nr, cursors }
    }
  }

  async close(): Promise<void> {
    this.#connection.close()
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

  async #refuseOthers(partition: number): Promise<void> {
    for (const [what, key] of Object.entries(keysOf(this.#prefix, partition)))
      if (!ENTRIES.includes(what) && !MADE_OF_THEM.includes(what) && (await this.#ask<number>('EXISTS', key)) > 0)
        throw notBackedUp(this.name, what)
  }

  async *#blocks(partition: number, lastPosition: number): AsyncIterable<BlockEntry> {
    const { log } = keysOf(this.#prefix, partition)
    for (let next = 1; next <= lastPosition; ) {
      const asked = next
      const entries = await this.#ask<readonly StreamEntry[]>('XRANGE', log, `${next}-0`, '+', 'COUNT', BLOCKS_PER_CALL)
      for (const { firstPosition, packed } of parseEntries(entries)) {
        if (firstPosition > lastPosition) return
        const where = `${this.name}, partition ${partition}, position ${firstPosition}`
        next = new Block(packed, partition, firstPosition, where).index.lastPosition + 1
        yield { kind: 'block', partition, firstPosition, packed }
      }
      if (next === asked)
        throw corrupt(`${this.name}, partition ${partition}, position ${next}: this part of the log is missing`)
    }
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
