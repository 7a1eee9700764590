/**
 * What whoever opens a store in LMDB takes, reads and looks at before it may be written to: the epoch, the log after the last
 * checkpoint, and whether all is there that should be. **Errors**, of each: JOURNAL_CORRUPT, with the place.
 */

import { Block } from '../codec/block.ts'
import { hashOf, sealNumbers, unsealNumbers, unsealText } from '../codec/checksum.ts'
import { corrupt } from '../codec/frame.ts'
import type { Head } from '../packed/engine.ts'
import { logKey, positionOf } from './keys.ts'
import { entriesOf, type Tables } from './tables.ts'

/** A log after its last checkpoint. */
export interface Tail {
  readonly lastPosition: number
  readonly heads: Map<string, Head>
  readonly blocks: number
}

/** The next epoch of a partition, in the store as it is returned. `written`: the partition has been written to before. */
export const takeEpoch = (name: string, { epochs }: Tables, nr: number, written: boolean): number => {
  const stored = epochs.getEntry(nr)
  const where = `${name}, partition ${nr}`
  if (stored === undefined && written) throw corrupt(`${where}: its epoch is missing`)
  if (stored !== undefined && unsealNumbers(hashOf(epochName(nr)), stored.value)?.[0] !== stored.version)
    throw corrupt(`${where}: its epoch reads ${stored.version}, and its checksum is another's`)
  const epoch = (stored?.version ?? 0) + 1
  epochs.putSync(nr, sealNumbers(hashOf(epochName(nr)), epoch, 0), epoch)
  return epoch
}

/** The log begins where the last segment that has left it ended. */
export const checkStart = (name: string, { log }: Tables, nr: number, lastPosition: number, begin: number): void => {
  const [first] = log.getKeys({ start: logKey(nr, 0), end: logKey(nr + 1, 0), limit: 1 })
  const position = first === undefined ? 0 : positionOf(first)
  if (position !== (lastPosition === 0 ? 0 : begin))
    throw corrupt(`${name}, partition ${nr}: the log begins at position ${position}, and should at ${begin}`)
}

/** `blocks`: as many as the logs of all partitions should hold. */
export const checkNumbers = (name: string, tables: Tables, blocks: number): void => {
  const found = entriesOf(tables.log)
  if (found !== blocks) throw corrupt(`${name}: the logs hold ${found} blocks, and should hold ${blocks}`)
  const text = tables.meta.get('numbers')
  if (text === undefined) return
  const numbers = unsealText(hashOf('numbers'), text)
  if (numbers === null) throw corrupt(`${name}: the numbers of heads and cursors read ${text.slice(0, 50)}`)
  const [heads, cursors] = [entriesOf(tables.heads), entriesOf(tables.cursors)]
  if (heads < numbers[0]) throw corrupt(`${name}: there are ${heads} heads of ${numbers[0]}`)
  if (cursors < numbers[1]) throw corrupt(`${name}: there are ${cursors} cursors of ${numbers[1]}`)
}

/** Reads the log after the checkpoint: its end, and the heads that the index does not know yet. */
export const scanTail = (name: string, { log }: Tables, nr: number, checkpoint: number): Tail => {
  const heads = new Map<string, Head>()
  let blocks = 0
  let lastPosition = endAtCheckpoint(name, log, nr, checkpoint)
  for (const { key, value } of log.getRange({ start: logKey(nr, checkpoint + 1), end: logKey(nr + 1, 0) })) {
    const firstPosition = positionOf(key)
    const where = `${name}, partition ${nr}, position ${firstPosition}`
    if (firstPosition !== lastPosition + 1)
      throw corrupt(`${where}: the log goes on here, position ${lastPosition + 1} is missing`)
    const { index } = new Block(value, nr, firstPosition, where)
    for (const [i, persistenceId] of index.persistenceIds.toArray().entries())
      heads.set(persistenceId!, {
        sequenceNr: index.expectedSequenceNrs[i]! + index.recordCounts[i]!,
        block: firstPosition,
      })
    lastPosition = index.lastPosition
    blocks++
  }
  return { lastPosition, heads, blocks }
}

const endAtCheckpoint = (name: string, log: Tables['log'], nr: number, checkpoint: number): number => {
  if (checkpoint === 0) return 0
  for (const { key, value } of log.getRange({ start: logKey(nr, checkpoint), reverse: true, limit: 1 })) {
    const firstPosition = positionOf(key)
    const where = `${name}, partition ${nr}, position ${firstPosition}`
    if (key.readUInt32BE(0) === nr && new Block(value, nr, firstPosition, where).index.lastPosition === checkpoint)
      return checkpoint
  }
  throw corrupt(`${name}, partition ${nr}: the index is complete up to position ${checkpoint}, no block ends there`)
}

/** What an epoch's checksum covers besides the numbers: so that no other value passes for it. */
const epochName = (nr: number): string => `epoch ${nr}`
