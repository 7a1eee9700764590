import { expect, it } from 'vitest'
import { risk } from '../../../actors/index.ts'
import { OutsideTariffError } from '../../../actors/tariffs/rating.ts'
import { anApplication } from '../arbitraries.ts'
import { Entity } from '../entity.ts'

const assess = { type: 'AssessRisk', ...anApplication } as const

it('assesses the expected frequency and hands on what the premium needs', () => {
  const entity = new Entity(risk, 'R53')
  const { reply } = entity.handle(assess)
  const assessment = {
    type: 'RiskAssessed',
    applicationId: 'A-1',
    region: 'R53',
    drivAge: 62,
    vehAge: 0,
    bonusMalus: 90,
    expectedFrequency: 0.10835944092502313,
    tariffVersion: 'fremtpl2-glm1-2021.1',
  }
  expect(entity.events).toEqual([assessment])
  expect(reply).toEqual({ type: 'assessed', assessment })
})

it('accumulates risks and expected claims of its region', () => {
  const entity = new Entity(risk, 'R53')
  for (const applicationId of ['A-1', 'A-2', 'A-3']) entity.handle({ ...assess, applicationId })
  const frequency = 0.10835944092502313
  expect(entity.handle({ type: 'DescribeAccumulation' })).toEqual({
    events: [],
    reply: { type: 'accumulation', accumulation: { risks: 3, expectedClaims: frequency + frequency + frequency } },
  })
})

it('takes a snapshot every 100 records', () => {
  expect(risk.snapshot).toEqual({ every: 100, keep: 2 })
})

it('crashes on a risk outside the tariff, which the door should have refused, rather than assess it', () => {
  expect(() => new Entity(risk, 'R53').handle({ ...assess, drivAge: 17 })).toThrow(OutsideTariffError)
})
