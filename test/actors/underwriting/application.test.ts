import { describe, expect, it } from 'vitest'
import {
  type Application,
  type ApplicationView,
  application,
  type DecideReferral,
  type EvaluateQuote,
} from '../../../actors/index.ts'
import { cents } from '../../../actors/tariffs/money.ts'
import { anApplication } from '../arbitraries.ts'
import { Entity } from '../entity.ts'
import { NOW_MS } from '../marketplace.ts'

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

const evaluation: EvaluateQuote = { type: 'EvaluateQuote', applicationId: 'A-1', ...rate }

const decision = (word: DecideReferral['decision']): DecideReferral => ({
  type: 'DecideReferral',
  applicationId: 'A-1',
  decision: word,
  underwriter: 'desk 4',
  reason: 'seen the car',
})

const submitted = (change: Partial<Application> = {}) => {
  const entity = new Entity(application, 'A-1')
  const submission = { type: 'SubmitApplication', application: { ...anApplication, ...change } } as const
  return { entity, submission, reply: entity.handle(submission, NOW_MS).reply }
}

const referred = () => {
  const { entity } = submitted({ vehPower: 12 })
  entity.handle(evaluation, NOW_MS)
  return entity
}

const typesOf = (entity: { readonly events: readonly { readonly type: string }[] }): string[] =>
  entity.events.map(event => event.type)

describe('an application', () => {
  it('that nobody submitted is unknown', () => {
    const view: ApplicationView = {
      applicationId: 'A-1',
      status: 'unknown',
      application: null,
      rate: null,
      reasons: [],
      rulesVersion: null,
      validUntilMs: null,
      underwriter: null,
      underwriterReason: null,
    }
    expect(new Entity(application, 'A-1').handle({ type: 'DescribeApplication' })).toEqual({
      events: [],
      reply: { type: 'standing', view },
    })
  })

  it('is submitted with all its content', () => {
    const { entity, reply } = submitted()
    expect(entity.events).toEqual([{ type: 'ApplicationSubmitted', ...anApplication }])
    expect(reply).toEqual({ type: 'standing', view: entity.state })
    expect(entity.state).toMatchObject({ status: 'submitted', application: anApplication })
  })

  it('submitted again with the same content changes nothing and hears where it stands', () => {
    const { entity, submission } = submitted()
    entity.handle(evaluation, NOW_MS)
    expect(entity.handle(submission)).toEqual({ events: [], reply: { type: 'standing', view: entity.state } })
    expect(entity.state.status).toBe('quoted')
  })

  it.each<Partial<Application>>([
    { area: 'B' },
    { vehPower: 7 },
    { vehAge: 1 },
    { drivAge: 63 },
    { bonusMalus: 91 },
    { vehBrand: 'B1' },
    { vehGas: 'Diesel' },
    { density: 50 },
    { region: 'R11' },
    { applicationId: 'A-2' },
  ])('with the same id and other content (%o) is refused as an outcome', change => {
    const { entity } = submitted()
    const other = { ...anApplication, ...change }
    expect(entity.handle({ type: 'SubmitApplication', application: other })).toEqual({
      events: [],
      reply: { type: 'refused', reason: 'other-content', view: entity.state },
    })
  })

  it('for another id than the entity’s is refused from the start', () => {
    const entity = new Entity(application, 'A-2')
    expect(entity.handle({ type: 'SubmitApplication', application: anApplication }).reply).toMatchObject({
      type: 'refused',
      reason: 'other-content',
    })
    expect(entity.events).toEqual([])
  })

  it('is quoted for 30 days, naming rate, tariff and rules', () => {
    const { entity } = submitted()
    const { reply } = entity.handle(evaluation, NOW_MS)
    expect(entity.events[1]).toEqual({
      type: 'QuoteGenerated',
      applicationId: 'A-1',
      ...rate,
      rulesVersion: 'underwriting-rules-1',
      validUntilMs: NOW_MS + 2_592_000_000,
      underwriter: null,
      underwriterReason: null,
    })
    expect(reply).toEqual({ type: 'standing', view: entity.state })
    expect(entity.state).toMatchObject({ status: 'quoted', rate, reasons: [], validUntilMs: NOW_MS + 2_592_000_000 })
  })

  it('is declined or referred with reasons, rate and versions, and without a validity', () => {
    const { entity: declined } = submitted({ drivAge: 91 })
    declined.handle(evaluation, NOW_MS)
    expect(declined.events[1]).toMatchObject({ type: 'ApplicationDeclined', reasons: ['driver-over-90'], ...rate })
    expect(declined.state).toMatchObject({ status: 'declined', reasons: ['driver-over-90'], rate, validUntilMs: null })
    const entity = referred()
    expect(entity.events[1]).toMatchObject({ type: 'ApplicationReferred', reasons: ['power-12-or-more'], ...rate })
    expect(entity.state).toMatchObject({ status: 'referred', reasons: ['power-12-or-more'], validUntilMs: null })
  })

  it('is evaluated by the pure premium that it is told', () => {
    const { entity } = submitted()
    entity.handle({ ...evaluation, purePremium: 1_001 }, NOW_MS)
    expect(entity.state.reasons).toEqual(['pure-premium-above-1000'])
  })

  it('keeps its outcome when it is evaluated again, whatever the second rate', () => {
    const { entity } = submitted()
    entity.handle(evaluation, NOW_MS)
    const again = entity.handle({ ...evaluation, purePremium: 5_000 }, NOW_MS + 1)
    expect(again).toEqual({ events: [], reply: { type: 'standing', view: entity.state } })
  })

  it('that was not submitted is neither evaluated nor decided on', () => {
    const entity = new Entity(application, 'A-1')
    for (const command of [evaluation, decision('accept')])
      expect(entity.handle(command)).toEqual({
        events: [],
        reply: { type: 'refused', reason: 'not-submitted', view: entity.state },
      })
  })
})

describe('a referred application', () => {
  it('that an underwriter accepts is quoted with its rate, for 30 days from then, with who and why', () => {
    const entity = referred()
    entity.handle(decision('accept'), NOW_MS + 5)
    expect(entity.events[2]).toEqual({
      type: 'QuoteGenerated',
      applicationId: 'A-1',
      ...rate,
      rulesVersion: 'underwriting-rules-1',
      validUntilMs: NOW_MS + 5 + 2_592_000_000,
      underwriter: 'desk 4',
      underwriterReason: 'seen the car',
    })
    expect(entity.state).toMatchObject({ status: 'quoted', reasons: [], underwriter: 'desk 4' })
  })

  it('that an underwriter declines is declined, with who and why', () => {
    const entity = referred()
    entity.handle(decision('decline'), NOW_MS)
    expect(entity.events[2]).toMatchObject({
      type: 'ApplicationDeclined',
      reasons: ['declined-by-underwriter'],
      underwriter: 'desk 4',
      underwriterReason: 'seen the car',
      ...rate,
    })
    expect(entity.state).toMatchObject({ status: 'declined', reasons: ['declined-by-underwriter'] })
  })

  it.each(['accept', 'decline'] as const)('is decided on once: the same %s again gets the same answer', word => {
    const entity = referred()
    const first = entity.handle(decision(word), NOW_MS)
    const again = entity.handle(decision(word), NOW_MS + 1)
    expect(again).toEqual({ events: [], reply: first.reply })
    expect(typesOf(entity)).toHaveLength(3)
  })

  it('refuses a second, different decision', () => {
    const entity = referred()
    entity.handle(decision('accept'), NOW_MS)
    const others = [
      decision('decline'),
      { ...decision('accept'), underwriter: 'desk 5' },
      { ...decision('accept'), reason: 'known for years' },
    ]
    for (const other of others)
      expect(entity.handle(other).reply).toMatchObject({ type: 'refused', reason: 'not-referred' })
    expect(typesOf(entity)).toHaveLength(3)
  })
})

it.each([{}, { drivAge: 91 }])('a decision on an application that is not referred is refused (%o)', change => {
  const { entity } = submitted(change)
  expect(entity.handle(decision('accept')).reply).toMatchObject({ type: 'refused', reason: 'not-referred' })
  entity.handle(evaluation, NOW_MS)
  expect(entity.handle(decision('accept')).reply).toMatchObject({ type: 'refused', reason: 'not-referred' })
  expect(typesOf(entity)).toHaveLength(2)
})
