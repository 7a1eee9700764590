/**
 * Packed journals in Redis. Per partition, all in one slot:
 *
 *     {prefix:0}:state         hash: epoch, position of the last record; how many blocks, heads, cursors, horizons there must be
 *     {prefix:0}:heads         hash: id -> head, with a checksum
 *     {prefix:0}:log           stream: `FIRST_POSITION-0` -> block; never deleted, since its last id would be forgotten
 *     {prefix:0}:cursors       hash: group -> position, with a checksum
 *     {prefix:0}:horizons      hash: id -> what is deleted of it, see `horizons.ts`
 *     {prefix:0}:segments      hash: first position -> a segment that has left the log; see `packed/segment.ts`
 *     {prefix:0}:snapshots:ID  hash: sequence number -> snapshot
 *     prefix:meta              the store's description
 *
 * A commit is one call of one script. When its answer is lost, nobody knows whether it ran; so tail and heads are read
 * again, and the journal above finds its own append ids at the place, or writes them now. Should the lost call still
 * arrive after that, it finds another tail and writes nothing.
 */

import { Packr } from 'msgpackr'
import { assert } from '../../base/assert.ts'
import { isRuntimeError, RuntimeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { Clock } from '../../base/ports.ts'
import type { Cursors, Writer } from '../../persistence/journal.ts'
import { hashOf, sealAsText, unsealText } from '../codec/checksum.ts'
import { corrupt } from '../codec/frame.ts'
import { AskedTogether } from '../packed/asked-together.ts'
import { lineageOf } from '../packed/description.ts'
import {
  type Changed,
  type Engine,
  type EngineWrite,
  type Forgotten,
  type Head,
  type HeadEntry,
  NO_HEAD,
  type OpenedPartition,
  type RollOutBegin,
  type RollOutReady,
  type RollOutWrite,
  type SnapshotWrite,
  type StoredBlock,
  type StoredSnapshot,
  type WriteOutcome,
} from '../packed/engine.ts'
import { type Deletion, type Horizon, NO_HORIZON } from '../packed/horizon.ts'
import { packSegment, type Segment } from '../packed/segment.ts'
import { type Argument, type Asking, type Connection, ConnectionLost } from './connection.ts'
import { DELETE, deletionArguments, deletionKeys, guestsDeleteNothing, parseHorizon } from './horizons.ts'
import { cursorName, type Keys, keysOf } from './keys.ts'
import { beginRestore, NO_EPOCH, type OpenedStore, openStore } from './open-store.ts'
import { packHeads } from './pack-heads.ts'
import { pairs, parseEntries, type StreamEntry } from './replies.ts'
import { BLOCKS, COMMIT, SAVE_SNAPSHOT } from './scripts.ts'
import { BEGIN_ROLL_OUT, parseSegments, ROLL_OUT } from './segments.ts'
import { checkServer, parseInfo, type ServerAnswers } from './server-check.ts'
import { DEFAULT_PARTITIONS } from './url.ts'

export interface RedisEngineOptions {
  readonly name: string
  readonly connection: Connection
  readonly prefix: string
  readonly database: number
  readonly partitions: number | null
  readonly unavailableAfterMs: number
  readonly writer: Writer
  /** Set for a store that a backup is read into: its incarnation. */
  readonly restoring?: number
  readonly logger: Logger
  readonly clock: Clock
}

const HEADS_PER_CALL = 4_096
/** The server does nothing else while it answers a call. */
const BLOCKS_PER_CALL = 32

export class RedisEngine implements Engine {
  readonly name: string
  readonly shared = true
  readonly #options: RedisEngineOptions
  readonly #connection: Connection
  #durability: string | null = null
  /** The server takes another replication id when it starts and when it is promoted: both may have lost writes. */
  #lineage: string | null = null
  #keys: readonly Keys[] = []
  /** Where the log of each partition ended by the last that this process was told. */
  #ends: number[] = []
  /** The partitions that nothing was deleted from, as far as this process alone deletes. */
  readonly #wholeLogs = new Set<number>()
  /** Per partition: the blocks that recoveries ask for in one turn. */
  #blocksAsked: readonly AskedTogether<number, Buffer | null>[] = []
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

  get lineage(): string | null {
    return this.#lineage
  }

  async open(): Promise<readonly OpenedPartition[]> {
    try {
      await this.#connection.checkDatabase(this.#options.database)
      const servers = await Promise.all((await this.#connection.servers()).map(askServer))
      const { name, logger } = this.#options
      this.#durability = [...new Set(servers.map(server => checkServer(name, server, logger)))].join(' ')
      const { incarnation, partitions } = await this.#openStore()
      const replications = servers.map(({ info }) => info.get('master_replid') ?? null).sort()
      this.#lineage = [...replications, lineageOf(incarnation)].filter(each => each !== null).join(', ') || null
      this.#keys = partitions.map((_, nr) => keysOf(this.#options.prefix, nr))
      if (this.#options.writer === 'owner')
        for (const [nr, { horizons }] of partitions.entries()) if (horizons === 0) this.#wholeLogs.add(nr)
      this.#ends = partitions.map(({ lastPosition }) => lastPosition)
      this.#connection.beforeLoading = () => this.#checkNothingLost()
      this.#blocksAsked = this.#keys.map(({ log }) => new AskedTogether(positions => this.#blocksAt(log, positions)))
      return partitions
    } catch (error) {
      this.#connection.close()
      throw isWrongType(error)
        ? corrupt(`${this.name}: a key holds something else than this journal put there`, error)
        : error
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
      packHeads(write.touched),
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
    const outcome = this.#parseOutcome(reply, write.partition)
    if (outcome.status === 'written') this.#ends[write.partition] = write.nextLastPosition
    return outcome
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

  block(partition: number, firstPosition: number): Promise<Buffer | null> {
    return this.#blocksAsked[partition]!.ask(firstPosition)
  }

  async cursors(partition: number): Promise<Cursors> {
    const fields = await this.#ask<readonly Buffer[]>('HGETALL', this.#keys[partition]!.cursors)
    return new Map(
      pairs(fields).map(([name, text]) => {
        const group = name.toString()
        const numbers = unsealText(hashOf(cursorName(partition, group)), text.toString())
        if (numbers === null) throw this.#unsealed(partition, `cursor of ${group}`, text)
        return [group, numbers[0]]
      }),
    )
  }

  async saveSnapshot(write: SnapshotWrite): Promise<WriteOutcome | Forgotten> {
    const { state, snapshots, horizons } = this.#keys[write.partition]!
    // The same snapshot may be stored twice: asked again until it is answered.
    const reply = await this.#connection.untilAnswered(() =>
      this.#connection.script<readonly Buffer[]>(
        SAVE_SNAPSHOT,
        [state, snapshots + write.persistenceId, horizons],
        [write.epoch, write.sequenceNr, write.packed, write.keep, write.lastPosition, write.persistenceId],
      ),
    )
    if (reply[0]?.toString() === 'forgotten')
      return { status: 'forgotten', horizon: this.#parseHorizon(write.partition, write.persistenceId, reply[1]!) }
    return this.#parseOutcome(reply, write.partition)
  }

  async snapshots(partition: number, persistenceId: string): Promise<readonly StoredSnapshot[]> {
    const fields = await this.#ask<readonly Buffer[]>('HGETALL', this.#keys[partition]!.snapshots + persistenceId)
    return pairs(fields)
      .map(([sequenceNr, packed]) => ({ sequenceNr: Number(sequenceNr), packed }))
      .sort((a, b) => b.sequenceNr - a.sequenceNr)
  }

  async epochNow(): Promise<number> {
    const epoch = await this.#ask<Buffer | null>('HGET', this.#keys[0]!.state, 'epoch')
    return epoch === null ? 0 : this.#number(epoch, 'epoch', 0)
  }

  mayHaveHorizons(partition: number): boolean {
    return !this.#wholeLogs.has(partition)
  }

  async horizon(partition: number, persistenceId: string): Promise<Horizon> {
    const text = await this.#ask<Buffer | null>('HGET', this.#keys[partition]!.horizons, persistenceId)
    return text === null ? NO_HORIZON : this.#parseHorizon(partition, persistenceId, text)
  }

  async delete(deletion: Deletion): Promise<WriteOutcome | Changed> {
    if (deletion.epoch === NO_EPOCH) throw guestsDeleteNothing(this.name)
    // Before it is sent: from then on it may be there, whatever becomes of the answer.
    this.#wholeLogs.delete(deletion.partition)
    const keys = deletionKeys(this.#keys[deletion.partition]!, deletion)
    // Where the answer was lost it is found done: the horizon is another one then.
    const reply = await this.#connection.untilAnswered(() =>
      this.#connection.script<readonly Buffer[]>(DELETE, keys, deletionArguments(deletion)),
    )
    return reply[0]?.toString() === 'changed' ? { status: 'changed' } : this.#parseOutcome(reply, deletion.partition)
  }

  async beginRollOut({ partition, epoch, lastPosition, drawn }: RollOutBegin): Promise<WriteOutcome | RollOutReady> {
    if (epoch === NO_EPOCH) throw guestsDeleteNothing(this.name)
    const { state } = this.#keys[partition]!
    const reply = await this.#connection.untilAnswered(() =>
      this.#connection.script<readonly Buffer[]>(BEGIN_ROLL_OUT, [state], [epoch, lastPosition, drawn]),
    )
    return reply[0]?.toString() === 'ready'
      ? { status: 'ready', incarnation: reply[1]!.toString() }
      : this.#parseOutcome(reply, partition)
  }

  async rollOut({ partition, epoch, lastPosition, segment }: RollOutWrite): Promise<WriteOutcome> {
    const { state, log, segments } = this.#keys[partition]!
    const { firstPosition } = segment
    const args = [epoch, lastPosition, firstPosition, segment.lastPosition + 1, packSegment(segment)]
    // Where the answer was lost it is found done.
    const reply = await this.#connection.untilAnswered(() =>
      this.#connection.script<readonly Buffer[]>(ROLL_OUT, [state, log, segments], args),
    )
    return this.#parseOutcome(reply, partition)
  }

  async segments(partition: number): Promise<readonly Segment[]> {
    const entries = await this.#ask<readonly Buffer[]>('HGETALL', this.#keys[partition]!.segments)
    return parseSegments(`${this.name}, partition ${partition}`, entries)
  }

  async close(): Promise<void> {
    this.#connection.close()
  }

  // Opening

  #openStore(): Promise<OpenedStore> {
    const { prefix, partitions, writer, logger, restoring } = this.#options
    return restoring === undefined
      ? openStore({ name: this.name, connection: this.#connection, prefix }, partitions, writer, logger)
      : beginRestore(this.name, this.#connection, prefix, partitions ?? DEFAULT_PARTITIONS, restoring)
  }

  // Writing

  /**
   * A server that was started again knows no scripts, so this comes before the first write to it. What it has lost may be
   * in another partition than the one that is written to: its consequences would be stored, and it itself never again.
   */
  async #checkNothingLost(): Promise<void> {
    // As it was before asking: other partitions are written to meanwhile.
    const told = [...this.#ends]
    const ends = await Promise.all(told.map((_, partition) => this.lastPosition(partition)))
    for (const [partition, end] of ends.entries())
      if (end < told[partition]!)
        throw new RuntimeError(
          'JOURNAL_FENCED',
          `${this.name}, partition ${partition}: the log ends at position ${end}, and ${told[partition]} had been written. ` +
            'The server was started again with less than it had: stop this process; the next one goes on from what is there.',
        )
  }

  /** After an answer that was lost: where everything stands now, or that we were replaced. */
  async #lookAgain(write: EngineWrite, lost: ConnectionLost): Promise<WriteOutcome> {
    const nowMs = this.#options.clock.monotonicMs()
    const sinceMs = this.#losingSinceMs.get(write.partition) ?? nowMs
    // Forgotten on every way out but one: that the next try of the same commit is lost as well.
    this.#losingSinceMs.delete(write.partition)
    if (nowMs - sinceMs >= this.#options.unavailableAfterMs) throw this.#connection.unavailable(lost)
    const { state } = this.#keys[write.partition]!
    const [epoch, position] = await this.#ask<readonly (Buffer | null)[]>('HMGET', state, 'epoch', 'position')
    if (epoch == null || (write.epoch !== NO_EPOCH && epoch.toString() !== String(write.epoch)))
      return { status: 'fenced', epoch: Number(epoch ?? 0) }
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
    const numbers = unsealText(hashOf(persistenceId), head.toString())
    if (numbers === null) throw this.#unsealed(partition, `head of ${persistenceId}`, head)
    return { sequenceNr: numbers[0], block: numbers[1] }
  }

  #parseHorizon(partition: number, persistenceId: string, text: Buffer): Horizon {
    return parseHorizon(persistenceId, text, `${this.name}, partition ${partition}`)
  }

  async #blocksAt(log: string, firstPositions: readonly number[]): Promise<readonly (Buffer | null)[]> {
    const calls: Promise<readonly (Buffer | null)[]>[] = []
    for (let from = 0; from < firstPositions.length; from += BLOCKS_PER_CALL) {
      const positions = firstPositions.slice(from, from + BLOCKS_PER_CALL)
      calls.push(this.#connection.untilAnswered(() => this.#connection.script(BLOCKS, [log], positions)))
    }
    return (await Promise.all(calls)).flat()
  }

  #unsealed(partition: number, what: string, text: Buffer): RuntimeError {
    const found = text.toString().slice(0, 50)
    return corrupt(
      `${this.name}, partition ${partition}, ${what}: it reads ${found}, which does not match its checksum`,
    )
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

const askServer = async (ask: Asking): Promise<ServerAnswers> => {
  const info = parseInfo((await ask<Buffer>('INFO')).toString())
  try {
    const [, value] = await ask<readonly Buffer[]>('CONFIG', 'GET', 'appendfsync')
    return { info, appendfsync: value?.toString() ?? null }
  } catch (error) {
    // NOPERM, or a service that has renamed CONFIG away: the check says so to people.
    if (isRuntimeError(error) && error.cause instanceof Error && error.cause.name === 'ReplyError')
      return { info, appendfsync: null }
    throw error
  }
}

// One argument, as the heads: an argument for each value costs the client and the server more than the rest of the commit.
const packr = new Packr({ useRecords: false, variableMapSize: true })

const packCursors = ({ cursors, partition }: EngineWrite): Buffer => {
  const flat: string[] = []
  if (cursors !== null)
    for (const [group, position] of cursors)
      flat.push(group, sealAsText(hashOf(cursorName(partition, group)), position, 0))
  return packr.pack(flat)
}

const isWrongType = (error: unknown): boolean => error instanceof Error && /\bWRONGTYPE /.test(error.message)
