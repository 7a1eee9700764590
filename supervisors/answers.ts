import type { RequestResult } from 'troupe/messaging'
import type { ApplicationReply, ApplicationWithdrawn, OutcomeEvent } from '../actors/index.ts'

export type Outcome = 'quoted' | 'declined' | 'referred' | 'withdrawn'

/** It is not valid, or the domain refused it; nothing was stored. */
export interface Rejected {
  readonly outcome: 'rejected'
  readonly reasons: readonly string[]
}

/** What became of a submitted application. `known`: it was decided before this call. `describe` tells the premium. */
export type SubmitResult = { readonly outcome: Outcome; readonly known: boolean } | Rejected

/** What became of an underwriter's decision. */
export type ReferralResult = { readonly outcome: 'quoted' | 'declined' } | Rejected

/** What became of a withdrawal. */
export type WithdrawalResult = { readonly outcome: 'withdrawn' } | Rejected

/** The result that the door's answer to a submission holds; null: the application is under way. */
export const resultOfAnswer = (answer: RequestResult<ApplicationReply>): SubmitResult | null => {
  const rejected = rejectedBy(answer)
  if (rejected !== null) return rejected
  const outcome = outcomeOf(answer)
  return outcome === null ? null : { outcome, known: true }
}

export const resultOfEvent = (event: OutcomeEvent | ApplicationWithdrawn): SubmitResult => ({
  outcome: OUTCOME_OF[event.type],
  known: false,
})

export const referralResultOf = (answer: RequestResult<ApplicationReply>): ReferralResult => {
  const rejected = rejectedBy(answer)
  if (rejected !== null) return rejected
  return { outcome: outcomeOf(answer) === 'quoted' ? 'quoted' : 'declined' }
}

export const withdrawalResultOf = (answer: RequestResult<ApplicationReply>): WithdrawalResult =>
  rejectedBy(answer) ?? { outcome: 'withdrawn' }

const rejectedBy = (answer: RequestResult<ApplicationReply>): Rejected | null => {
  if (!answer.accepted) return { outcome: 'rejected', reasons: answer.issues }
  return answer.reply.type === 'refused' ? { outcome: 'rejected', reasons: [answer.reply.reason] } : null
}

const outcomeOf = (answer: RequestResult<ApplicationReply>): Outcome | null => {
  if (!answer.accepted) return null
  const { status } = answer.reply.view
  return status === 'unknown' || status === 'submitted' ? null : status
}

const OUTCOME_OF = {
  QuoteGenerated: 'quoted',
  ApplicationDeclined: 'declined',
  ApplicationReferred: 'referred',
  ApplicationWithdrawn: 'withdrawn',
} as const
