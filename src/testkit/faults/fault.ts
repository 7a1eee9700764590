import { RuntimeError } from '../../base/errors.ts'
import type { Clock } from '../../base/ports.ts'

/**
 * What becomes of one operation. In this order: `wait`, `delayMs`, the crash or failure `before`, the operation (twice for
 * `duplicate`, not at all for `drop`), the crash or failure `after`, `hold`, `answerDelayMs`.
 */
export interface Fault {
  /** `before`: it never reaches the one it was for. `after`: it is done and the answer is lost. */
  readonly fail?: 'before' | 'after'
  /** What it fails with. Default: JOURNAL_UNAVAILABLE for journals, an Error that says so for others. */
  readonly error?: Error
  /** Fails at once, in place of a promise that rejects: for those of its callers that may be told so. */
  readonly throws?: boolean
  /** Never answers: before or after it was done. */
  readonly hang?: 'before' | 'after'
  /** Comes later. Units: ms. */
  readonly delayMs?: number
  /** Its answer comes later. Units: ms. */
  readonly answerDelayMs?: number
  /** It comes twice. */
  readonly duplicate?: boolean
  /** It does not come, and whoever sent it is told that all is well, where that can be said. */
  readonly drop?: boolean
  /** Called before or after it is done: end a process, kill an actor, stop a server. Then the operation hangs. */
  readonly crash?: { readonly at: 'before' | 'after'; readonly run: () => void }
  /** Waited for before the operation reaches the one it is for. */
  readonly wait?: Promise<unknown>
  /** Waited for between the effect and the answer. */
  readonly hold?: Promise<unknown>
}

/** Asked for every operation. */
export type FaultPlan<Operation extends string = string> = (operation: Operation) => Fault | null

/** Does `run` as `fault` says, if there is one. `dropped` is the answer of what never came. */
export const underFault = <Result>(
  operation: string,
  fault: Fault | null,
  clock: Clock,
  run: () => Promise<Result>,
  dropped: () => Result,
): Promise<Result> => {
  if (fault === null) return run()
  if (fault.throws === true) throw failureOf(operation, fault)
  return stepByStep(operation, fault, clock, run, dropped)
}

const stepByStep = async <Result>(
  operation: string,
  fault: Fault,
  clock: Clock,
  run: () => Promise<Result>,
  dropped: () => Result,
): Promise<Result> => {
  if (fault.wait !== undefined) await fault.wait
  if (fault.delayMs !== undefined) await pause(clock, fault.delayMs)
  if (fault.crash?.at === 'before') return gone(fault.crash.run)
  if (fault.fail === 'before') throw failureOf(operation, fault)
  if (fault.hang === 'before') return never()
  let result = fault.drop === true ? dropped() : await run()
  if (fault.duplicate === true) result = await run()
  if (fault.crash?.at === 'after') return gone(fault.crash.run)
  if (fault.hold !== undefined) await fault.hold
  if (fault.answerDelayMs !== undefined) await pause(clock, fault.answerDelayMs)
  if (fault.hang === 'after') return never()
  if (fault.fail === 'after') throw failureOf(operation, fault)
  return result
}

export const failureOf = (operation: string, fault: Fault): Error =>
  fault.error ??
  new RuntimeError('JOURNAL_UNAVAILABLE', `${operation}: no answer (an injected fault, ${fault.fail} the effect)`, {
    retryable: true,
  })

export const never = <Result>(): Promise<Result> => new Promise<Result>(() => undefined)

export const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise(resolve => {
    clock.after(ms, resolve)
  })

const gone = <Result>(crash: () => void): Promise<Result> => {
  crash()
  return never()
}
