import { createHash } from 'node:crypto'
import { type ProjectionDefinition, projection, put, sortable } from 'troupe/projection'
import type {
  ApplicationEvent,
  AssessRisk,
  CalculatePremiumRate,
  EvaluateQuote,
  PremiumRateCalculated,
  RiskAssessed,
} from '../../actors/index.ts'

/** One record of the log that concerns an application: what, who, when, and what it came from. */
export interface AuditRow {
  readonly recordId: string
  readonly record: 'event' | 'command'
  readonly type: string
  readonly applicationId: string
  /** The actor that decided it. */
  readonly actor: string
  readonly partition: number
  readonly position: number
  readonly timeMs: number
  /** The person, where one decided; null: an actor by its rules. */
  readonly who: string | null
  /** On whose behalf the request came that it all began with: the caller's name. Null: nobody in particular asked. */
  readonly principal: string | null
  /** What that person, or the rules, gave as reason. */
  readonly why: readonly string[]
  /** The record or request that led to it; null for the first of a flow. */
  readonly causationId: string | null
  readonly correlationId: string | null
  /** The bridge that delivered what led to it; null: the door. */
  readonly source: string | null
}

type Audited =
  | ApplicationEvent
  | RiskAssessed
  | PremiumRateCalculated
  | AssessRisk
  | CalculatePremiumRate
  | EvaluateQuote

/** Who did what to an application, when and why; commands too, so that the chain of causes is whole in both modes. */
export const auditView: ProjectionDefinition<Audited, AuditRow> = projection<Audited, AuditRow>({
  name: 'audit',
  version: 2,
  events: [
    'ApplicationSubmitted',
    'RiskAssessed',
    'PremiumRateCalculated',
    'QuoteGenerated',
    'ApplicationDeclined',
    'ApplicationReferred',
    'ApplicationWithdrawn',
  ],
  commands: ['risk', 'premium', 'underwriting'],
  project: (record, about) => {
    const { applicationId, type } = record
    const { eventId, kind, id, partition, position, timeMs, principal, causationId, correlationId, source } = about
    const row: AuditRow = {
      recordId: eventId,
      record: about.record,
      type,
      applicationId,
      actor: `${kind}|${id}`,
      partition,
      position,
      timeMs,
      who: 'underwriter' in record ? record.underwriter : null,
      principal,
      why: reasonsOf(record),
      causationId,
      correlationId,
      source,
    }
    return [put(eventId, row)]
  },
  indexes: {
    application: row => auditPrefix(row.applicationId) + sortable(row.timeMs),
    principal: row => (row.principal === null ? null : auditPrefix(row.principal) + sortable(row.timeMs)),
    underwriter: row => (row.who === null ? null : auditPrefix(row.who) + sortable(row.timeMs)),
  },
})

/** Of an id there are no more. Twice as many, as a name may have, would leave an index entry no room. */
const SPELT_BYTES_MAX = 384

/** An id or a name may be any text, and a name may be long; an index key may be neither. */
export const auditPrefix = (text: string): string => {
  const bytes = Buffer.from(text)
  if (bytes.length <= SPELT_BYTES_MAX) return `${bytes.toString('base64url')}|`
  return `sha256.${createHash('sha256').update(bytes).digest('base64url')}|`
}

const reasonsOf = (record: Audited): readonly string[] => {
  if ('underwriterReason' in record && record.underwriterReason !== null) return [record.underwriterReason]
  if ('reasons' in record) return record.reasons
  return record.type === 'ApplicationWithdrawn' ? [record.reason] : []
}
