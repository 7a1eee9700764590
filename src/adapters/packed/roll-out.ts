/**
 * Rolls the closed segments of a partition out, the oldest first: one that holds something goes to a file of the archive, one
 * whose records are all deleted goes for good, once every stored cursor has passed it. The file is whole and on the disk
 * before the store gives its blocks up, and both happen under the writer's epoch: cut short anywhere, the segment is in the
 * store, or in its file, or in both, and the next try goes on there.
 */

import { systemExecutor } from '../../base/ports.ts'
import type { Cursors, RolledOut } from '../../persistence/journal.ts'
import { Block, type BlockIndex } from '../codec/block.ts'
import { corrupt } from '../codec/frame.ts'
import type { Archive } from './archive.ts'
import type { Engine, StoredBlock } from './engine.ts'
import { beginAfter, type Segment } from './segment.ts'
import { writeSegmentFile } from './segment-file.ts'

/** What it needs to know of the partition. */
export interface RollingOut {
  readonly nr: number
  readonly engine: Engine
  readonly archive: Archive
  readonly incarnation: string
  /** The log's last position: the block that holds it stays. */
  readonly lastPosition: number
  readonly cursors: Cursors
  /** Writes the segment's entry and removes its blocks from the store. */
  readonly giveUp: (segment: Segment) => Promise<void>
}

/** So many at once are removed from a store, and have their places in memory while their file is read. */
export const SEGMENT_BLOCKS_MAX = 8_192
const BLOCKS_PER_PAGE = 16

export const rollOutPartition = async (place: RollingOut): Promise<RolledOut> => {
  const { nr, archive } = place
  const done = { archived: 0, dropped: 0, bytes: 0 }
  // As the store has them: an answer may have been lost that the last try waited for.
  archive.know(nr, await place.engine.segments(nr))
  for (;;) {
    const closed = await nextClosed(place, beginAfter(archive.segments(nr)))
    if (closed === null) return done
    const { segment, isDeleted } = closed
    if (isDeleted && isPassed(place.cursors, segment.lastPosition)) {
      await leaveStore(place, { ...segment, incarnation: null })
      done.dropped++
    } else if (archive.hasFolder) {
      const { firstPosition, lastPosition, blocks } = segment
      const { incarnation } = place
      await writeSegmentFile(
        archive.pathOf(nr, segment),
        { incarnation, partition: nr, firstPosition, lastPosition, blocks },
        segmentBlocks(place.engine, nr, segment),
      )
      await leaveStore(place, segment)
      done.archived++
    } else return done
    done.bytes += segment.bytes
  }
}

/** Readers are sent to the archive first: what they look for is there already. */
const leaveStore = async ({ nr, archive, giveUp }: RollingOut, segment: Segment): Promise<void> => {
  const before = archive.segments(nr)
  archive.know(nr, [...before, segment])
  try {
    await giveUp(segment)
  } catch (error) {
    archive.know(nr, before)
    throw error
  }
}

interface Closed {
  readonly segment: Segment
  /** Nothing that anybody may read by its id is in it. */
  readonly isDeleted: boolean
}

/** The segment that begins there; null where it is not full yet, or could go nowhere. */
const nextClosed = async (place: RollingOut, firstPosition: number): Promise<Closed | null> => {
  const { nr, engine, archive, incarnation } = place
  let [lastPosition, blocks, bytes, isDeleted] = [0, 0, 0, engine.mayHaveHorizons(nr)]
  for await (const stored of blocksFrom(engine, nr, firstPosition)) {
    const where = `${engine.name}, partition ${nr}, position ${stored.firstPosition}`
    const { index } = new Block(stored.packed, nr, stored.firstPosition, where)
    const next = blocks === 0 ? firstPosition : lastPosition + 1
    if (index.firstPosition !== next) throw corrupt(`${where}: the log goes on here, position ${next} is missing`)
    if (blocks === SEGMENT_BLOCKS_MAX || (blocks > 0 && bytes + stored.packed.length > archive.segmentBytes))
      return { segment: { firstPosition, lastPosition, blocks, bytes, incarnation }, isDeleted }
    if (index.lastPosition >= place.lastPosition) return null
    isDeleted &&= await allDeleted(engine, nr, index)
    if (!isDeleted && !archive.hasFolder) return null
    lastPosition = index.lastPosition
    blocks++
    bytes += stored.packed.length
  }
  return null
}

const allDeleted = async (engine: Engine, nr: number, index: BlockIndex): Promise<boolean> => {
  const horizons = await Promise.all(
    index.persistenceIds.toArray().map(persistenceId => engine.horizon(nr, persistenceId!)),
  )
  return horizons.every(
    ({ deletedTo, tombstoned }, i) => tombstoned || index.expectedSequenceNrs[i]! + index.recordCounts[i]! <= deletedTo,
  )
}

const isPassed = (cursors: Cursors, position: number): boolean => [...cursors.values()].every(at => at >= position)

/** The blocks of a segment that is still in the log. */
export async function* segmentBlocks(engine: Engine, nr: number, segment: Segment): AsyncIterable<StoredBlock> {
  for await (const block of blocksFrom(engine, nr, segment.firstPosition)) {
    if (block.firstPosition > segment.lastPosition) return
    yield block
  }
}

/** Pages of some blocks, with a turn for timers and sockets after each. */
async function* blocksFrom(engine: Engine, nr: number, firstPosition: number): AsyncIterable<StoredBlock> {
  for (let next = firstPosition; ; ) {
    const page = (await engine.blocks(nr, next, BLOCKS_PER_PAGE)).filter(block => block.firstPosition >= next)
    const last = page.at(-1)
    if (last === undefined) return
    yield* page
    next = last.firstPosition + 1
    await new Promise<void>(resolve => systemExecutor.later(resolve))
  }
}
