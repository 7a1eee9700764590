import { describe, expect, it } from 'vitest'
import { type ProcessInput, quoteProcess } from '../../../actors/index.ts'
import { assessRiskAfter, calculatePremiumRateAfter, evaluateQuoteAfter } from '../../../actors/translations.ts'
import { anApplication } from '../arbitraries.ts'
import { Entity } from '../entity.ts'
import { Marketplace } from '../marketplace.ts'

/** The four events that one application leads to, in order, from a run of the contexts. */
const story = (change: object = {}): [ProcessInput, ProcessInput, ProcessInput, ProcessInput] => {
  const marketplace = new Marketplace('choreography')
  marketplace.submit({ ...anApplication, ...change })
  const events = marketplace.log.map(record => record.event)
  expect(events).toHaveLength(4)
  return events as unknown as ReturnType<typeof story>
}

const stepped = (inputs: readonly ProcessInput[]) => {
  const entity = new Entity(quoteProcess, 'A-1')
  for (const [index, input] of inputs.entries()) entity.handle(input, 100 + index)
  return entity
}

describe('the quote process', () => {
  it('answers each event with the next command, and ends with the outcome', () => {
    const inputs = story()
    const [submitted, assessed, calculated] = inputs
    const entity = stepped(inputs)
    expect(entity.events).toEqual([
      { type: 'ProcessStarted', atMs: 100 },
      { type: 'RiskNoted', atMs: 101 },
      { type: 'RateNoted', atMs: 102 },
      { type: 'ProcessEnded', atMs: 103, outcome: 'quoted' },
    ])
    expect(entity.sent).toEqual([
      { to: 'risk', command: assessRiskAfter(submitted as never) },
      { to: 'premium', command: calculatePremiumRateAfter(assessed as never) },
      { to: 'underwriting', command: evaluateQuoteAfter(calculated as never) },
    ])
    expect(entity.handle({ type: 'DescribeProcess' }).reply).toEqual({
      step: 'ended',
      startedAtMs: 100,
      riskAtMs: 101,
      rateAtMs: 102,
      endedAtMs: 103,
      outcome: 'quoted',
    })
  })

  it.each([
    [{ drivAge: 91 }, 'declined'],
    [{ vehPower: 12 }, 'referred'],
  ])('ends with the outcome of %o: %s', (change, outcome) => {
    expect(stepped(story(change)).state).toMatchObject({ step: 'ended', outcome })
  })

  it('changes nothing and sends nothing for an input that comes again', () => {
    const inputs = story()
    for (let known = 1; known <= inputs.length; known++) {
      const entity = stepped(inputs.slice(0, known))
      for (const input of inputs.slice(0, known)) expect(entity.handle(input)).toEqual({ events: [], send: [] })
    }
  })

  it('changes nothing and sends nothing for an input out of place', () => {
    const inputs = story()
    for (let known = 0; known < 3; known++) {
      const entity = stepped(inputs.slice(0, known))
      for (const input of inputs.slice(known + 1, 3)) expect(entity.handle(input)).toEqual({ events: [], send: [] })
    }
    expect(stepped([]).handle(inputs[3])).toEqual({ events: [], send: [] })
  })

  it('ends from any step that it reached when the application got its outcome another way', () => {
    const inputs = story()
    for (let known = 1; known <= 3; known++)
      expect(stepped([...inputs.slice(0, known), inputs[3]]).state).toMatchObject({ step: 'ended', outcome: 'quoted' })
  })
})
