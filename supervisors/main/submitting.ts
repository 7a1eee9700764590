import type { Cancel, Clock } from 'troupe'
import type { ApplicationRow } from '../../actors/index.ts'
import { inPlainWords } from './reasons.ts'
import type { Tally } from './tally.ts'
import type { Waiting } from './waiting.ts'

/** How long the submissions that are under way have, once one has failed with more than its own row. Units: ms. */
const OTHERS_MS = 10_000

/** Told of what a row was rejected for. */
export type OnRejected = (line: number, reasons: readonly string[]) => void

/**
 * Submits the rows, `concurrency` under way at once, until there are no more or `signal` aborts; what is under way then is
 * waited for. Resolves with whether all rows were submitted. **Errors**: the first that a submission or the reading of a row
 * failed with, once the others have ended, and after ten seconds at the latest: what failed one may keep them from an end.
 */
export const submitAll = async (
  rows: AsyncIterator<ApplicationRow>,
  waiting: Waiting,
  tally: Tally,
  clock: Clock,
  concurrency: number,
  onRejected: OnRejected,
  signal: AbortSignal,
): Promise<boolean> => {
  let failed = false
  let failure: unknown
  let atEnd = false
  let giveUp = (): void => undefined
  let cancel: Cancel = () => undefined
  const givenUp = new Promise<void>(resolve => {
    giveUp = resolve
  })
  const underWay = new UnderWay()
  const submitOneByOne = async (): Promise<void> => {
    while (!signal.aborted && !failed) {
      const next = await rows.next()
      if (next.done === true) {
        atEnd = true
        return
      }
      const { line, application, errors } = next.value
      if (application === null) {
        tally.countRejected()
        onRejected(line, errors)
        continue
      }
      const startMs = clock.monotonicMs()
      const sameId = underWay.begin(application.applicationId)
      const result = await waiting.submit(application)
      if (result === null) tally.countUnfinished()
      else if (tally.count(result, clock.monotonicMs() - startMs, sameId.isCounted)) sameId.isCounted = true
      underWay.end(application.applicationId, sameId)
      if (result?.outcome === 'rejected') onRejected(line, result.reasons.map(inPlainWords))
    }
  }
  const lanes = Array.from({ length: concurrency }, () =>
    submitOneByOne().catch(error => {
      if (failed) return
      failed = true
      failure = error
      cancel = clock.after(OTHERS_MS, giveUp)
    }),
  )
  await Promise.race([Promise.all(lanes), givenUp])
  cancel()
  if (failed) throw failure
  return atEnd
}

/** Rows of one id that are under way together. All of them learn of the one decision that this run takes. */
interface SameId {
  count: number
  isCounted: boolean
}

class UnderWay {
  private readonly ids = new Map<string, SameId>()

  begin(id: string): SameId {
    const same = this.ids.get(id) ?? { count: 0, isCounted: false }
    same.count++
    this.ids.set(id, same)
    return same
  }

  end(id: string, same: SameId): void {
    if (--same.count === 0) this.ids.delete(id)
  }
}
