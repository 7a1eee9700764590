import type { Application } from '../applications/application.ts'
import type { Rate } from '../premium/messages.ts'
import type { DeclineReason, ReferralReason } from './rules.ts'

export interface SubmitApplication {
  readonly type: 'SubmitApplication'
  readonly application: Application
}

export interface EvaluateQuote extends Rate {
  readonly type: 'EvaluateQuote'
  readonly applicationId: string
}

/** An underwriter's word on a referred application. */
export interface DecideReferral {
  readonly type: 'DecideReferral'
  readonly applicationId: string
  readonly decision: 'accept' | 'decline'
  readonly underwriter: string
  readonly reason: string
}

/** Whoever applied takes the application back: an offer that was made lapses, and none is made any more. */
export interface WithdrawApplication {
  readonly type: 'WithdrawApplication'
  readonly applicationId: string
  readonly reason: string
}

/** Read-only. */
export interface DescribeApplication {
  readonly type: 'DescribeApplication'
}

export type ApplicationCommand =
  | SubmitApplication
  | EvaluateQuote
  | DecideReferral
  | WithdrawApplication
  | DescribeApplication

export interface ApplicationSubmitted extends Application {
  readonly type: 'ApplicationSubmitted'
}

/** Who decided in place of the rules, and why; both null where the rules did. */
export interface ByUnderwriter {
  readonly underwriter: string | null
  readonly underwriterReason: string | null
}

/** What every outcome says: the rate that it rests on and the rules that were asked. */
export interface Outcome extends Rate, ByUnderwriter {
  readonly applicationId: string
  readonly rulesVersion: string
}

export interface QuoteGenerated extends Outcome {
  readonly type: 'QuoteGenerated'
  /** The quote holds up to and with this moment. **Units**: ms since 1970. */
  readonly validUntilMs: number
}

export interface ApplicationDeclined extends Outcome {
  readonly type: 'ApplicationDeclined'
  readonly reasons: readonly (DeclineReason | 'declined-by-underwriter')[]
}

export interface ApplicationReferred extends Outcome {
  readonly type: 'ApplicationReferred'
  readonly reasons: readonly ReferralReason[]
}

/** Ends an application that is not declined, rated or not. */
export interface ApplicationWithdrawn {
  readonly type: 'ApplicationWithdrawn'
  readonly applicationId: string
  readonly reason: string
}

/** By the rules, or by an underwriter. */
export type OutcomeEvent = QuoteGenerated | ApplicationDeclined | ApplicationReferred
export type ApplicationEvent = ApplicationSubmitted | OutcomeEvent | ApplicationWithdrawn

export type ApplicationStatus = 'unknown' | 'submitted' | 'quoted' | 'declined' | 'referred' | 'withdrawn'

/** Where an application stands: the entity's state and everyone's view of it. */
export interface ApplicationView extends ByUnderwriter {
  readonly applicationId: string
  readonly status: ApplicationStatus
  /** Null as long as nothing was submitted. */
  readonly application: Application | null
  /** Null as long as nothing was evaluated. */
  readonly rate: Rate | null
  /** Why it was declined, referred or withdrawn; empty otherwise. */
  readonly reasons: readonly string[]
  readonly rulesVersion: string | null
  /** Of a quote. **Units**: ms since 1970. */
  readonly validUntilMs: number | null
}

export type RefusalReason =
  /** The id belongs to an application with other content. */
  | 'other-content'
  /** There is nothing to evaluate or to decide on yet. */
  | 'not-submitted'
  /** Only a referred application can be decided on, and only once. */
  | 'not-referred'
  /** It was declined: there is nothing to take back. */
  | 'declined'

export type ApplicationReply =
  /** Done now, or before: the same command again changes nothing and gets the same answer. */
  | { readonly type: 'standing'; readonly view: ApplicationView }
  | { readonly type: 'refused'; readonly reason: RefusalReason; readonly view: ApplicationView }
