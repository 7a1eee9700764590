import { type ProjectionDefinition, projection, sortable, update } from 'troupe/projection'
import type { ApplicationEvent, Cents, OutcomeEvent } from '../../actors/index.ts'

/** An application that has an outcome, as it stands. */
export interface QuoteRow {
  readonly applicationId: string
  readonly region: string
  readonly status: 'submitted' | 'quoted' | 'declined' | 'referred' | 'withdrawn'
  readonly reasons: readonly string[]
  readonly purePremium: number | null
  readonly ttcCents: Cents | null
  readonly tariffVersion: string | null
  readonly submittedAtMs: number
  /** Of the last outcome; null: none yet. */
  readonly decidedAtMs: number | null
  readonly validUntilMs: number | null
  readonly underwriter: string | null
  readonly underwriterReason: string | null
}

export const QUOTE_STATUSES = ['quoted', 'declined', 'referred', 'withdrawn'] as const
export const QUOTE_SORTS = ['decided', 'premium'] as const

/** Which index serves a query: what is filtered by leads its keys, and what it is sorted by follows. */
export const quoteIndex = (sort: (typeof QUOTE_SORTS)[number], filters: readonly ('status' | 'region')[]): string =>
  [...filters, sort].join('-')

/** What index keys of a query begin with. */
export const quotePrefix = (values: readonly string[]): string => values.map(value => `${value}|`).join('')

/** Outcomes by status and region, in the order of their time or premium. */
export const quotesView: ProjectionDefinition<ApplicationEvent, QuoteRow> = projection<ApplicationEvent, QuoteRow>({
  name: 'quotes',
  events: [
    'ApplicationSubmitted',
    'QuoteGenerated',
    'ApplicationDeclined',
    'ApplicationReferred',
    'ApplicationWithdrawn',
  ],
  kinds: ['application'],
  project: (event, { timeMs }) => [update(event.applicationId, row => after(row, event, timeMs))],
  indexes: Object.fromEntries(
    QUOTE_SORTS.flatMap(sort =>
      ([[], ['status'], ['region'], ['status', 'region']] as const).map(filters => [
        quoteIndex(sort, filters),
        (row: QuoteRow) => indexKey(row, sort, filters),
      ]),
    ),
  ),
})

const indexKey = (
  row: QuoteRow,
  sort: (typeof QUOTE_SORTS)[number],
  filters: readonly ('status' | 'region')[],
): string | null => {
  const value = sort === 'decided' ? row.decidedAtMs : row.ttcCents
  if (row.decidedAtMs === null || value === null) return null
  return quotePrefix(filters.map(filter => row[filter])) + sortable(value)
}

const after = (row: QuoteRow | null, event: ApplicationEvent, timeMs: number): QuoteRow | null => {
  switch (event.type) {
    case 'ApplicationSubmitted':
      return {
        applicationId: event.applicationId,
        region: event.region,
        status: 'submitted',
        reasons: [],
        purePremium: null,
        ttcCents: null,
        tariffVersion: null,
        submittedAtMs: timeMs,
        decidedAtMs: null,
        validUntilMs: null,
        underwriter: null,
        underwriterReason: null,
      }
    case 'QuoteGenerated':
      return withOutcome(row, event, { status: 'quoted', reasons: [], validUntilMs: event.validUntilMs }, timeMs)
    case 'ApplicationDeclined':
      return withOutcome(row, event, { status: 'declined', reasons: event.reasons, validUntilMs: null }, timeMs)
    case 'ApplicationReferred':
      return withOutcome(row, event, { status: 'referred', reasons: event.reasons, validUntilMs: null }, timeMs)
    case 'ApplicationWithdrawn':
      if (row === null) return null
      return { ...row, status: 'withdrawn', reasons: [event.reason], decidedAtMs: timeMs, validUntilMs: null }
  }
}

/** An application's events are in one partition, in order: it was submitted before. */
const withOutcome = (
  row: QuoteRow | null,
  event: OutcomeEvent,
  outcome: Pick<QuoteRow, 'status' | 'reasons' | 'validUntilMs'>,
  timeMs: number,
): QuoteRow | null =>
  row === null
    ? null
    : {
        ...row,
        ...outcome,
        purePremium: event.purePremium,
        ttcCents: event.ttcCents as Cents,
        tariffVersion: event.tariffVersion,
        decidedAtMs: timeMs,
        underwriter: event.underwriter,
        underwriterReason: event.underwriterReason,
      }
