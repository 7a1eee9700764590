/** What leaves a journal: records of an id, an id for good, and closed segments of the log. */

import { assert } from '../../base/assert.ts'
import { randomId, systemRandom } from '../../base/ports.ts'
import type { RolledOut } from '../../persistence/journal.ts'
import type { Archive } from './archive.ts'
import type { Engine, Head } from './engine.ts'
import { DEAD_HEAD, type Horizon } from './horizon.ts'
import { headIn, horizonIn, type OpenPartition, settle } from './open-partition.ts'
import { rollOutPartition } from './roll-out.ts'

/** **Errors** of all it does: those of the journal's calls. */
export class Forgetting {
  readonly #engine: Engine
  readonly #archive: Archive
  readonly #checkWritable: (nr: number) => void

  /** `checkWritable` throws once the journal is closing, or was fenced: no further segment leaves then. */
  constructor(engine: Engine, archive: Archive, checkWritable: (nr: number) => void) {
    this.#engine = engine
    this.#archive = archive
    this.#checkWritable = checkWritable
  }

  /** As of `Journal.deleteTo`. */
  deleteTo(partition: OpenPartition, persistenceId: string, sequenceNr: number): Promise<void> {
    return this.#forget(partition, persistenceId, (head, { deletedTo, tombstoned }) => {
      const to = Math.min(sequenceNr, head.sequenceNr)
      return tombstoned || to <= deletedTo ? null : { deletedTo: to, tombstoned }
    })
  }

  /** As of `Journal.tombstone`, while nothing else is written to the partition. */
  async tombstone(partition: OpenPartition, persistenceId: string): Promise<void> {
    await this.#forget(partition, persistenceId, (head, { tombstoned }) =>
      tombstoned ? null : { deletedTo: head.sequenceNr, tombstoned: true },
    )
    const entry = partition.heads.peek(persistenceId)
    if (entry === undefined) return
    entry.sequenceNr = DEAD_HEAD.sequenceNr
    entry.block = DEAD_HEAD.block
  }

  /** As of `Journal.rollOut`, one at a time. */
  async rollOut(partition: OpenPartition): Promise<RolledOut> {
    const { nr, epoch, heads, gate } = partition
    const { lastPosition, incarnation } = await gate.alone(async () => {
      const { lastPosition } = partition
      const drawn = randomId(systemRandom)
      const begun = await this.#engine.beginRollOut({ partition: nr, epoch, lastPosition, dirty: heads.dirty(), drawn })
      if (begun.status === 'ready') return { lastPosition, incarnation: begun.incarnation }
      settle(this.#engine.name, partition, begun)
      assert(false, `${this.#engine.name}, partition ${nr}: a roll-out that began was answered with ${begun.status}`)
    })
    return rollOutPartition({
      nr,
      engine: this.#engine,
      archive: this.#archive,
      incarnation,
      lastPosition,
      cursors: await this.#engine.cursors(nr),
      giveUp: segment => {
        this.#checkWritable(nr)
        return gate.alone(async () => {
          settle(
            this.#engine.name,
            partition,
            await this.#engine.rollOut({ partition: nr, epoch, lastPosition, segment }),
          )
        })
      },
    })
  }

  /** Moves a horizon to where `decide` wants it, if anywhere: as often as others have moved it, or the head, meanwhile. */
  async #forget(
    partition: OpenPartition,
    persistenceId: string,
    decide: (head: Head, horizon: Horizon) => Horizon | null,
  ): Promise<void> {
    const { nr, epoch } = partition
    for (;;) {
      const [head, from] = await Promise.all([
        headIn(this.#engine, partition, persistenceId),
        horizonIn(this.#engine, nr, persistenceId),
      ])
      const to = decide(head, from)
      if (to === null) return
      const { lastPosition } = partition
      const outcome = await this.#engine.delete({ partition: nr, epoch, lastPosition, persistenceId, from, head, to })
      if (outcome.status !== 'changed' && settle(this.#engine.name, partition, outcome)) return
    }
  }
}
