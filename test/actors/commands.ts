/** Commands for each behavior of the domain, in any order and with any content that its types admit. */
import fc from 'fast-check'
import type { ApplicationCommand, PremiumCommand, ProcessCommand, RiskCommand } from '../../actors/index.ts'
import { cents } from '../../actors/tariffs/money.ts'
import { assessRiskAfter } from '../../actors/translations.ts'
import { anApplication, someApplication, someApplicationId } from './arbitraries.ts'

const someCents = fc.nat().map(cents)
const somePositive = fc.double({ min: Number.MIN_VALUE, max: 1e4, noNaN: true })
const tariffVersion = fc.constant('fremtpl2-glm1-2021.1' as const)

const rate = {
  expectedFrequency: somePositive,
  expectedSeverity: somePositive,
  purePremium: somePositive,
  htCents: someCents,
  tcaCents: someCents,
  fgaoCents: someCents,
  fgaoExtraCents: someCents,
  ttcCents: someCents,
  tariffVersion,
}

const outcome = {
  applicationId: someApplicationId,
  ...rate,
  rulesVersion: fc.string(),
  underwriter: fc.option(fc.string()),
  underwriterReason: fc.option(fc.string()),
}

const severityRisk = someApplication.map(({ drivAge, vehAge, bonusMalus, region }) => ({
  drivAge,
  vehAge,
  bonusMalus,
  region,
}))

/** Few enough different contents and words that the same ones come again. */
const someContent = fc.constantFrom(
  anApplication,
  { ...anApplication, drivAge: 91 },
  { ...anApplication, vehPower: 12 },
)

export const applicationCommand: fc.Arbitrary<ApplicationCommand> = fc.oneof(
  someContent.map(application => ({ type: 'SubmitApplication' as const, application })),
  someApplication.map(application => ({ type: 'SubmitApplication' as const, application })),
  fc.record({ type: fc.constant('EvaluateQuote' as const), applicationId: fc.constant('A-1'), ...rate }),
  fc.record({
    type: fc.constant('DecideReferral' as const),
    applicationId: fc.constant('A-1'),
    decision: fc.constantFrom('accept' as const, 'decline' as const),
    underwriter: fc.constantFrom('desk 4', 'desk 5'),
    reason: fc.constantFrom('seen the car', 'known for years'),
  }),
  fc.record({
    type: fc.constant('WithdrawApplication' as const),
    applicationId: fc.constant('A-1'),
    reason: fc.constantFrom('sold the car', 'found another insurer'),
  }),
  fc.constant({ type: 'DescribeApplication' as const }),
)

export const riskCommand: fc.Arbitrary<RiskCommand> = fc.oneof(
  {
    weight: 5,
    arbitrary: someApplication.map(content => assessRiskAfter({ ...content, type: 'ApplicationSubmitted' })),
  },
  fc.constant({ type: 'DescribeAccumulation' as const }),
)

export const premiumCommand: fc.Arbitrary<PremiumCommand> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        severityRisk,
        fc.record({ applicationId: someApplicationId, expectedFrequency: somePositive, tariffVersion }),
      )
      .map(([factors, rest]) => ({ type: 'CalculatePremiumRate' as const, ...factors, ...rest })),
  },
  fc.constant({ type: 'DescribePremiums' as const }),
)

export const processCommand: fc.Arbitrary<ProcessCommand> = fc.oneof(
  someApplication.map(content => ({ type: 'ApplicationSubmitted' as const, ...content })),
  fc
    .tuple(
      severityRisk,
      fc.record({ applicationId: someApplicationId, expectedFrequency: somePositive, tariffVersion }),
    )
    .map(([factors, rest]) => ({ type: 'RiskAssessed' as const, ...factors, ...rest })),
  fc.record({ type: fc.constant('PremiumRateCalculated' as const), applicationId: someApplicationId, ...rate }),
  fc.record({ type: fc.constant('QuoteGenerated' as const), ...outcome, validUntilMs: fc.nat() }),
  fc.record({ type: fc.constant('ApplicationDeclined' as const), ...outcome, reasons: fc.constant([]) }),
  fc.record({ type: fc.constant('ApplicationReferred' as const), ...outcome, reasons: fc.constant([]) }),
  fc.record({
    type: fc.constant('ApplicationWithdrawn' as const),
    applicationId: someApplicationId,
    reason: fc.string(),
  }),
  fc.constant({ type: 'DescribeProcess' as const }),
)
