/**
 * Applications out of a CSV file's text: columns by the names in its first line, in any order, others ignored. It reads
 * the sample (`ApplicationId,Area,…`) and the published freMTPL2 portfolio (`IDpol,ClaimNb,Exposure,Area,…`) as they are.
 */

import { CATEGORIES, type CategoryField, RANGES, type WholeField } from '../tariffs/input-domain.ts'
import type { Application } from './application.ts'
import { type CsvRow, CsvSplitter } from './csv.ts'
import { COLUMN_OF, type FieldName, isApplicationId } from './fields.ts'
import { checkApplication } from './schema.ts'

/** A row of the file: an application, or all that is wrong with it. `line` is the line it begins on; the header is 1. */
export type ApplicationRow =
  | { readonly line: number; readonly id: string; readonly application: Application; readonly errors: null }
  | {
      readonly line: number
      /** Where the row has a usable one. */
      readonly id: string | null
      readonly application: null
      readonly errors: readonly string[]
    }

/** The file as a whole is none of applications; the text names what its header lacks. */
export class ApplicationFileError extends Error {
  override readonly name = 'ApplicationFileError'
}

/**
 * The rows in order, each as soon as its text is there. A row that cannot be read is a row with errors, and the rest goes
 * on. **Errors**: ApplicationFileError for a file without the columns of an application; what `source` throws.
 */
export async function* readApplications(
  source: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<ApplicationRow, void, undefined> {
  const csv = new CsvSplitter()
  const reader = new ApplicationReader()
  for await (const chunk of source) for (const row of reader.read(csv.push(chunk))) yield row
  for (const row of reader.read(csv.end())) yield row
  reader.end()
}

class ApplicationReader {
  #columns: Columns | null = null

  read(rows: readonly CsvRow[]): ApplicationRow[] {
    const applications: ApplicationRow[] = []
    for (const row of rows) {
      if (this.#columns === null) this.#columns = columnsOf(row)
      else applications.push(applicationRow(row, this.#columns))
    }
    return applications
  }

  end(): void {
    if (this.#columns === null)
      throw new ApplicationFileError(
        `the file is empty: expected a first line with ${Object.values(COLUMN_OF).join(', ')}`,
      )
  }
}

/** Where each field stands in a row. */
interface Columns extends Readonly<Record<FieldName, number>> {
  readonly count: number
}

const columnsOf = (header: CsvRow): Columns => {
  const where = `line ${header.line}`
  if (header.problem !== null) throw new ApplicationFileError(`${where}: the header cannot be read: ${header.problem}`)
  const names = header.fields.map(unquoted)
  const columns: Record<string, number> = { count: names.length }
  const absent: string[] = []
  for (const [field, column] of Object.entries(COLUMN_OF)) {
    const name = field === 'applicationId' && !names.includes(column) ? PORTFOLIO_ID_COLUMN : column
    const index = names.indexOf(name)
    if (index < 0) absent.push(field === 'applicationId' ? `${column} (or ${PORTFOLIO_ID_COLUMN})` : column)
    else if (names.includes(name, index + 1)) throw new ApplicationFileError(`${where}: the header names ${name} twice`)
    columns[field] = index
  }
  if (absent.length > 0)
    throw new ApplicationFileError(`${where}: the header lacks ${absent.join(', ')}; it is ${shownHeader(names)}`)
  return columns as unknown as Columns
}

const PORTFOLIO_ID_COLUMN = 'IDpol'
const HEADER_SHOWN_MAX = 200

const shownHeader = (names: readonly string[]): string => {
  const text = names.join(',')
  return JSON.stringify(text.length > HEADER_SHOWN_MAX ? `${text.slice(0, HEADER_SHOWN_MAX)}…` : text)
}

const applicationRow = (row: CsvRow, columns: Columns): ApplicationRow => {
  if (row.problem !== null) return { line: row.line, id: null, application: null, errors: [row.problem] }
  const { line, fields } = row
  const application = plainApplication(fields, columns)
  if (application !== null) return { line, id: application.applicationId, application, errors: null }

  const id = ownText(fields[columns.applicationId] ?? '')
  const knownId = isApplicationId(id) ? id : null
  if (fields.length > columns.count) {
    const errors = [`${fields.length} fields where the header has ${columns.count}`]
    return { line, id: knownId, application: null, errors }
  }
  const check = checkApplication(candidate(id, fields, columns))
  return check.errors === null
    ? { line, id, application: check.application, errors: null }
    : { line, id: knownId, application: null, errors: check.errors }
}

/**
 * The row's application where every field is as plain as in the published files, null where anything is special or
 * wrong: the schema decides then. It holds for all rows of the portfolio and saves them the schema's 1.6 µs.
 */
const plainApplication = (fields: readonly string[], columns: Columns): Application | null => {
  if (fields.length > columns.count) return null
  const id = ownText(fields[columns.applicationId] ?? '')
  const area = category('area', fields[columns.area])
  const vehPower = whole('vehPower', fields[columns.vehPower])
  const vehAge = whole('vehAge', fields[columns.vehAge])
  const drivAge = whole('drivAge', fields[columns.drivAge])
  const bonusMalus = whole('bonusMalus', fields[columns.bonusMalus])
  const vehBrand = category('vehBrand', fields[columns.vehBrand])
  const vehGas = category('vehGas', fields[columns.vehGas])
  const density = whole('density', fields[columns.density])
  const region = category('region', fields[columns.region])
  if (!isApplicationId(id)) return null
  if (vehPower < 0 || vehAge < 0 || drivAge < 0 || bonusMalus < 0 || density < 0) return null
  if (area === undefined || vehBrand === undefined || vehGas === undefined || region === undefined) return null
  return { applicationId: id, area, vehPower, vehAge, drivAge, bonusMalus, vehBrand, vehGas, density, region }
}

type Categories = { readonly [Field in CategoryField]: ReadonlyMap<string, (typeof CATEGORIES)[Field][number]> }

const known: Categories = {
  area: new Map(CATEGORIES.area.map(value => [value, value])),
  vehBrand: new Map(CATEGORIES.vehBrand.map(value => [value, value])),
  vehGas: new Map(CATEGORIES.vehGas.map(value => [value, value])),
  region: new Map(CATEGORIES.region.map(value => [value, value])),
}

const category = <Field extends CategoryField>(
  field: Field,
  text: string | undefined,
): (typeof CATEGORIES)[Field][number] | undefined => known[field].get(text ?? '')

/** The number, or -1 where the text is anything but digits of a number in the field's range. */
const whole = (field: WholeField, text: string | undefined): number => {
  if (text === undefined || text.length === 0 || text.length > 5) return -1
  let value = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value >= RANGES[field].min && value <= RANGES[field].max ? value : -1
}

/** What the row says, for the schema: numbers where a field should be one and is written as one, else the text as it is. */
const candidate = (id: string, fields: readonly string[], columns: Columns): Record<FieldName, unknown> => ({
  applicationId: id,
  area: unquoted(fields[columns.area] ?? ''),
  vehPower: numberOrText(fields[columns.vehPower] ?? ''),
  vehAge: numberOrText(fields[columns.vehAge] ?? ''),
  drivAge: numberOrText(fields[columns.drivAge] ?? ''),
  bonusMalus: numberOrText(fields[columns.bonusMalus] ?? ''),
  vehBrand: unquoted(fields[columns.vehBrand] ?? ''),
  vehGas: unquoted(fields[columns.vehGas] ?? ''),
  density: numberOrText(fields[columns.density] ?? ''),
  region: unquoted(fields[columns.region] ?? ''),
})

/**
 * A whole number as it may be written: in digits, since anything else (`34.99999999999999999`, `4e1`, `+40`) would have to
 * be rounded or guessed at. A fraction of zeros may follow, as many programs write it. The sign lets the range say no.
 */
const WHOLE = /^(0|-?0*[1-9])\d{0,300}(\.0{1,20})?$/

const numberOrText = (text: string): number | string => (WHOLE.test(text) ? Number(text) : text)

/** OpenML's files put categories between single quotes, which CSV knows nothing of. */
const unquoted = (text: string): string =>
  text.length >= 2 && text.startsWith("'") && text.endsWith("'") ? text.slice(1, -1) : text

/**
 * A text that does not keep the chunk alive that it was cut from: V8 cuts without copying from 13 characters on, and an
 * id may live much longer than 64 KiB of file should.
 */
const ownText = (text: string): string => (text.length < 13 ? text : JSON.parse(JSON.stringify(text)))
