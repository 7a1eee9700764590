/** The sample applications and what must come out of them, as the main job and the marketplace give it. */

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { type Application, type ApplicationView, readApplications } from '../../../actors/index.ts'
import { type ExpectedRow, expectedRows } from '../../actors/golden/expected.ts'

const own = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

export const SAMPLE_FILE = new URL('../../../actors/samples/sample-applications.csv', import.meta.url).pathname

export const applicationsIn = async (csv: string): Promise<readonly Application[]> => {
  const applications: Application[] = []
  for await (const row of readApplications([csv]))
    applications.push(row.application ?? expect.fail(`line ${row.line}: ${row.errors?.join(', ')}`))
  return applications
}

export const sample = await applicationsIn(own('../../../actors/samples/sample-applications.csv'))

/** A line of `--out`, with the keys in its order. */
export interface OutLine {
  readonly id: string | null
  readonly outcome: string
  readonly reasons: readonly string[]
  readonly expectedFrequency: number | null
  readonly expectedSeverity: number | null
  readonly purePremium: number | null
  readonly htCents: number | null
  readonly tcaCents: number | null
  readonly fgaoCents: number | null
  readonly fgaoExtraCents: number | null
  readonly ttcCents: number | null
  readonly tariffVersion: string | null
}

/** What a row of an expected file says, bit for bit. */
export const expectedLine = (row: ExpectedRow, id = row.ApplicationId ?? ''): OutLine => ({
  id,
  outcome: row.outcome ?? '',
  reasons: row.reasons === '' ? [] : (row.reasons ?? '').split(' '),
  expectedFrequency: Number(row.expected_frequency),
  expectedSeverity: Number(row.expected_severity),
  purePremium: Number(row.pure_premium),
  htCents: Number(row.ht_cents),
  tcaCents: Number(row.tca_cents),
  fgaoCents: Number(row.fgao_cents),
  fgaoExtraCents: Number(row.fgao_extra_cents),
  ttcCents: Number(row.ttc_cents),
  tariffVersion: 'fremtpl2-glm1-2021.1',
})

export const golden: readonly OutLine[] = expectedRows(own('../../actors/golden/sample-expected.csv')).map(row =>
  expectedLine(row),
)

/** An actor's view in the form of a line. */
export const lineOf = (view: ApplicationView): OutLine => ({
  id: view.applicationId,
  outcome: view.status,
  reasons: view.reasons,
  expectedFrequency: view.rate?.expectedFrequency ?? null,
  expectedSeverity: view.rate?.expectedSeverity ?? null,
  purePremium: view.rate?.purePremium ?? null,
  htCents: view.rate?.htCents ?? null,
  tcaCents: view.rate?.tcaCents ?? null,
  fgaoCents: view.rate?.fgaoCents ?? null,
  fgaoExtraCents: view.rate?.fgaoExtraCents ?? null,
  ttcCents: view.rate?.ttcCents ?? null,
  tariffVersion: view.rate?.tariffVersion ?? null,
})

/** A sample application that is quoted by the rules; tests change what they are about. */
export const quotable = (changes: Partial<Application> = {}): Application => ({
  applicationId: 'A-1',
  area: 'A',
  vehPower: 6,
  vehAge: 0,
  drivAge: 62,
  bonusMalus: 90,
  vehBrand: 'B12',
  vehGas: 'Regular',
  density: 49,
  region: 'R53',
  ...changes,
})
