import type { Clock } from 'troupe'
import type { ApplicationRow } from '../../actors/index.ts'
import type { Tally } from './tally.ts'
import type { Waiting } from './waiting.ts'

/** Told of what a row was rejected for. */
export type OnRejected = (line: number, reasons: readonly string[]) => void

/**
 * Submits the rows, `concurrency` under way at once, until there are no more or `signal` aborts; what is under way then is
 * waited for. **Errors**: the first that a submission or the reading of a row failed with, once the others have ended.
 */
export const submitAll = async (
  rows: AsyncIterator<ApplicationRow>,
  waiting: Waiting,
  tally: Tally,
  clock: Clock,
  concurrency: number,
  onRejected: OnRejected,
  signal: AbortSignal,
): Promise<void> => {
  let failed = false
  const submitOneByOne = async (): Promise<void> => {
    while (!signal.aborted && !failed) {
      const next = await rows.next()
      if (next.done === true) return
      const { line, application, errors } = next.value
      if (application === null) {
        tally.countRejected()
        onRejected(line, errors)
        continue
      }
      const startMs = clock.monotonicMs()
      const result = await waiting.submit(application)
      if (result === null) {
        tally.countUnfinished()
        continue
      }
      tally.count(result, clock.monotonicMs() - startMs)
      if (result.outcome === 'rejected') onRejected(line, result.reasons)
    }
  }
  const lanes = Array.from({ length: concurrency }, () =>
    submitOneByOne().catch(error => {
      failed = true
      throw error
    }),
  )
  const ended = await Promise.allSettled(lanes)
  const failure = ended.find(lane => lane.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}
