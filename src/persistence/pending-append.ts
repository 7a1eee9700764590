import type { RuntimeError } from '../base/errors.ts'
import type { Append, Handled, HandledId, NewRecord, StoredAppend } from './journal.ts'

/** Whoever made an append, to be told how it ended; called once, in the order of the appends of one id. */
export interface AppendOwner {
  appended(append: PendingAppend): void
  /** `error` is WRITE_REJECTED for one that was not sent, since one of the same id before it failed. */
  appendFailed(append: PendingAppend, error: RuntimeError): void
}

/** An append on its way into the log. Once written it is the stored append: no copy is made. */
export class PendingAppend implements StoredAppend {
  readonly persistenceId: string
  readonly expectedSequenceNr: number
  readonly appendId: string
  readonly timeMs: number
  readonly causationId: string | null
  readonly correlationId: string | null
  readonly traceParent: string | null
  readonly principal: string | null
  readonly handled: Handled | HandledId | null
  readonly compensates: string | null
  readonly records: readonly NewRecord[]
  readonly owner: AppendOwner
  partition = 0
  /** 0 until it is written. */
  position = 0

  constructor(append: Append, owner: AppendOwner) {
    this.persistenceId = append.persistenceId
    this.expectedSequenceNr = append.expectedSequenceNr
    this.appendId = append.appendId
    this.timeMs = append.timeMs
    this.causationId = append.causationId
    this.correlationId = append.correlationId
    this.traceParent = append.traceParent
    this.principal = append.principal
    this.handled = append.handled
    this.compensates = append.compensates
    this.records = append.records
    this.owner = owner
  }
}
