import { applicationOf } from '../applications/application.ts'
import { rateOf } from '../premium/messages.ts'
import type { ApplicationEvent, ApplicationStatus, ApplicationView, OutcomeEvent } from './messages.ts'

export const initialView = (applicationId: string): ApplicationView => ({
  applicationId,
  status: 'unknown',
  application: null,
  rate: null,
  reasons: NO_REASONS,
  rulesVersion: null,
  validUntilMs: null,
  underwriter: null,
  underwriterReason: null,
})

export const evolve = (view: ApplicationView, event: ApplicationEvent): ApplicationView => {
  switch (event.type) {
    case 'ApplicationSubmitted':
      return {
        applicationId: view.applicationId,
        status: 'submitted',
        application: applicationOf(event),
        rate: null,
        reasons: NO_REASONS,
        rulesVersion: null,
        validUntilMs: null,
        underwriter: null,
        underwriterReason: null,
      }
    case 'QuoteGenerated':
      return withOutcome(view, 'quoted', event, NO_REASONS, event.validUntilMs)
    case 'ApplicationDeclined':
      return withOutcome(view, 'declined', event, event.reasons, null)
    case 'ApplicationReferred':
      return withOutcome(view, 'referred', event, event.reasons, null)
    case 'ApplicationWithdrawn':
      return { ...view, status: 'withdrawn', reasons: [event.reason], validUntilMs: null }
  }
}

const NO_REASONS: readonly string[] = []

const withOutcome = (
  view: ApplicationView,
  status: ApplicationStatus,
  event: OutcomeEvent,
  reasons: readonly string[],
  validUntilMs: number | null,
): ApplicationView => ({
  applicationId: view.applicationId,
  status,
  application: view.application,
  rate: rateOf(event),
  reasons,
  rulesVersion: event.rulesVersion,
  validUntilMs,
  underwriter: event.underwriter,
  underwriterReason: event.underwriterReason,
})
