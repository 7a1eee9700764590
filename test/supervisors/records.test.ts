import { expect, it } from 'vitest'
import { kept, openOn } from './support/marketplaces.ts'
import { quotable } from './support/sample.ts'
import { newMemoryStore } from './support/stores.ts'
import { type LogRecord, recordsOf } from './support/whole-log.ts'

type Step = readonly [from: string, types: readonly string[], causedBy: string | null]

/** An append per step: who wrote it, what is in it, and the record that it answers. */
const STEPS: Record<'orchestration' | 'choreography', readonly Step[]> = {
  orchestration: [
    ['application|A-1', ['ApplicationSubmitted'], null],
    ['quote-process|A-1', ['ProcessStarted', '> risk'], 'ApplicationSubmitted'],
    ['risk|R53', ['RiskAssessed'], '> risk'],
    ['quote-process|A-1', ['RiskNoted', '> premium'], 'RiskAssessed'],
    ['premium|R53@fremtpl2-glm1-2021.1', ['PremiumRateCalculated'], '> premium'],
    ['quote-process|A-1', ['RateNoted', '> underwriting'], 'PremiumRateCalculated'],
    ['application|A-1', ['QuoteGenerated'], '> underwriting'],
    ['quote-process|A-1', ['ProcessEnded'], 'QuoteGenerated'],
  ],
  choreography: [
    ['application|A-1', ['ApplicationSubmitted'], null],
    ['risk|R53', ['RiskAssessed'], 'ApplicationSubmitted'],
    ['premium|R53@fremtpl2-glm1-2021.1', ['PremiumRateCalculated'], 'RiskAssessed'],
    ['application|A-1', ['QuoteGenerated'], 'PremiumRateCalculated'],
  ],
}

const nameOf = ({ kind, type }: LogRecord): string => (kind === 'command' ? `> ${type}` : type)

it.each([
  { mode: 'orchestration', appends: 8, records: 11 },
  { mode: 'choreography', appends: 4, records: 4 },
] as const)('a quote by $mode is $records records in $appends appends, each naming what caused it', async expected => {
  const { mode } = expected
  const marketplace = await openOn(await kept(newMemoryStore()), { mode })
  await marketplace.submit(quotable())
  await marketplace.settled()
  // The first record is the store's own: its mode.
  const records = (await recordsOf(marketplace.store.journal)).slice(1)
  expect(records).toHaveLength(expected.records)
  const appends = [...new Set(records.map(({ append }) => append))]
  expect(appends).toHaveLength(expected.appends)
  const steps = appends.map(append => {
    const own = records.filter(record => record.append === append)
    const cause = records.find(({ id }) => id === append.causationId)
    return [append.persistenceId, own.map(nameOf), cause === undefined ? append.causationId : nameOf(cause)]
  })
  expect(steps).toEqual(STEPS[mode])

  const [first, ...others] = appends
  expect(first?.correlationId).toBeNull()
  expect(others.map(({ correlationId }) => correlationId)).toEqual(others.map(() => records[0]?.id))
})
