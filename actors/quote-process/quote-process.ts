/**
 * The quote process, one per application, for orchestration: it is told what happened and sends the next command. It only
 * steers; every rule of the business is in the contexts that it sends to. It keeps nothing of the application, since each
 * event carries what the next command needs.
 *
 *     ApplicationSubmitted ──> AssessRisk ··> RiskAssessed ──> CalculatePremiumRate ··> PremiumRateCalculated
 *                          ──> EvaluateQuote ··> QuoteGenerated | ApplicationDeclined | ApplicationReferred ──> ended
 *     ApplicationWithdrawn, at any step ──> ended
 *
 * An input that comes twice or out of place changes nothing and sends nothing. Only an outcome ends the process from any
 * step: the application may have got it another way, or was withdrawn. What was sent before comes back to a process that is
 * over.
 */

import { type DecideContext, type Decision, eventSourced, type Outgoing, to } from 'troupe'
import { assessRiskAfter, calculatePremiumRateAfter, evaluateQuoteAfter } from '../translations.ts'
import type { ProcessCommand, ProcessEvent, ProcessOutcome, ProcessState } from './messages.ts'

type ProcessDecision = Decision<ProcessEvent, ProcessState>

export const quoteProcess = eventSourced<ProcessCommand, ProcessEvent, ProcessState, ProcessState>({
  name: 'quote-process',

  initial: () => ({
    step: 'not-started',
    startedAtMs: null,
    riskAtMs: null,
    rateAtMs: null,
    endedAtMs: null,
    outcome: null,
  }),

  decide(state, command, context): ProcessDecision {
    switch (command.type) {
      case 'ApplicationSubmitted':
        if (state.step !== 'not-started') return NOTHING
        return next({ type: 'ProcessStarted', atMs: context.nowMs }, to('risk', assessRiskAfter(command)))
      case 'RiskAssessed':
        if (state.step !== 'assessing-risk') return NOTHING
        return next({ type: 'RiskNoted', atMs: context.nowMs }, to('premium', calculatePremiumRateAfter(command)))
      case 'PremiumRateCalculated':
        if (state.step !== 'calculating-rate') return NOTHING
        return next({ type: 'RateNoted', atMs: context.nowMs }, to('underwriting', evaluateQuoteAfter(command)))
      case 'QuoteGenerated':
        return ended(state, 'quoted', context)
      case 'ApplicationDeclined':
        return ended(state, 'declined', context)
      case 'ApplicationReferred':
        return ended(state, 'referred', context)
      case 'ApplicationWithdrawn':
        return ended(state, 'withdrawn', context)
      case 'DescribeProcess':
        return { events: [], send: [], reply: state }
    }
  },

  evolve(state, event): ProcessState {
    switch (event.type) {
      case 'ProcessStarted':
        return { ...state, step: 'assessing-risk', startedAtMs: event.atMs }
      case 'RiskNoted':
        return { ...state, step: 'calculating-rate', riskAtMs: event.atMs }
      case 'RateNoted':
        return { ...state, step: 'evaluating-quote', rateAtMs: event.atMs }
      case 'ProcessEnded':
        return { ...state, step: 'ended', endedAtMs: event.atMs, outcome: event.outcome }
    }
  },
})

const NOTHING: ProcessDecision = { events: [], send: [] }

const next = (event: ProcessEvent, outgoing: Outgoing): ProcessDecision => ({ events: [event], send: [outgoing] })

const ended = (state: ProcessState, outcome: ProcessOutcome, context: DecideContext): ProcessDecision =>
  state.step === 'not-started' || state.step === 'ended'
    ? NOTHING
    : { events: [{ type: 'ProcessEnded', atMs: context.nowMs, outcome }], send: [] }
