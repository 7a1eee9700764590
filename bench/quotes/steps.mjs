// The domain's arithmetic as plain functions, for the sides that have no actors: the definitions' own `decide`.

import { application, premium, risk } from '../../dist/actors/index.js'
import { assessRiskAfter, calculatePremiumRateAfter, evaluateQuoteAfter } from '../../dist/actors/translations.js'

const NO_ACCUMULATION = risk.initial('')
const NO_TOTALS = premium.initial('')

const contextOf = (id, nowMs) => ({ id, nowMs, causationId: null, correlationId: null, principal: null })

export const submit = (submitted, nowMs) =>
  application.decide(
    application.initial(submitted.applicationId),
    { type: 'SubmitApplication', application: submitted },
    contextOf(submitted.applicationId, nowMs),
  ).events[0]

export const assess = (command, nowMs) =>
  risk.decide(NO_ACCUMULATION, command, contextOf(command.region, nowMs)).events[0]

export const calculate = (command, nowMs) =>
  premium.decide(NO_TOTALS, command, contextOf(command.region, nowMs)).events[0]

/** `submitted` is the event: the application's only one before its quote. */
export const evaluate = (submitted, command, nowMs) => {
  const view = application.evolve(application.initial(submitted.applicationId), submitted)
  return application.decide(view, command, contextOf(submitted.applicationId, nowMs)).events[0]
}

/** The three jobs of a queue user, each with what the next one needs: application -> risk -> premium -> quote. */
export const jobs = {
  risk: value => {
    const submitted = submit(value, Date.now())
    return { submitted, assessed: assess(assessRiskAfter(submitted), Date.now()) }
  },
  premium: ({ submitted, assessed }) => ({
    submitted,
    rate: calculate(calculatePremiumRateAfter(assessed), Date.now()),
  }),
  quote: ({ submitted, rate }) => evaluate(submitted, evaluateQuoteAfter(rate), Date.now()),
}

const WORTH = { quoted: 1, declined: 1_000, referred: 1_000_000 }
const OUTCOME_OF = { QuoteGenerated: 'quoted', ApplicationDeclined: 'declined', ApplicationReferred: 'referred' }

/** What a side came to: the cents of all premiums, and how many were quoted, declined and referred. */
export class Tally {
  checksum = 0

  addOutcome(outcome) {
    this.checksum += WORTH[outcome]
  }

  addCents(ttcCents) {
    this.checksum += ttcCents
  }

  /** An outcome's event tells both. */
  addEvent({ type, ttcCents }) {
    this.addOutcome(OUTCOME_OF[type])
    this.addCents(ttcCents)
  }
}

export const expectedChecksum = applications => {
  const tally = new Tally()
  for (const each of applications) tally.addEvent(jobs.quote(jobs.premium(jobs.risk(each))))
  return tally.checksum
}
