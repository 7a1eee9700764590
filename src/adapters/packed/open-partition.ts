/** A partition as its writer keeps it while the journal is open: what every write builds on, and what its outcome says of it. */

import { unreachable } from '../../base/assert.ts'
import { RuntimeError } from '../../base/errors.ts'
import type { AskedTogether } from './asked-together.ts'
import type { Engine, Head, WriteOutcome } from './engine.ts'
import type { HeadTable } from './head-table.ts'
import { type Horizon, NO_HORIZON } from './horizon.ts'
import type { WriteGate } from './write-gate.ts'

export interface OpenPartition {
  readonly nr: number
  readonly epoch: number
  lastPosition: number
  rotatedAt: number
  readonly heads: HeadTable
  readonly questions: AskedTogether<string, Head>
  /** Commits are counted, so that what a failed one left in the heads is told from what the present one put there. */
  commits: number
  readonly gate: WriteGate
  committing: boolean
  /** The epoch that took over; 0: the store has none any more; null: nobody did. */
  fencedBy: number | null
  /** Where the log ends that was at `lastPosition`: the server has lost what lay between. */
  wentBackTo: number | null
}

/** True when it is written; false when others moved the log, which is taken note of. **Errors**: JOURNAL_FENCED, also where
 * the log has gone back. */
export const settle = (name: string, partition: OpenPartition, outcome: WriteOutcome): boolean => {
  switch (outcome.status) {
    case 'written':
      return true
    case 'fenced':
      partition.fencedBy = outcome.epoch
      throw fenced(name, partition)
    case 'moved':
      if (outcome.lastPosition < partition.lastPosition) {
        partition.wentBackTo = outcome.lastPosition
        throw fenced(name, partition)
      }
      partition.lastPosition = outcome.lastPosition
      for (const [persistenceId, head] of outcome.heads) {
        const entry = partition.heads.get(persistenceId)
        if (entry === undefined) continue
        entry.sequenceNr = head.sequenceNr
        entry.block = head.block
      }
      return false
    default:
      return unreachable(outcome, 'outcome of a write')
  }
}

/** **Errors**: JOURNAL_FENCED. */
export const checkNotFenced = (name: string, partition: OpenPartition): void => {
  if (partition.fencedBy !== null || partition.wentBackTo !== null) throw fenced(name, partition)
}

export const fenced = (
  name: string,
  { nr, epoch, fencedBy, lastPosition, wentBackTo }: OpenPartition,
): RuntimeError => {
  if (wentBackTo !== null)
    return new RuntimeError(
      'JOURNAL_FENCED',
      `${name}, partition ${nr}: the log ends at position ${wentBackTo}, and ${lastPosition} had been written. ` +
        'The server came back without what it had acknowledged: what it keeps over its own end is set too low. ' +
        'This process knows too much to go on: start it again, or restore the store from a backup.',
    )
  return new RuntimeError('JOURNAL_FENCED', `${name}, partition ${nr}: ${whyFenced(fencedBy!, epoch)}`)
}

/** Epochs only grow, so a lower one was known before: the store is an earlier one of itself, or another. */
const whyFenced = (found: number, epoch: number): string => {
  if (found > epoch)
    return `epoch ${found} has taken over from ${epoch}. Another process opened this store for writing: stop this one.`
  return found === 0
    ? `the store no longer knows epoch ${epoch}, or any. Its keys were deleted while it was open: stop this process, and restore the store from a backup.`
    : `the store no longer knows epoch ${epoch}, only ${found}. The server came back without what it had acknowledged: start this process again, or restore the store from a backup.`
}

/** Where an id stands. */
export const headIn = (engine: Engine, partition: OpenPartition, persistenceId: string): Head | Promise<Head> => {
  // Where others may write, what is in memory is only likely.
  if (engine.shared) return partition.questions.ask(persistenceId)
  const entry = partition.heads.peek(persistenceId)
  if (entry !== undefined) return entry
  const asked = engine.heads(partition.nr, [persistenceId])
  return asked instanceof Promise ? asked.then(([head]) => head!) : asked[0]!
}

/** What is deleted of an id; where nothing of its partition is, nobody asks. */
export const horizonIn = (engine: Engine, nr: number, persistenceId: string): Horizon | Promise<Horizon> =>
  engine.mayHaveHorizons(nr) ? engine.horizon(nr, persistenceId) : NO_HORIZON
