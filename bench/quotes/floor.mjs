// The bare loop: what the store and the encoding alone allow. No actors, no mailboxes, no promises but the store's.
//
// 256 quotes go through their eight steps side by side. A step builds one append a quote: the same records, with the same
// payloads and the same envelope (id, time, cause, what was handled), as the marketplace stores:
//
//     1 ApplicationSubmitted   2 ProcessStarted + AssessRisk           3 RiskAssessed
//     4 RiskNoted + CalculatePremiumRate   5 PremiumRateCalculated     6 RateNoted + EvaluateQuote
//     7 QuoteGenerated         8 ProcessEnded                          11 records in all
//
// A step's appends are packed once per partition, stored in one durable write a partition, read back and decoded, and the
// next step works on what was decoded. Left out, though the marketplace has it: checks (payloads, numbers, epochs,
// checksums), index, mailboxes, entities and their states, the inbox, group commit, supervision.

import { premiumIdOf } from '../../dist/actors/index.js'
import { assessRiskAfter, calculatePremiumRateAfter, evaluateQuoteAfter } from '../../dist/actors/translations.js'
import { partitionOf } from '../../dist/src/persistence/partition.js'
import { perSecond } from '../frame.mjs'
import { assess, calculate, evaluate, submit, Tally } from './steps.mjs'

/**
 * @typedef {object} FloorStore
 * @property {number} partitions
 * @property {(partition: number, position: number, appends: object[]) => Promise<object[]>} roundTrip   packs and stores
 *   them in one write, reads them back once that is durable, and decodes them
 *
 * @param {{ store: FloorStore, applications: object[], inFlight: number }} options
 */
export async function quotes({ store, applications, inFlight }) {
  const tally = new Tally()
  const log = new Log(store)
  const { value } = await perSecond(applications.length, async () => {
    for (let from = 0; from < applications.length; from += inFlight)
      await runTogether(log, applications.slice(from, from + inFlight), tally)
  })
  return { value, checksum: tally.checksum }
}

async function runTogether(log, applications, tally) {
  const submitted = await log.write(applications, each => {
    const now = Date.now()
    return append(`application|${each.applicationId}`, 0, now, null, null, [event(submit(each, now))])
  })
  const started = await log.write(submitted, cause => {
    const { payload } = cause.records[0]
    return processStep(cause, payload, 0, 'ProcessStarted', 'risk', assessRiskAfter(payload))
  })
  const assessed = await log.write(started, cause => {
    const { payload } = cause.records[1]
    const id = `risk|${payload.region}`
    return contextStep(cause, id, log.nextNr(id), 'risk-commands', assess(payload, Date.now()))
  })
  const noted = await log.write(assessed, cause => {
    const { payload } = cause.records[0]
    return processStep(cause, payload, 2, 'RiskNoted', 'premium', calculatePremiumRateAfter(payload))
  })
  const calculated = await log.write(noted, cause => {
    const { payload } = cause.records[1]
    const id = `premium|${premiumIdOf(payload.region, payload.tariffVersion)}`
    return contextStep(cause, id, log.nextNr(id), 'premium-commands', calculate(payload, Date.now()))
  })
  const rated = await log.write(calculated, cause => {
    const { payload } = cause.records[0]
    return processStep(cause, payload, 4, 'RateNoted', 'underwriting', evaluateQuoteAfter(payload))
  })
  const bySubmission = new Map(submitted.map(({ records: [{ payload }] }) => [payload.applicationId, payload]))
  const generated = await log.write(rated, cause => {
    const { payload } = cause.records[1]
    const outcome = evaluate(bySubmission.get(payload.applicationId), payload, Date.now())
    return contextStep(cause, `application|${payload.applicationId}`, 1, 'underwriting-commands', outcome)
  })
  const ended = await log.write(generated, cause => {
    const { payload } = cause.records[0]
    tally.addEvent(payload)
    return processStep(cause, payload, 6, 'ProcessEnded', null, null)
  })
  if (ended.length !== applications.length) throw new Error(`${ended.length} of ${applications.length} ended`)
}

const append = (persistenceId, expectedSequenceNr, timeMs, cause, source, records) => ({
  persistenceId,
  expectedSequenceNr,
  appendId: `floor-${(++appends).toString(36)}`,
  timeMs,
  causationId: cause === null ? null : `${cause.appendId}.${cause.records.length - 1}`,
  correlationId: cause === null ? null : (cause.correlationId ?? `${cause.appendId}.0`),
  traceParent: null,
  principal: null,
  compensates: null,
  handled: cause === null ? null : { source, partition: 0, position: cause.expectedSequenceNr, outstanding: NONE },
  records,
})

let appends = 0
const NONE = []

const event = payload => ({ kind: 'event', type: payload.type, version: 1, payload })

const contextStep = (cause, persistenceId, expectedSequenceNr, source, happened) =>
  append(persistenceId, expectedSequenceNr, Date.now(), cause, source, [event(happened)])

const processStep = (cause, { applicationId, type }, expectedSequenceNr, stepped, to, command) => {
  const atMs = Date.now()
  const records =
    command === null
      ? [event({ type: stepped, atMs, outcome: OUTCOMES[type] })]
      : [event({ type: stepped, atMs }), { kind: 'command', type: to, version: 1, payload: command }]
  return append(`quote-process|${applicationId}`, expectedSequenceNr, atMs, cause, 'quote-process-events', records)
}

const OUTCOMES = { QuoteGenerated: 'quoted', ApplicationDeclined: 'declined', ApplicationReferred: 'referred' }

/** Deals a step's appends out to the partitions, as the ids' hashes say. */
class Log {
  constructor(store) {
    this.store = store
    this.positions = new Array(store.partitions).fill(1)
    this.sequenceNrs = new Map()
  }

  nextNr(persistenceId) {
    const nr = this.sequenceNrs.get(persistenceId) ?? 0
    this.sequenceNrs.set(persistenceId, nr + 1)
    return nr
  }

  /** Appends what `build` makes of each of `inputs`; resolves with what the store gives back. */
  async write(inputs, build) {
    const { partitions } = this.store
    const groups = Array.from({ length: partitions }, () => [])
    for (const input of inputs) {
      const built = build(input)
      groups[partitionOf(built.persistenceId, partitions)].push(built)
    }
    const read = await Promise.all(groups.map((group, partition) => this.#roundTrip(partition, group)))
    return read.length === 1 ? read[0] : read.flat()
  }

  #roundTrip(partition, group) {
    if (group.length === 0) return group
    const position = this.positions[partition]
    for (const { records } of group) this.positions[partition] += records.length
    return this.store.roundTrip(partition, position, group)
  }
}
