/** The hosted domain, a motor-insurance marketplace: its actors, their messages, and how the contexts are connected. */

export { type Application, applicationOf, isSameApplication } from './applications/application.ts'
export { ApplicationFileError, type ApplicationRow, readApplications } from './applications/read-applications.ts'
export {
  type ApplicationCheck,
  applicationIdSchema,
  applicationSchema,
  checkApplication,
  jsonSchemaOf,
  referralDecisionSchema,
  withdrawalSchema,
} from './applications/schema.ts'
export { decodeUtf8 } from './applications/utf8.ts'
export { choreography } from './choreography.ts'
export type { Delivery } from './delivery.ts'
export { orchestration, quoteProcessInput } from './orchestration.ts'
export type {
  CalculatePremiumRate,
  PremiumCommand,
  PremiumEvent,
  PremiumRateCalculated,
  PremiumReply,
  PremiumTotals,
  Rate,
} from './premium/messages.ts'
export { premium, premiumIdOf } from './premium/premium.ts'
export type {
  ProcessCommand,
  ProcessEvent,
  ProcessInput,
  ProcessOutcome,
  ProcessState,
  ProcessStep,
} from './quote-process/messages.ts'
export { quoteProcess } from './quote-process/quote-process.ts'
export type { Accumulation, AssessRisk, RiskAssessed, RiskCommand, RiskEvent, RiskReply } from './risk/messages.ts'
export { risk } from './risk/risk.ts'
export { currentTariff, type PremiumTariffVersion } from './tariffs/index.ts'
export { REGIONS } from './tariffs/input-domain.ts'
export type { Cents } from './tariffs/money.ts'
export { application } from './underwriting/application.ts'
export { QUOTE_VALID_MS } from './underwriting/decide.ts'
export type {
  ApplicationCommand,
  ApplicationDeclined,
  ApplicationEvent,
  ApplicationReferred,
  ApplicationReply,
  ApplicationStatus,
  ApplicationSubmitted,
  ApplicationView,
  ApplicationWithdrawn,
  DecideReferral,
  EvaluateQuote,
  OutcomeEvent,
  QuoteGenerated,
  RefusalReason,
  SubmitApplication,
  WithdrawApplication,
} from './underwriting/messages.ts'
export { UNDERWRITING_RULES_VERSION } from './underwriting/rules.ts'
