import { expect, it } from 'vitest'
import { application, quoteProcess, type WithdrawApplication } from '../../../actors/index.ts'
import { cents } from '../../../actors/tariffs/money.ts'
import { anApplication } from '../arbitraries.ts'
import { Entity } from '../entity.ts'

const rate = {
  expectedFrequency: 0.25,
  expectedSeverity: 1_000,
  purePremium: 250,
  htCents: cents(36_928),
  tcaCents: cents(12_186),
  fgaoCents: cents(443),
  fgaoExtraCents: cents(295),
  ttcCents: cents(49_852),
  tariffVersion: 'fremtpl2-glm1-2021.1',
} as const

const evaluation = { type: 'EvaluateQuote', applicationId: 'A-1', ...rate } as const
const withdrawal = (reason = 'sold the car'): WithdrawApplication => ({
  type: 'WithdrawApplication',
  applicationId: 'A-1',
  reason,
})

const submitted = (change: Partial<typeof anApplication> = {}) => {
  const entity = new Entity(application, 'A-1')
  entity.handle({ type: 'SubmitApplication', application: { ...anApplication, ...change } })
  return entity
}

it.each([
  ['submitted', {}, false],
  ['quoted', {}, true],
  ['referred', { vehPower: 12 }, true],
])('an application that is %s can be withdrawn, with the reason', (status, change, isRated) => {
  const entity = submitted(change)
  if (isRated) entity.handle(evaluation)
  expect(entity.state.status).toBe(status)
  entity.handle(withdrawal())
  expect(entity.events.at(-1)).toEqual({ type: 'ApplicationWithdrawn', applicationId: 'A-1', reason: 'sold the car' })
  expect(entity.state).toMatchObject({ status: 'withdrawn', reasons: ['sold the car'], validUntilMs: null })
})

it('a second withdrawal changes nothing: the first reason stands', () => {
  const entity = submitted()
  const { reply } = entity.handle(withdrawal())
  expect(entity.handle(withdrawal('changed my mind'))).toEqual({ events: [], reply })
})

it('what was not submitted, or is declined, cannot be withdrawn', () => {
  const unknown = new Entity(application, 'A-1').handle(withdrawal())
  expect(unknown).toMatchObject({ events: [], reply: { type: 'refused', reason: 'not-submitted' } })
  const declined = submitted({ drivAge: 91 })
  declined.handle(evaluation)
  expect(declined.handle(withdrawal())).toMatchObject({ events: [], reply: { type: 'refused', reason: 'declined' } })
})

it('the rate of a withdrawn application comes too late, and so does an underwriter', () => {
  const entity = submitted()
  entity.handle(withdrawal())
  expect(entity.handle(evaluation)).toEqual({ events: [], reply: { type: 'standing', view: entity.state } })
  const referred = submitted({ vehPower: 12 })
  referred.handle(evaluation)
  referred.handle(withdrawal())
  const word = {
    type: 'DecideReferral',
    applicationId: 'A-1',
    decision: 'accept',
    underwriter: 'u',
    reason: 'r',
  } as const
  expect(referred.handle(word)).toMatchObject({ events: [], reply: { type: 'refused', reason: 'not-referred' } })
})

it('a quote process ends with the withdrawal, and sends nothing for what comes after', () => {
  const process = new Entity(quoteProcess, 'A-1')
  process.handle({ type: 'ApplicationSubmitted', ...anApplication })
  process.handle({ type: 'ApplicationWithdrawn', applicationId: 'A-1', reason: 'sold the car' }, 5)
  expect(process.state).toMatchObject({ step: 'ended', outcome: 'withdrawn', endedAtMs: 5 })
  const { send } = process.handle({ type: 'PremiumRateCalculated', applicationId: 'A-1', ...rate })
  expect(send).toEqual([])
})
