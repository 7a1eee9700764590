import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Application, ApplicationRow } from '../../../actors/index.ts'
import { readApplications } from '../../../actors/index.ts'
import { tariffOf2018 } from '../../../actors/tariffs/index.ts'
import { expectedFrequency } from '../../../actors/tariffs/rating.ts'
import { Marketplace } from '../marketplace.ts'
import { sharedText } from '../shared-data.ts'
import { type ExpectedRow, expectedRows } from './expected.ts'

const own = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

const read = async (text: string): Promise<Application[]> => {
  const rows: ApplicationRow[] = []
  for await (const row of readApplications([text])) rows.push(row)
  return rows.map(row => row.application ?? expect.fail(`line ${row.line}: ${row.errors?.join(', ')}`))
}

/** Floats are compared bit for bit, which is more than the 1e-12 and 1e-9 that were asked for. */
const expectRate = (marketplace: Marketplace, application: Application, expected: ExpectedRow): void => {
  const { rate } = marketplace.submit(application)
  expect(rate, application.applicationId).toEqual({
    expectedFrequency: Number(expected.expected_frequency),
    expectedSeverity: Number(expected.expected_severity),
    purePremium: Number(expected.pure_premium),
    htCents: Number(expected.ht_cents),
    tcaCents: Number(expected.tca_cents),
    fgaoCents: Number(expected.fgao_cents),
    fgaoExtraCents: Number(expected.fgao_extra_cents),
    ttcCents: Number(expected.ttc_cents),
    tariffVersion: 'fremtpl2-glm1-2021.1',
  })
}

describe.each(['choreography', 'orchestration'] as const)('by %s', mode => {
  it('all 5,000 sample applications get the expected rate bit for bit, outcome and reasons', async () => {
    const applications = await read(own('../../../actors/samples/sample-applications.csv'))
    const expected = expectedRows(own('./sample-expected.csv'))
    expect(applications.map(application => application.applicationId)).toEqual(expected.map(row => row.ApplicationId))
    expect(applications.length).toBe(5_000)
    const marketplace = new Marketplace(mode)
    for (const [index, application] of applications.entries()) {
      const row = expected[index] ?? expect.fail('no expected row')
      expectRate(marketplace, application, row)
      const { status, reasons } = marketplace.submit(application)
      expect([status, reasons.join(' ')], application.applicationId).toEqual([row.outcome, row.reasons])
    }
  })
})

it('2,000 policies of the real portfolio get the expected rate bit for bit', async test => {
  const csv = sharedText('expected-2000.csv.gz', test)
  const expected = expectedRows(csv)
  const applications = await read(csv)
  expect(applications.length).toBe(2_000)
  const marketplace = new Marketplace('choreography')
  for (const [index, application] of applications.entries()) {
    const row = expected[index] ?? expect.fail('no expected row')
    expect(application.applicationId).toBe(row.IDpol)
    expectRate(marketplace, application, row)
    const frequencyOf2018 = expectedFrequency(tariffOf2018, application)
    expect(Math.abs(frequencyOf2018 - Number(row.expected_frequency_2018))).toBeLessThan(1e-12)
  }
})
