import type { RuntimeError } from '../../base/errors.ts'
import type { Cancel, Clock } from '../../base/ports.ts'
import { Deferral } from '../lib/deferral.ts'
import { bind, TemporaryReference, targetOf } from '../lib/references.ts'
import { findQueriesIn } from './references-in.ts'

/** Queries that are not settled: while there are none, nobody looks whether one is handed on. */
let open = 0
/** Messages that could not be looked through. Whoever was sent one may hold the reference of any query that was open then. */
let opaqueMessages = 0

/**
 * One query: whoever dispatches to its reference answers it. It fails before its time is over when the actor that was asked
 * failed or stopped, unless its reference was handed on to somebody who may still answer.
 */
export class Query {
  readonly reference: TemporaryReference
  private isHandedOn = false
  private opaqueBefore = opaqueMessages
  private isSettled = false
  private readonly whenSettled: (query: Query) => void
  private readonly cancelTimeout: Cancel
  private readonly answer = new Deferral()

  constructor(reference: TemporaryReference, timeoutMs: number, clock: Clock, whenSettled: (query: Query) => void) {
    this.reference = reference
    this.whenSettled = whenSettled
    this.cancelTimeout = clock.after(timeoutMs, () => this.fail(new Error('Query Timeout')))
    open++
    bind(reference, this)
  }

  get promise(): Promise<unknown> {
    return this.answer.promise
  }

  /** Somebody beside the actor that was asked may answer. */
  get mayBeElsewhere(): boolean {
    return this.isHandedOn || opaqueMessages !== this.opaqueBefore
  }

  handOn(): void {
    this.isHandedOn = true
  }

  /** The message that asks is on its way; that it holds this query's own reference is no handing on. */
  noteAsked(message: unknown): void {
    const { isHandedOn } = this
    const before = opaqueMessages
    noteHandedOn(message, undefined)
    this.isHandedOn = isHandedOn
    this.opaqueBefore += opaqueMessages - before
  }

  dispatch(answer: unknown): void {
    if (!this.settle()) return
    this.answer.resolve(answer)
  }

  fail(error: Error): void {
    if (!this.settle()) return
    this.answer.reject(error)
  }

  private settle(): boolean {
    if (this.isSettled) return false
    this.isSettled = true
    open--
    this.cancelTimeout()
    bind(this.reference, undefined)
    this.whenSettled(this)
    return true
  }
}

/** A message is on its way: the queries that its receiver can answer are so many more hands. */
export const noteHandedOn = (message: unknown, sender: unknown): void => {
  if (open === 0) return
  if (sender instanceof TemporaryReference) handOn(sender)
  if (!findQueriesIn(message, handOn)) opaqueMessages++
}

const handOn = (reference: TemporaryReference): void => {
  const query = targetOf(reference)
  if (query instanceof Query) query.handOn()
}

/** The message that `sender` waits for an answer to will not be answered by the actor that had it. */
export const failQueryOf = (sender: unknown, error: () => RuntimeError): void => {
  if (open === 0 || !(sender instanceof TemporaryReference)) return
  const query = targetOf(sender)
  if (query instanceof Query && !query.mayBeElsewhere) query.fail(error())
}
