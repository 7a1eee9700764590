/**
 * Opens a store in Redis for writing. Its description and its partitions lie in several slots, so no single step can do it:
 *
 *     none ──▶ new ──(every partition has its epoch)──▶ made ──▶ destroyed ──▶ none
 *
 * A removal that was cut short leaves `destroyed`; the next owner finishes it. Nothing is written to a store that is not
 * `made`. Whoever removes it says so in the description first, and takes the next epochs after; whoever opens it takes the
 * next epochs first, and reads the description again after. So one of the two sees the other.
 */

import { RuntimeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { Writer } from '../../persistence/journal.ts'
import { Block } from '../codec/block.ts'
import { corrupt } from '../codec/frame.ts'
import { checkPartitionsAsked, describeStore, parseDescription } from '../packed/description.ts'
import type { OpenedPartition } from '../packed/engine.ts'
import { beginAfter } from '../packed/segment.ts'
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

/** **Errors**: JOURNAL_CORRUPT, JOURNAL_FENCED, JOURNAL_FORMAT, JOURNAL_MISCONFIGURED, JOURNAL_UNAVAILABLE. */
export const openStore = async (
  place: Place,
  partitions: number | null,
  writer: Writer,
  logger: Logger,
): Promise<readonly OpenedRedisPartition[]> => {
  for (let i = 0; i < TRIES; i++) {
    const opened = await tryToOpen(place, partitions, writer, logger)
    if (opened !== null) return opened
  }
  throw new RuntimeError('JOURNAL_UNAVAILABLE', `${place.name}: others made and removed it while it was opened`, {
    retryable: true,
  })
}

/** Null where the description has changed meanwhile. */
const tryToOpen = async (
  place: Place,
  asked: number | null,
  writer: Writer,
  logger: Logger,
): Promise<readonly OpenedRedisPartition[] | null> => {
  const { name, connection, prefix } = place
  const key = metaKeyOf(prefix)
  const read = async (): Promise<string> =>
    (await connection.untilAnswered(() => connection.once<Buffer | null>('GET', key)))?.toString() ?? ''
  const become = (from: string, to: string): Promise<number> =>
    connection.untilAnswered(() => connection.script<number>(DESCRIBE, [key], [from, to]))

  const fresh = describeStore({ partitions: asked ?? DEFAULT_PARTITIONS, state: 'new' })
  let known = await read()
  if (known === '') {
    await connection.untilAnswered(() => connection.once('SET', key, fresh, 'NX'))
    known = await read()
    if (known === '') return null
  }
  const { partitions, state } = parseDescription(known, name)
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
  // Of one that is being made nobody has an epoch yet: then a guest takes the first, and fences nobody with it.
  const how = writer === 'guest' && state === 'made' ? 'join' : 'take'
  const replies = await Promise.all(
    keys.map(({ state: own, heads, log, cursors, horizons, segments }) =>
      // Taking an epoch twice, because the first answer was lost, only leaves a number out.
      connection.untilAnswered(() =>
        connection.script<OpenReply>(OPEN, [own, heads, log, cursors, horizons, segments], [state, how]),
      ),
    ),
  )
  const occupied = replies.findIndex(([status]) => status.toString() === 'occupied')
  if (occupied >= 0) {
    // Made by somebody else in between, or it had lost its description before: then it must not keep ours.
    if ((await become(known, '')) === 0) return null
    throw corrupt(`${name}: ${key} is missing, and ${keys[occupied]!.log} holds data`)
  }
  if (state === 'new') {
    const made = describeStore({ partitions, state: 'made' })
    if ((await become(known, made)) === 0 && (await read()) !== made) return null
  } else if ((await read()) !== known) return null
  return replies.map((reply, nr) => {
    const opened = checkPartition(`${name}, partition ${nr}`, keys[nr]!, nr, reply)
    return writer === 'guest' ? { ...opened, epoch: NO_EPOCH } : opened
  })
}

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
