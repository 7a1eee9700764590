/**
 * What is deleted of each id, in LMDB: `horizons: id -> deleted to, ended or not`, sealed as a head is. It is written at once,
 * not behind as the heads are, in transactions of its own that share the flush of the commits beside them: deletions that
 * come up while one is under way go together in the next.
 *
 * A horizon that were lost would bring back what was deleted, so how many there must be is stored exactly, per partition,
 * in the transaction that adds one.
 */

import type { Transaction } from 'lmdb'
import { toError } from '../../base/errors.ts'
import { hashOf, sealAsText, sealNumbers, unsealNumbers, unsealText } from '../codec/checksum.ts'
import { corrupt } from '../codec/frame.ts'
import type { Changed, WriteOutcome } from '../packed/engine.ts'
import {
  DEAD_HEAD,
  type Deletion,
  type Horizon,
  horizonName,
  horizonNumbers,
  horizonOf,
  isSameHorizon,
  NO_HORIZON,
} from '../packed/horizon.ts'
import { snapshotKey, snapshotNrsOf } from './keys.ts'
import type { Growth } from './room.ts'
import { entriesOf, type Tables } from './tables.ts'

/** A transaction of one partition, conditional on the epoch. */
export type EpochWrite = (partition: number, epoch: number, growth: Growth, put: () => void) => Promise<WriteOutcome>

interface Waiting {
  readonly deletion: Deletion
  readonly resolve: (outcome: WriteOutcome | Changed) => void
  readonly reject: (error: Error) => void
}

const DELETIONS_PER_WRITE = 1_024

export class Horizons {
  readonly #name: string
  readonly #tables: Tables
  readonly #write: EpochWrite
  /** How many each partition has. */
  readonly #counts: number[]
  readonly #waiting: Waiting[][]
  readonly #busy: boolean[]

  /** **Errors**: JOURNAL_CORRUPT where one is gone. */
  constructor(name: string, tables: Tables, partitions: number, write: EpochWrite) {
    this.#name = name
    this.#tables = tables
    this.#write = write
    this.#counts = Array.from({ length: partitions }, (_, nr) => storedCount(name, tables, nr))
    this.#waiting = this.#counts.map(() => [])
    this.#busy = this.#counts.map(() => false)
    checkCount(name, this.#counts, entriesOf(tables.horizons))
  }

  mayHave(partition: number): boolean {
    return this.#counts[partition] !== 0
  }

  /** **Errors**: JOURNAL_CORRUPT. */
  get(persistenceId: string): Horizon {
    const stored = this.#tables.horizons.getBinary(persistenceId)
    if (stored === undefined) return NO_HORIZON
    return unsealHorizon(this.#name, persistenceId, stored)
  }

  /** The ids that are deleted one moment and written in the next have their deletion checked in its turn. */
  delete(deletion: Deletion): Promise<WriteOutcome | Changed> {
    return new Promise((resolve, reject) => {
      this.#waiting[deletion.partition]!.push({ deletion, resolve, reject })
      if (!this.#busy[deletion.partition]) void this.#writeWaiting(deletion.partition)
    })
  }

  async #writeWaiting(nr: number): Promise<void> {
    this.#busy[nr] = true
    for (let left = this.#waiting[nr]!; left.length > 0; left = this.#waiting[nr]!) {
      this.#waiting[nr] = left.slice(DELETIONS_PER_WRITE)
      await this.#writeGroup(nr, left.slice(0, DELETIONS_PER_WRITE))
    }
    this.#busy[nr] = false
  }

  /** One transaction; whoever asks for an id that is in it already, or has moved on, is told to look again. */
  async #writeGroup(nr: number, group: readonly Waiting[]): Promise<void> {
    const written = new Map<string, Waiting>()
    try {
      for (const each of group) {
        const { persistenceId, from } = each.deletion
        if (written.has(persistenceId) || !isSameHorizon(this.get(persistenceId), from))
          each.resolve({ status: 'changed' })
        else written.set(persistenceId, each)
      }
      const [first] = written.values()
      if (first === undefined) return
      const outcome = await this.#writeDeletions(
        nr,
        first.deletion.epoch,
        [...written.values()].map(each => each.deletion),
      )
      for (const { resolve } of written.values()) resolve(outcome)
    } catch (thrown) {
      for (const { reject } of group) reject(toError(thrown))
    }
  }

  async #writeDeletions(nr: number, epoch: number, deletions: readonly Deletion[]): Promise<WriteOutcome> {
    const { horizons, heads, snapshots, meta } = this.#tables
    const gone = deletions.flatMap(({ persistenceId, to }) =>
      snapshotNrsOf(snapshots, persistenceId)
        .filter(sequenceNr => to.tombstoned || sequenceNr < to.deletedTo)
        .map(sequenceNr => snapshotKey(persistenceId, sequenceNr)),
    )
    const count = this.#counts[nr]! + deletions.filter(({ from }) => isSameHorizon(from, NO_HORIZON)).length
    const outcome = await this.#write(nr, epoch, growthOf(2 * deletions.length, gone.length), () => {
      for (const { persistenceId, to } of deletions) {
        horizons.put(persistenceId, sealNumbers(hashOf(horizonName(persistenceId)), ...horizonNumbers(to)))
        if (to.tombstoned)
          heads.put(persistenceId, sealNumbers(hashOf(persistenceId), DEAD_HEAD.sequenceNr, DEAD_HEAD.block))
      }
      for (const key of gone) snapshots.remove(key)
      meta.put(countName(nr), sealAsText(hashOf(countName(nr)), count, 0))
    })
    if (outcome.status === 'written') this.#counts[nr] = count
    return outcome
  }
}

/** All horizons of a store as `transaction` sees them. **Errors**: JOURNAL_CORRUPT, also where one is gone. */
export function* storedHorizons(
  name: string,
  tables: Tables,
  partitions: number,
  transaction: Transaction,
): Iterable<readonly [persistenceId: string, horizon: Horizon]> {
  let found = 0
  for (const { key, value } of tables.horizons.getRange({ start: FIRST_ID, transaction })) {
    found++
    yield [key, unsealHorizon(name, key, value)]
  }
  const counts = Array.from({ length: partitions }, (_, nr) => storedCount(name, tables, nr, transaction))
  checkCount(name, counts, found)
}

/** No id is before it. Without one lmdb-js begins with a key that is no text. */
const FIRST_ID = '\u0000'

const unsealHorizon = (name: string, persistenceId: string, stored: Buffer): Horizon => {
  const numbers = unsealNumbers(hashOf(horizonName(persistenceId)), stored)
  if (numbers === null) throw corrupt(`${name}: the horizon of ${persistenceId} does not match its checksum`)
  return horizonOf(numbers)
}

const storedCount = (name: string, { meta }: Tables, nr: number, transaction?: Transaction): number => {
  const text = meta.get(countName(nr), transaction && { transaction })
  if (text === undefined) return 0
  const numbers = unsealText(hashOf(countName(nr)), text)
  if (numbers === null) throw corrupt(`${name}, partition ${nr}: the number of horizons reads ${text.slice(0, 50)}`)
  return numbers[0]
}

const checkCount = (name: string, counts: readonly number[], found: number): void => {
  const expected = counts.reduce((sum, count) => sum + count, 0)
  if (found !== expected)
    throw corrupt(`${name}: there are ${found} horizons of deleted records, and should be ${expected}`)
}

/** Each entry that is put may split a leaf page of its own, each that goes changes one. */
const growthOf = (puts: number, removals: number): Growth => ({
  values: new Array<number>(2 * puts + removals).fill(0),
  heads: 0,
  headBytes: 0,
})

const countName = (nr: number): string => `horizons of ${nr}`
