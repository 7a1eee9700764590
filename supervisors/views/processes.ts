import { type ProjectionDefinition, projection, sortable, update } from 'troupe/projection'
import type { ApplicationEvent, PremiumRateCalculated, RiskAssessed } from '../../actors/index.ts'

export const PROCESS_STEPS = ['assessing-risk', 'calculating-rate', 'evaluating-quote', 'ended'] as const
export type ProcessViewStep = (typeof PROCESS_STEPS)[number]

/** When an application got to each step, whoever steers; null: not yet. **Units**: ms since 1970. */
export interface ProcessRow {
  readonly applicationId: string
  readonly submittedAtMs: number | null
  readonly riskAtMs: number | null
  readonly rateAtMs: number | null
  readonly endedAtMs: number | null
}

type ProcessViewEvent = ApplicationEvent | RiskAssessed | PremiumRateCalculated

/**
 * Where the quote processes stand, in both modes: it goes by the contexts' own events. Those of one application lie in
 * several partitions, and there is no order between them: so each sets its own time, and the step is what follows from all.
 */
export const processesView: ProjectionDefinition<ProcessViewEvent, ProcessRow> = projection<
  ProcessViewEvent,
  ProcessRow
>({
  name: 'processes',
  events: [
    'ApplicationSubmitted',
    'RiskAssessed',
    'PremiumRateCalculated',
    'QuoteGenerated',
    'ApplicationDeclined',
    'ApplicationReferred',
    'ApplicationWithdrawn',
  ],
  kinds: ['application', 'risk', 'premium'],
  project: (event, { timeMs }) => [
    update(event.applicationId, row => {
      const times = row ?? { ...NONE, applicationId: event.applicationId }
      const field = FIELD_OF[event.type]
      // The first time counts: a process that has ended does not end again with an underwriter's word.
      return times[field] === null ? { ...times, [field]: timeMs } : times
    }),
  ],
  indexes: { step: row => `${stepOf(row)}|${sortable(row.submittedAtMs ?? 0)}` },
})

/** The step that it was at then; null: not begun. */
export const stepAt = (row: ProcessRow, timeMs: number): ProcessViewStep | null => {
  const was = (atMs: number | null): number | null => (atMs !== null && atMs <= timeMs ? atMs : null)
  if (was(row.submittedAtMs) === null) return null
  return stepOf({
    ...row,
    riskAtMs: was(row.riskAtMs),
    rateAtMs: was(row.rateAtMs),
    endedAtMs: was(row.endedAtMs),
  })
}

export const stepOf = (row: ProcessRow): ProcessViewStep => {
  if (row.endedAtMs !== null) return 'ended'
  if (row.rateAtMs !== null) return 'evaluating-quote'
  return row.riskAtMs !== null ? 'calculating-rate' : 'assessing-risk'
}

const NONE = { submittedAtMs: null, riskAtMs: null, rateAtMs: null, endedAtMs: null }

const FIELD_OF = {
  ApplicationSubmitted: 'submittedAtMs',
  RiskAssessed: 'riskAtMs',
  PremiumRateCalculated: 'rateAtMs',
  QuoteGenerated: 'endedAtMs',
  ApplicationDeclined: 'endedAtMs',
  ApplicationReferred: 'endedAtMs',
  ApplicationWithdrawn: 'endedAtMs',
} as const
