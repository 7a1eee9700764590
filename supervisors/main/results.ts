import { type ApplicationRow, type ApplicationView, isSameApplication } from '../../actors/index.ts'
import type { Marketplace } from '../marketplace.ts'
import { inPlainWords } from './reasons.ts'

/** Rows whose actors are asked at once: enough to share reads, few enough to keep in memory. */
const AHEAD = 256

/** One JSON line for each application of the input, in its order, from the store. What a rejected one lacks is null. */
export async function* resultLines(
  rows: AsyncIterable<ApplicationRow>,
  marketplace: Marketplace,
): AsyncGenerator<string> {
  let asked: Promise<string>[] = []
  for await (const row of rows) {
    asked.push(resultLine(row, marketplace))
    if (asked.length < AHEAD) continue
    yield (await Promise.all(asked)).join('')
    asked = []
  }
  yield (await Promise.all(asked)).join('')
}

const resultLine = async (row: ApplicationRow, marketplace: Marketplace): Promise<string> => {
  if (row.application === null) {
    const reasons = row.errors.map(error => `line ${row.line}: ${error}`)
    return line(row.id, 'rejected', reasons, null)
  }
  const view = await marketplace.describe(row.id)
  if (view.application === null) return line(row.id, 'not-submitted', [], null)
  if (!isSameApplication(view.application, row.application))
    return line(row.id, 'rejected', [`line ${row.line}: ${inPlainWords('other-content')}`], null)
  return line(row.id, view.status, view.reasons, view)
}

const line = (id: string | null, outcome: string, reasons: readonly string[], view: ApplicationView | null): string => {
  const rate = view?.rate ?? null
  return `${JSON.stringify({
    id,
    outcome,
    reasons,
    expectedFrequency: rate?.expectedFrequency ?? null,
    expectedSeverity: rate?.expectedSeverity ?? null,
    purePremium: rate?.purePremium ?? null,
    htCents: rate?.htCents ?? null,
    tcaCents: rate?.tcaCents ?? null,
    fgaoCents: rate?.fgaoCents ?? null,
    fgaoExtraCents: rate?.fgaoExtraCents ?? null,
    ttcCents: rate?.ttcCents ?? null,
    tariffVersion: rate?.tariffVersion ?? null,
  })}\n`
}
