import type { DecideContext, Decision } from 'troupe'
import { type Application, isSameApplication } from '../applications/application.ts'
import type { Rate } from '../premium/messages.ts'
import { evolve } from './evolve.ts'
import type {
  ApplicationCommand,
  ApplicationDeclined,
  ApplicationEvent,
  ApplicationReferred,
  ApplicationReply,
  ApplicationSubmitted,
  ApplicationView,
  ByUnderwriter,
  DecideReferral,
  EvaluateQuote,
  QuoteGenerated,
  RefusalReason,
  WithdrawApplication,
} from './messages.ts'
import { UNDERWRITING_RULES_VERSION, underwrite } from './rules.ts'

/** A quote is valid for 30 days. */
export const QUOTE_VALID_MS = 30 * 24 * 60 * 60 * 1_000

type ApplicationDecision = Decision<ApplicationEvent, ApplicationReply>

export const decide = (
  view: ApplicationView,
  command: ApplicationCommand,
  context: DecideContext,
): ApplicationDecision => {
  switch (command.type) {
    case 'SubmitApplication':
      return submit(view, command.application)
    case 'EvaluateQuote':
      return evaluate(view, command, context.nowMs)
    case 'DecideReferral':
      return decideReferral(view, command, context.nowMs)
    case 'WithdrawApplication':
      return withdraw(view, command)
    case 'DescribeApplication':
      return unchanged(view)
  }
}

const submit = (view: ApplicationView, application: Application): ApplicationDecision => {
  if (application.applicationId !== view.applicationId) return refused(view, 'other-content')
  if (view.application === null) return happened(view, submitted(application))
  return isSameApplication(view.application, application) ? unchanged(view) : refused(view, 'other-content')
}

/** An application has one outcome by the rules: a second evaluation, whatever its rate, finds it there and leaves it. */
const evaluate = (view: ApplicationView, command: EvaluateQuote, nowMs: number): ApplicationDecision => {
  if (view.application === null) return refused(view, 'not-submitted')
  // The rate of an application that was withdrawn meanwhile comes too late.
  if (view.rate !== null || view.status === 'withdrawn') return unchanged(view)
  const id = view.applicationId
  const verdict = underwrite(view.application, command.purePremium)
  switch (verdict.outcome) {
    case 'quoted':
      return happened(view, quoted(id, command, BY_RULES, nowMs))
    case 'declined':
      return happened(view, declined(id, command, BY_RULES, verdict.reasons))
    case 'referred':
      return happened(view, referred(id, command, verdict.reasons))
  }
}

const decideReferral = (view: ApplicationView, command: DecideReferral, nowMs: number): ApplicationDecision => {
  if (view.application === null) return refused(view, 'not-submitted')
  if (isDecidedBy(view, command)) return unchanged(view)
  if (view.status !== 'referred' || view.rate === null) return refused(view, 'not-referred')
  const by = { underwriter: command.underwriter, underwriterReason: command.reason }
  return command.decision === 'accept'
    ? happened(view, quoted(view.applicationId, view.rate, by, nowMs))
    : happened(view, declined(view.applicationId, view.rate, by, ['declined-by-underwriter']))
}

/** Once is enough: the first reason stands. */
const withdraw = (view: ApplicationView, { reason }: WithdrawApplication): ApplicationDecision => {
  if (view.application === null) return refused(view, 'not-submitted')
  if (view.status === 'withdrawn') return unchanged(view)
  if (view.status === 'declined') return refused(view, 'declined')
  return happened(view, { type: 'ApplicationWithdrawn', applicationId: view.applicationId, reason })
}

/** The very decision that was taken before: its answer was lost and it is sent again. */
const isDecidedBy = (view: ApplicationView, command: DecideReferral): boolean =>
  view.underwriter === command.underwriter &&
  view.underwriterReason === command.reason &&
  view.status === (command.decision === 'accept' ? 'quoted' : 'declined')

const happened = (view: ApplicationView, event: ApplicationEvent): ApplicationDecision => ({
  events: [event],
  reply: { type: 'standing', view: evolve(view, event) },
})

const unchanged = (view: ApplicationView): ApplicationDecision => ({ events: [], reply: { type: 'standing', view } })

const refused = (view: ApplicationView, reason: RefusalReason): ApplicationDecision => ({
  events: [],
  reply: { type: 'refused', reason, view },
})

const BY_RULES: ByUnderwriter = { underwriter: null, underwriterReason: null }

const submitted = (application: Application): ApplicationSubmitted => ({
  type: 'ApplicationSubmitted',
  applicationId: application.applicationId,
  area: application.area,
  vehPower: application.vehPower,
  vehAge: application.vehAge,
  drivAge: application.drivAge,
  bonusMalus: application.bonusMalus,
  vehBrand: application.vehBrand,
  vehGas: application.vehGas,
  density: application.density,
  region: application.region,
})

const quoted = (applicationId: string, rate: Rate, by: ByUnderwriter, nowMs: number): QuoteGenerated => ({
  type: 'QuoteGenerated',
  applicationId,
  expectedFrequency: rate.expectedFrequency,
  expectedSeverity: rate.expectedSeverity,
  purePremium: rate.purePremium,
  htCents: rate.htCents,
  tcaCents: rate.tcaCents,
  fgaoCents: rate.fgaoCents,
  fgaoExtraCents: rate.fgaoExtraCents,
  ttcCents: rate.ttcCents,
  tariffVersion: rate.tariffVersion,
  rulesVersion: UNDERWRITING_RULES_VERSION,
  validUntilMs: nowMs + QUOTE_VALID_MS,
  underwriter: by.underwriter,
  underwriterReason: by.underwriterReason,
})

const declined = (
  applicationId: string,
  rate: Rate,
  by: ByUnderwriter,
  reasons: ApplicationDeclined['reasons'],
): ApplicationDeclined => ({
  type: 'ApplicationDeclined',
  applicationId,
  expectedFrequency: rate.expectedFrequency,
  expectedSeverity: rate.expectedSeverity,
  purePremium: rate.purePremium,
  htCents: rate.htCents,
  tcaCents: rate.tcaCents,
  fgaoCents: rate.fgaoCents,
  fgaoExtraCents: rate.fgaoExtraCents,
  ttcCents: rate.ttcCents,
  tariffVersion: rate.tariffVersion,
  rulesVersion: UNDERWRITING_RULES_VERSION,
  reasons,
  underwriter: by.underwriter,
  underwriterReason: by.underwriterReason,
})

const referred = (applicationId: string, rate: Rate, reasons: ApplicationReferred['reasons']): ApplicationReferred => ({
  type: 'ApplicationReferred',
  applicationId,
  expectedFrequency: rate.expectedFrequency,
  expectedSeverity: rate.expectedSeverity,
  purePremium: rate.purePremium,
  htCents: rate.htCents,
  tcaCents: rate.tcaCents,
  fgaoCents: rate.fgaoCents,
  fgaoExtraCents: rate.fgaoExtraCents,
  ttcCents: rate.ttcCents,
  tariffVersion: rate.tariffVersion,
  rulesVersion: UNDERWRITING_RULES_VERSION,
  reasons,
  underwriter: null,
  underwriterReason: null,
})
