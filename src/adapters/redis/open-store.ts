/**
 * Opens a store in Redis for writing. Its description and its partitions lie in several slots, so no single step can do it:
 *
 *     none ──▶ new ──(every partition has its epoch)──▶ made ──▶ destroyed ──▶ none
 *     none ──▶ restoring ──(every record is there)──▶ made
 *
 * A removal that was cut short leaves `destroyed`; the next owner finishes it. Nothing is written to a store that is not
 * `made`, but by who restores it. Whoever removes it says so in the description
 * first, and takes the next epochs after; whoever opens it takes the next epochs first, and reads the description again
 * after. So one of the two sees the other.
 *
 * Of those that open it at the same moment exactly one has it in the end: partition 0 hands out the epochs, and every other
 * partition takes that number unless it knows a higher one.
 */

import { RuntimeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { Writer } from '../../persistence/journal.ts'
import { Block } from '../codec/block.ts'
import { corrupt } from '../codec/frame.ts'
import { checkPartitionsAsked, describeStore, parseDescription } from '../packed/description.ts'
import type { OpenedPartition } from '../packed/engine.ts'
import { beginAfter } from '../packed/segment.ts'
import type { Connection } from './connection.ts'
import { type Keys, keysOf, metaKeyOf } from './keys.ts'
import { finishRemoval, type Place } from './remove-store.ts'
import { DESCRIBE, OPEN } from './scripts.ts'
import { parseSegments } from './segments.ts'
import { DEFAULT_PARTITIONS } from './url.ts'

/** What a guest writes with. */
export const NO_EPOCH = 0

export interface OpenedRedisPartition extends OpenedPartition {
  /** How many ids have something deleted. */
  readonly horizons: number
}

/** As often as others may change the description while a store is being opened. */
const TRIES = 5

export interface OpenedStore {
  readonly incarnation: number
  readonly partitions: readonly OpenedRedisPartition[]
}

/**
 * **Errors**: JOURNAL_CORRUPT, JOURNAL_FORMAT, JOURNAL_MISCONFIGURED, JOURNAL_UNAVAILABLE; JOURNAL_FENCED where another one
 * opened it at the same moment, and has it.
 */
export const openStore = async (
  place: Place,
  partitions: number | null,
  writer: Writer,
  logger: Logger,
): Promise<OpenedStore> => {
  for (let i = 0; i < TRIES; i++) {
    const opened = await tryToOpen(place, partitions, writer, logger)
    if (opened !== null) return opened
  }
  throw new RuntimeError('JOURNAL_UNAVAILABLE', `${place.name}: others made and removed it while it was opened`, {
    retryable: true,
  })
}

/** A store's description as it is, word for word; '' where there is none. */
export const readDescription = async (connection: Connection, prefix: string): Promise<string> =>
  (await connection.untilAnswered(() => connection.once<Buffer | null>('GET', metaKeyOf(prefix))))?.toString() ?? ''

/** Changes the description where it is still `from` (`*`: whatever it is); '' removes it. */
export const describe = async (connection: Connection, prefix: string, from: string, to: string): Promise<boolean> =>
  (await connection.untilAnswered(() => connection.script<number>(DESCRIBE, [metaKeyOf(prefix)], [from, to]))) === 1

/** Null where the description has changed meanwhile. */
const tryToOpen = async (
  place: Place,
  asked: number | null,
  writer: Writer,
  logger: Logger,
): Promise<OpenedStore | null> => {
  const { name, connection, prefix } = place
  const fresh = describeStore({ partitions: asked ?? DEFAULT_PARTITIONS, state: 'new' })
  let known = await readDescription(connection, prefix)
  if (known === '') {
    await connection.untilAnswered(() => connection.once('SET', metaKeyOf(prefix), fresh, 'NX'))
    known = await readDescription(connection, prefix)
    if (known === '') return null
  }
  const { partitions, state, incarnation } = parseDescription(known, name)
  if (state === 'restoring')
    throw new RuntimeError(
      'JOURNAL_CORRUPT',
      `${name}: a backup is being restored to it, or that was cut short. Wait for it, or restore it again.`,
    )
  if (state === 'destroyed') {
    const found = `${name}: its removal was begun and not finished, so parts of it are gone.`
    if (writer === 'guest')
      throw corrupt(`${found} The next process that opens it as its owner removes the rest and makes it anew.`)
    // Who began it wanted nothing of it to be left: nobody is served by parts that cannot be read.
    logger.log('warn', `${found} The rest is removed now, and the store is made anew.`)
    await finishRemoval(place)
    return null
  }
  checkPartitionsAsked(name, partitions, asked)
  const keys = Array.from({ length: partitions }, (_, nr) => keysOf(prefix, nr))
  const replies =
    writer === 'guest'
      ? await Promise.all(keys.map(each => open(connection, each, state, 'join', NO_EPOCH)))
      : await takePartitions(connection, keys, state, 0)
  if (replies === null) {
    const now = await readDescription(connection, prefix)
    if (now === '' || parseDescription(now, name).state === 'destroyed') return null
    throw new RuntimeError(
      'JOURNAL_FENCED',
      `${name}: another process opened this store for writing at the same moment, and has it. Stop this one.`,
    )
  }
  const occupied = occupiedIn(replies)
  if (occupied >= 0) {
    // Made by somebody else in between, or it had lost its description before: then it must not keep ours.
    if (!(await describe(connection, prefix, known, ''))) return null
    throw corrupt(`${name}: ${metaKeyOf(prefix)} is missing, and ${keys[occupied]!.log} holds data`)
  }
  if (state === 'new') {
    const made = describeStore({ partitions, state: 'made' })
    if (!(await describe(connection, prefix, known, made)) && (await readDescription(connection, prefix)) !== made)
      return null
  } else if ((await readDescription(connection, prefix)) !== known) return null
  return { incarnation, partitions: opened(name, keys, replies, writer) }
}

/**
 * Begins a store that a backup is read into: nobody else can open it before its description says `made`. What an earlier
 * try of that left must have been removed. Every epoch is beyond the incarnation, a time: so that no writer of before, of
 * this server or another one, counts as its writer. **Errors**: JOURNAL_MISCONFIGURED where there is a store, or data.
 */
export const beginRestore = async (
  name: string,
  connection: Connection,
  prefix: string,
  partitions: number,
  incarnation: number,
): Promise<OpenedStore> => {
  const description = describeStore({ partitions, state: 'restoring', incarnation })
  await connection.untilAnswered(() => connection.once('SET', metaKeyOf(prefix), description, 'NX'))
  if ((await readDescription(connection, prefix)) !== description) throw holdsStore(name)
  const keys = Array.from({ length: partitions }, (_, nr) => keysOf(prefix, nr))
  const replies = await takePartitions(connection, keys, 'new', incarnation)
  if (replies === null || occupiedIn(replies) >= 0) {
    await describe(connection, prefix, description, '')
    throw holdsStore(name)
  }
  return { incarnation, partitions: opened(name, keys, replies, 'owner') }
}

export const holdsStore = (name: string): RuntimeError =>
  new RuntimeError(
    'JOURNAL_MISCONFIGURED',
    `${name} holds a store: a backup is restored to an empty place only. Name another one, or remove what is there.`,
  )

/** Takes all partitions under one epoch beyond `beyond`; null where another one has drawn a later epoch meanwhile. */
const takePartitions = async (
  connection: Connection,
  keys: readonly Keys[],
  state: string,
  beyond: number,
): Promise<readonly OpenReply[] | null> => {
  const [first, ...others] = keys as [Keys, ...Keys[]]
  // An epoch that is drawn twice, because the first answer was lost, only leaves a number out.
  const drawn = await open(connection, first, state, 'draw', beyond)
  if (drawn[0].toString() !== 'opened') return [drawn]
  const epoch = drawn[1]
  const replies = await Promise.all(others.map(each => open(connection, each, state, 'take', epoch)))
  const highest = Math.max(
    ...replies.map(([status, other]) => (status.toString() === 'overtaken' ? other : Number.NEGATIVE_INFINITY)),
  )
  if (highest === Number.NEGATIVE_INFINITY) return [drawn, ...replies]
  const now = await connection.untilAnswered(() => connection.once<Buffer | null>('HGET', first.state, 'epoch'))
  if (Number(now) !== epoch) return null
  // Nobody did: a removal, or a version that counted each partition by itself, has left some of them further on.
  return takePartitions(connection, keys, state, highest)
}

const open = (
  connection: Connection,
  { state: own, heads, log, cursors, horizons, segments }: Keys,
  state: string,
  how: 'draw' | 'take' | 'join',
  epoch: number,
): Promise<OpenReply> =>
  connection.untilAnswered(() =>
    connection.script<OpenReply>(
      OPEN,
      [own, heads, log, cursors, horizons, segments],
      [state === 'made' ? 'made' : 'new', how, epoch],
    ),
  )

const occupiedIn = (replies: readonly OpenReply[]): number =>
  replies.findIndex(([status]) => status.toString() === 'occupied')

const opened = (
  name: string,
  keys: readonly Keys[],
  replies: readonly OpenReply[],
  writer: Writer,
): readonly OpenedRedisPartition[] =>
  replies.map((reply, nr) => {
    const partition = checkPartition(`${name}, partition ${nr}`, keys[nr]!, nr, reply)
    return writer === 'guest' ? { ...partition, epoch: NO_EPOCH } : partition
  })

type OpenReply = readonly [status: Buffer, epoch: number, ...numbers: (Buffer | number | readonly Buffer[])[]]

const checkPartition = (place: string, keys: Keys, nr: number, reply: OpenReply): OpenedRedisPartition => {
  const [status, epoch, ...rest] = reply
  if (status.toString() === 'gone') throw corrupt(`${place}: ${keys.state} is missing`)
  const [position, blocks, heads, cursors, horizons, hasBlocks, hasHeads, hasCursors, hasHorizons] = rest
    .slice(0, 9)
    .map(Number)
  const [first, last, packed, entries] = rest.slice(9) as [Buffer, Buffer, Buffer, readonly Buffer[]]
  const segments = parseSegments(place, entries)
  const lastPosition = position!
  if (!Number.isSafeInteger(lastPosition)) throw corrupt(`${place}: ${keys.state} has a position that is none`)
  const end = endOf(place, nr, last!, packed!)
  if (end !== lastPosition) throw corrupt(`${place}: the log ends at position ${end}, and should at ${lastPosition}`)
  // The log begins where the last segment that has left it ended.
  const begin = Number.parseInt(first!.toString() || '0', 10)
  const expected = beginAfter(segments)
  if (begin !== (lastPosition === 0 ? 0 : expected))
    throw corrupt(`${place}: the log begins at position ${begin}, and should at ${expected}`)
  for (const [key, found, due] of [
    [keys.log, hasBlocks, blocks],
    [keys.heads, hasHeads, heads],
    [keys.cursors, hasCursors, cursors],
    [keys.horizons, hasHorizons, horizons],
  ])
    if (found !== due) throw corrupt(`${place}: ${key} has ${found} entries of ${due}`)
  return { epoch, lastPosition, indexedTo: lastPosition, heads: new Map(), segments, horizons: hasHorizons! }
}

const endOf = (place: string, nr: number, id: Buffer, packed: Buffer): number => {
  if (id.length === 0) return 0
  const firstPosition = Number.parseInt(id.toString(), 10)
  return new Block(packed, nr, firstPosition, `${place}, position ${firstPosition}`).index.lastPosition
}
