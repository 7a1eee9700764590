import { type ProjectionDefinition, projection, put, remove, sortable } from 'troupe/projection'
import type { ApplicationWithdrawn, OutcomeEvent } from '../../actors/index.ts'

/** An application that waits for an underwriter. */
export interface ReferralRow {
  readonly applicationId: string
  readonly reasons: readonly string[]
  readonly purePremium: number
  readonly ttcCents: number
  readonly referredAtMs: number
}

/** What underwriters have to decide, the oldest first. */
export const referralsView: ProjectionDefinition<OutcomeEvent | ApplicationWithdrawn, ReferralRow> = projection<
  OutcomeEvent | ApplicationWithdrawn,
  ReferralRow
>({
  name: 'referrals',
  events: ['ApplicationReferred', 'QuoteGenerated', 'ApplicationDeclined', 'ApplicationWithdrawn'],
  kinds: ['application'],
  project: (event, { timeMs }) => {
    if (event.type !== 'ApplicationReferred') return [remove(event.applicationId)]
    const { applicationId, reasons, purePremium, ttcCents } = event
    return [put<ReferralRow>(applicationId, { applicationId, reasons, purePremium, ttcCents, referredAtMs: timeMs })]
  },
  indexes: { age: row => sortable(row.referredAtMs) },
})
