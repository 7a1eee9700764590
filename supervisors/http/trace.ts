import type { AuditRow } from '../views/audit.ts'
import { placeText } from '../views/views.ts'

/** A record with how many causes lead to it from the first of its flow. */
export interface TracedRecord {
  readonly recordId: string
  readonly record: AuditRow['record']
  readonly type: string
  readonly actor: string
  readonly position: string
  readonly timeMs: number
  readonly who: string | null
  readonly principal: string | null
  readonly why: readonly string[]
  readonly source: string | null
  readonly causationId: string | null
  readonly depth: number
}

/**
 * The flow that the causation ids tell, as it was: each record behind the one that led to it, and those of one cause in the
 * order of time. It knows nothing of who steers.
 */
export const traceOf = (rows: readonly AuditRow[]): readonly TracedRecord[] => {
  const ids = new Set(rows.map(row => row.recordId))
  const ledTo = new Map<string | null, AuditRow[]>()
  for (const row of rows) {
    // A cause that is no record of this application is outside of its flow.
    const cause = row.causationId !== null && ids.has(row.causationId) ? row.causationId : null
    const others = ledTo.get(cause)
    if (others === undefined) ledTo.set(cause, [row])
    else others.push(row)
  }
  const traced: TracedRecord[] = []
  const add = (cause: string | null, depth: number): void => {
    for (const row of ledTo.get(cause) ?? []) {
      traced.push(tracedOf(row, depth))
      add(row.recordId, depth + 1)
    }
  }
  add(null, 0)
  return traced
}

const tracedOf = (row: AuditRow, depth: number): TracedRecord => ({
  recordId: row.recordId,
  record: row.record,
  type: row.type,
  actor: row.actor,
  position: placeText(row),
  timeMs: row.timeMs,
  who: row.who,
  principal: row.principal,
  why: row.why,
  source: row.source,
  causationId: row.causationId,
  depth,
})
