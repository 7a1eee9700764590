import { createWriteStream } from 'node:fs'
import { access, constants, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type ApplicationRow, type ApplicationView, isSameApplication } from '../../actors/index.ts'
import type { Marketplace } from '../marketplace.ts'

/** Rows whose actors are asked at once: enough to share reads, few enough to keep in memory. */
const AHEAD = 256

/** **Errors**: the file system's, where no file can be made there: better at the start of a long run than at its end. */
export const checkPlace = (file: string): Promise<void> => access(dirname(file), constants.W_OK)

/**
 * Writes one JSON line for each application of the input, in its order, from the store. The file is there whole or not at
 * all. Numbers that do not exist (of a rejected application) are null.
 */
export const writeResults = async (
  file: string,
  rows: AsyncIterable<ApplicationRow>,
  marketplace: Marketplace,
): Promise<void> => {
  const unfinished = `${file}.unfinished`
  await pipeline(resultLines(rows, marketplace), createWriteStream(unfinished))
  await rename(unfinished, file)
}

async function* resultLines(rows: AsyncIterable<ApplicationRow>, marketplace: Marketplace): AsyncGenerator<string> {
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
    return line(row.id, 'rejected', [`line ${row.line}: other-content`], null)
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
