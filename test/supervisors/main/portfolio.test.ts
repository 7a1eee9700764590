import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { type ApplicationRow, currentTariff } from '../../../actors/index.ts'
import { grossPremium } from '../../../actors/tariffs/gross-premium.ts'
import { expectedFrequency, expectedSeverity, purePremiumOf } from '../../../actors/tariffs/rating.ts'
import { underwrite } from '../../../actors/underwriting/rules.ts'
import { applicationRows } from '../../../supervisors/main/input.ts'
import { type BuiltPackage, buildPackage } from '../support/built.ts'
import { linesIn, runMain, summaryIn } from '../support/main-job.ts'
import type { OutLine } from '../support/sample.ts'
import { newFolder } from '../support/stores.ts'

const PORTFOLIO = new URL('../../../../shared/data/portfolio.csv.gz', import.meta.url).pathname
const COUNT = 3_000

let built: BuiltPackage
let folder: string
beforeAll(() => {
  built = buildPackage()
  folder = newFolder('portfolio')
  return () => {
    built.remove()
    rmSync(folder, { recursive: true, force: true })
  }
})

/** What tariff and rules say of a policy, without any actor. */
const rated = ({ id, application, errors }: ApplicationRow): OutLine => {
  if (application === null) return expect.fail(`${id}: ${errors.join(', ')}`)
  const frequency = expectedFrequency(currentTariff, application)
  const severity = expectedSeverity(currentTariff, application)
  const purePremium = purePremiumOf(frequency, severity)
  const { htCents, tcaCents, fgaoCents, fgaoExtraCents, ttcCents } = grossPremium(currentTariff, purePremium)
  const verdict = underwrite(application, purePremium)
  return {
    id,
    outcome: verdict.outcome,
    reasons: verdict.outcome === 'quoted' ? [] : verdict.reasons,
    expectedFrequency: frequency,
    expectedSeverity: severity,
    purePremium,
    htCents,
    tcaCents,
    fgaoCents,
    fgaoExtraCents,
    ttcCents,
    tariffVersion: currentTariff.version,
  }
}

it('the published portfolio goes through as it is, and gets what tariff and rules say', async test => {
  if (!existsSync(PORTFOLIO)) {
    console.warn(`SKIPPED "${test.task.name}": ${PORTFOLIO} is not there`)
    test.skip()
  }
  const out = join(folder, 'out.jsonl')
  const args = ['--applications', PORTFOLIO, '--limit', `${COUNT}`, '--journal', `lmdb:${join(folder, 'store')}`]
  const ended = await runMain(built.main, [...args, '--json', '--out', out])
  expect(summaryIn(ended)).toMatchObject({ applications: COUNT, thisRun: COUNT, rejected: 0 })
  const expected: OutLine[] = []
  for await (const row of applicationRows(PORTFOLIO, COUNT)) expected.push(rated(row))
  expect(linesIn(out)).toEqual(expected)
})
