/**
 * Packed journals in Redis. Per partition, all in one slot:
 *
 *     {prefix:0}:state         hash: epoch, position of the last record
 *     {prefix:0}:heads         hash: id -> head
 *     {prefix:0}:log           stream: `FIRST_POSITION-0` -> block; never deleted, since its last id would be forgotten
 *     {prefix:0}:cursors       hash: group -> position
 *     {prefix:0}:snapshots:ID  hash: sequence number -> snapshot
 *     prefix:meta              format and number of partitions
 *
 * A commit is one call of one script. When its answer is lost, nobody knows whether it ran; so tail and heads are read
 * again, and the journal above finds its own append ids at the place, or writes them now. Should the lost call still
 * arrive after that, it finds another tail and writes nothing.
 */

import { Packr } from 'msgpackr'
import { assert } from '../../base/assert.ts'
import { RuntimeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { Clock } from '../../base/ports.ts'
import type { Cursors } from '../../persistence/journal.ts'
import { Block } from '../codec/block.ts'
import { corrupt, FORMAT } from '../codec/frame.ts'
import {
  type Engine,
  type EngineWrite,
  type Head,
  type HeadEntry,
  NO_HEAD,
  type OpenedPartition,
  type SnapshotWrite,
  type StoredBlock,
  type StoredSnapshot,
  type WriteOutcome,
} from '../packed/engine.ts'
import { type Argument, type Connection, ConnectionLost } from './connection.ts'
import { type Keys, keysOf, metaKeyOf } from './keys.ts'
import { COMMIT, OPEN, SAVE_SNAPSHOT } from './scripts.ts'
import { checkServer, parseInfo } from './server-check.ts'
import { DEFAULT_PARTITIONS } from './url.ts'

export interface RedisEngineOptions {
  readonly name: string
  readonly connection: Connection
  readonly prefix: string
  readonly database: number
  readonly partitions: number | null
  readonly unavailableAfterMs: number
  readonly logger: Logger
  readonly clock: Clock
}

const HEADS_PER_CALL = 4_096

export class RedisEngine implements Engine {
  readonly name: string
  readonly shared = true
  readonly #options: RedisEngineOptions
  readonly #connection: Connection
  #durability: string | null = null
  #keys: readonly Keys[] = []
  /** Per partition: since when its commit under way has been losing connections. */
  readonly #losingSinceMs = new Map<number, number>()

  constructor(options: RedisEngineOptions) {
    this.name = options.name
    this.#options = options
    this.#connection = options.connection
  }

  get durability(): string {
    return this.#durability ?? 'What a resolved write has survived is known once the journal is open.'
  }

  async open(): Promise<readonly OpenedPartition[]> {
    try {
      await this.#connection.checkDatabase(this.#options.database)
      this.#durability = checkServer(this.name, await this.#askServer(), this.#options.logger)
      const partitions = await this.#checkMeta()
      this.#keys = Array.from({ length: partitions }, (_, nr) => keysOf(this.#options.prefix, nr))
      return await Promise.all(this.#keys.map((keys, nr) => this.#openPartition(keys, nr)))
    } catch (error) {
      this.#connection.close()
      throw error
    }
  }

  async heads(partition: number, persistenceIds: readonly string[]): Promise<readonly Head[]> {
    const key = this.#keys[partition]!.heads
    const heads: Head[] = []
    for (let from = 0; from < persistenceIds.length; from += HEADS_PER_CALL) {
      const ids = persistenceIds.slice(from, from + HEADS_PER_CALL)
      const found = await this.#ask<readonly (Buffer | null)[]>('HMGET', key, ...ids)
      for (const [i, head] of found.entries()) heads.push(this.#parseHead(head, partition, ids[i]!))
    }
    return heads
  }

  /** Heads are in the store with every commit; nothing is written behind. */
  mayRotate(): boolean {
    return true
  }

  rotated(_partition: number, _entries: Iterable<HeadEntry>): void {}

  async write(write: EngineWrite): Promise<WriteOutcome> {
    const { state, heads, log, cursors } = this.#keys[write.partition]!
    const args: Argument[] = [
      write.epoch,
      write.lastPosition,
      write.nextLastPosition,
      packHeads(write),
      packCursors(write),
    ]
    for (const { firstPosition, packed } of write.blocks) args.push(firstPosition, packed)
    let reply: readonly Buffer[]
    try {
      reply = await this.#connection.script(COMMIT, [state, heads, log, cursors], args)
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw this.#connection.unavailable(error)
      return this.#lookAgain(write, error)
    }
    this.#losingSinceMs.delete(write.partition)
    return this.#parseOutcome(reply, write.partition)
  }

  async lastPosition(partition: number): Promise<number> {
    const position = await this.#ask<Buffer | null>('HGET', this.#keys[partition]!.state, 'position')
    return position === null ? 0 : this.#number(position, 'position', partition)
  }

  async blocks(partition: number, position: number, count: number): Promise<readonly StoredBlock[]> {
    const { log } = this.#keys[partition]!
    const start = `${position}-0`
    const from = parseEntries(await this.#ask<readonly StreamEntry[]>('XRANGE', log, start, '+', 'COUNT', count))
    if (from[0]?.firstPosition === position) return from
    // The position lies within a block that begins before it, or after the end.
    const before = parseEntries(await this.#ask<readonly StreamEntry[]>('XREVRANGE', log, start, '-', 'COUNT', 1))
    return [...before, ...from].slice(0, count)
  }

  async block(partition: number, firstPosition: number): Promise<Buffer | null> {
    const id = `${firstPosition}-0`
    const entries = await this.#ask<readonly StreamEntry[]>('XRANGE', this.#keys[partition]!.log, id, id)
    return parseEntries(entries)[0]?.packed ?? null
  }

  async cursors(partition: number): Promise<Cursors> {
    const fields = await this.#ask<readonly Buffer[]>('HGETALL', this.#keys[partition]!.cursors)
    return new Map(
      pairs(fields).map(([group, position]) => [group.toString(), this.#number(position, 'cursor', partition)]),
    )
  }

  async saveSnapshot(write: SnapshotWrite): Promise<WriteOutcome> {
    const { state, snapshots } = this.#keys[write.partition]!
    // The same snapshot may be stored twice: asked again until it is answered.
    const reply = await this.#connection.untilAnswered(() =>
      this.#connection.script<readonly Buffer[]>(
        SAVE_SNAPSHOT,
        [state, snapshots + write.persistenceId],
        [write.epoch, write.sequenceNr, write.packed, write.keep],
      ),
    )
    return this.#parseOutcome(reply, write.partition)
  }

  async snapshots(partition: number, persistenceId: string): Promise<readonly StoredSnapshot[]> {
    const fields = await this.#ask<readonly Buffer[]>('HGETALL', this.#keys[partition]!.snapshots + persistenceId)
    return pairs(fields)
      .map(([sequenceNr, packed]) => ({ sequenceNr: Number(sequenceNr), packed }))
      .sort((a, b) => b.sequenceNr - a.sequenceNr)
  }

  async close(): Promise<void> {
    this.#connection.close()
  }

  // Opening

  async #askServer() {
    const info = parseInfo((await this.#ask<Buffer>('INFO')).toString())
    const appendfsync = await this.#connection.untilAnswered(async () => {
      try {
        const [, value] = await this.#connection.once<readonly Buffer[]>('CONFIG', 'GET', 'appendfsync')
        return value?.toString() ?? null
      } catch (error) {
        // NOPERM, or a service that has renamed CONFIG away: the check says so to people.
        if (error instanceof ConnectionLost) throw error
        return null
      }
    })
    return { info, appendfsync }
  }

  async #checkMeta(): Promise<number> {
    const key = metaKeyOf(this.#options.prefix)
    const wanted = this.#options.partitions
    await this.#ask('SET', key, JSON.stringify({ format: FORMAT, partitions: wanted ?? DEFAULT_PARTITIONS }), 'NX')
    const text = (await this.#ask<Buffer | null>('GET', key))?.toString() ?? 'null'
    const { format, partitions } = this.#parseMeta(text)
    if (format !== FORMAT)
      throw new RuntimeError(
        'JOURNAL_FORMAT',
        `${this.name} has format ${format}, this version reads ${FORMAT}. Open it with the version that wrote it.`,
      )
    if (wanted !== null && wanted !== partitions)
      throw new RuntimeError(
        'JOURNAL_MISCONFIGURED',
        `${this.name} was made with ${partitions} partitions, ${wanted} were asked for. ` +
          'Their number is fixed when a store is made: leave the option out, or take another prefix.',
      )
    return partitions
  }

  #parseMeta(text: string): { format: number; partitions: number } {
    let parsed: { format?: unknown; partitions?: unknown } | null
    try {
      parsed = JSON.parse(text) as typeof parsed
    } catch (error) {
      throw corrupt(`${this.name}: the store's description cannot be read: ${text.slice(0, 100)}`, error)
    }
    const { format, partitions } = parsed ?? {}
    if (!Number.isSafeInteger(format) || !Number.isSafeInteger(partitions) || (partitions as number) < 1)
      throw corrupt(`${this.name}: the store's description makes no sense: ${text.slice(0, 100)}`)
    return { format: format as number, partitions: partitions as number }
  }

  async #openPartition({ state, log }: Keys, nr: number): Promise<OpenedPartition> {
    // Taking an epoch twice, because the first answer was lost, only leaves a number out.
    const [epoch, position, id, packed] = await this.#connection.untilAnswered(() =>
      this.#connection.script<[number, Buffer, Buffer, Buffer]>(OPEN, [state, log], []),
    )
    const lastPosition = this.#number(position, 'position', nr)
    const firstPosition = Number.parseInt(id.toString(), 10)
    const place = `${this.name}, partition ${nr}`
    const end =
      id.length === 0
        ? 0
        : new Block(packed, nr, firstPosition, `${place}, position ${firstPosition}`).index.lastPosition
    if (end !== lastPosition) throw corrupt(`${place}: the log ends at position ${end}, and should at ${lastPosition}`)
    return { epoch, lastPosition, indexedTo: lastPosition, heads: new Map() }
  }

  // Writing

  /** After an answer that was lost: where everything stands now, or that we were replaced. */
  async #lookAgain(write: EngineWrite, lost: ConnectionLost): Promise<WriteOutcome> {
    const nowMs = this.#options.clock.monotonicMs()
    const sinceMs = this.#losingSinceMs.get(write.partition) ?? nowMs
    // Forgotten on every way out but one: that the next try of the same commit is lost as well.
    this.#losingSinceMs.delete(write.partition)
    if (nowMs - sinceMs >= this.#options.unavailableAfterMs) throw this.#connection.unavailable(lost)
    const { state } = this.#keys[write.partition]!
    const [epoch, position] = await this.#ask<readonly (Buffer | null)[]>('HMGET', state, 'epoch', 'position')
    if (epoch?.toString() !== String(write.epoch)) return { status: 'fenced', epoch: Number(epoch ?? 0) }
    const ids = write.touched.map(entry => entry.persistenceId)
    const heads = await this.heads(write.partition, ids)
    this.#losingSinceMs.set(write.partition, sinceMs)
    return {
      status: 'moved',
      lastPosition: position == null ? 0 : this.#number(position, 'position', write.partition),
      heads: new Map(ids.map((persistenceId, i) => [persistenceId, heads[i]!])),
    }
  }

  #parseOutcome(reply: readonly Buffer[], partition: number): WriteOutcome {
    const [status, value, ...rest] = reply
    switch (status?.toString()) {
      case 'written':
        return { status: 'written' }
      case 'fenced':
        return { status: 'fenced', epoch: Number(value) }
      case 'moved': {
        const heads = new Map<string, Head>()
        for (const [id, head] of pairs(rest)) {
          const persistenceId = id.toString()
          heads.set(persistenceId, this.#parseHead(head.length === 0 ? null : head, partition, persistenceId))
        }
        return { status: 'moved', lastPosition: this.#number(value!, 'position', partition), heads }
      }
      default:
        assert(false, `${this.name}: a script answered ${String(status)}`)
    }
  }

  #parseHead(head: Buffer | null, partition: number, persistenceId: string): Head {
    if (head === null) return NO_HEAD
    const [, sequenceNr, block] = /^(\d+):(\d+)$/.exec(head.toString()) ?? []
    if (sequenceNr === undefined || block === undefined)
      throw corrupt(
        `${this.name}, partition ${partition}: the head of ${persistenceId} reads ${head.toString().slice(0, 50)}`,
      )
    return { sequenceNr: Number(sequenceNr), block: Number(block) }
  }

  #number(text: Buffer, what: string, partition: number): number {
    const number = Number(text.toString())
    if (!Number.isSafeInteger(number))
      throw corrupt(`${this.name}, partition ${partition}: a ${what} reads ${text.toString()}`)
    return number
  }

  #ask<Reply>(command: string, ...args: readonly Argument[]): Promise<Reply> {
    return this.#connection.untilAnswered(() => this.#connection.once<Reply>(command, ...args))
  }
}

// One argument each: as one argument a value they cost the client and the server more than the rest of the commit.
const packr = new Packr({ useRecords: false, variableMapSize: true })

const packHeads = ({ touched }: EngineWrite): Buffer => {
  const ids: string[] = []
  const before: string[] = []
  const after: string[] = []
  for (const entry of touched) {
    ids.push(entry.persistenceId)
    before.push(formatHead(entry.sequenceNr, entry.block))
    after.push(entry.persistenceId, formatHead(entry.nextSequenceNr, entry.nextBlock))
  }
  return packr.pack([ids, before, after])
}

const packCursors = ({ cursors }: EngineWrite): Buffer => {
  const flat: string[] = []
  if (cursors !== null) for (const [group, position] of cursors) flat.push(group, String(position))
  return packr.pack(flat)
}

const formatHead = (sequenceNr: number, block: number): string => (sequenceNr === 0 ? '' : `${sequenceNr}:${block}`)

type StreamEntry = readonly [id: Buffer, fields: readonly [name: Buffer, packed: Buffer]]

const parseEntries = (entries: readonly StreamEntry[]): StoredBlock[] =>
  entries.map(([id, [, packed]]) => ({ firstPosition: Number.parseInt(id.toString(), 10), packed }))

const pairs = (flat: readonly Buffer[]): [Buffer, Buffer][] => {
  const found: [Buffer, Buffer][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) found.push([flat[i]!, flat[i + 1]!])
  return found
}
