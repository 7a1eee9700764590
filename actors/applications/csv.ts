/**
 * Splits a stream of CSV text into rows (RFC 4180: quoted fields may hold commas, line breaks and doubled quotes), for
 * files of any size in bounded room. What is malformed costs its own line only: reading goes on with the line after it.
 * So does text that is not well-formed, as `decodeUtf8` makes it of bytes that are not UTF-8.
 */

/** One row, with the line of the file on which it begins, from 1. Lines without content are no rows. */
export type CsvRow =
  | { readonly line: number; readonly fields: readonly string[]; readonly problem: null }
  | { readonly line: number; readonly fields: null; readonly problem: string }

/** Longest row, quoted line breaks included. **Units**: UTF-16 code units. */
export const CSV_ROW_LENGTH_MAX = 65_536

const UNCLOSED = 'a quoted field is not closed'
const AFTER_QUOTE = 'a quoted field is followed by something else than a comma'
const NOT_UTF8 = 'bytes that are not UTF-8'
const TOO_LONG = `longer than ${CSV_ROW_LENGTH_MAX} characters`

export class CsvSplitter {
  #rest = ''
  /** Of the first character of `#rest`. */
  #line = 1
  #started = false
  /** The line under way was refused already; what is left of it is thrown away. */
  #skipping = false

  /** The rows that `chunk` completes. Chunks may end anywhere. */
  push(chunk: string): CsvRow[] {
    if (chunk === '') return []
    const text = this.#started ? this.#rest + chunk : withoutByteOrderMark(chunk)
    this.#started = true
    return this.#split(text, false)
  }

  /** The last row, where the text does not end with a line break. */
  end(): CsvRow[] {
    return this.#split(this.#rest, true)
  }

  #split(text: string, atEnd: boolean): CsvRow[] {
    const rows: CsvRow[] = []
    let at = 0
    while (at < text.length) {
      const lineEnd = text.indexOf('\n', at)
      if (this.#skipping) {
        if (lineEnd < 0) at = text.length
        else at = this.#nextLine(lineEnd)
        continue
      }
      if (lineEnd < 0 && !atEnd && text.length - at <= CSV_ROW_LENGTH_MAX) break
      const end = lineEnd < 0 ? text.length : lineEnd
      if (end - at > CSV_ROW_LENGTH_MAX) {
        at = this.#refuse(rows, TOO_LONG, lineEnd, text.length)
        continue
      }
      const content = text.slice(at, text.charCodeAt(end - 1) === CARRIAGE_RETURN && end > at ? end - 1 : end)
      if (!content.includes('"')) {
        if (!content.isWellFormed()) rows.push({ line: this.#line, fields: null, problem: NOT_UTF8 })
        else if (content.trim() !== '') rows.push({ line: this.#line, fields: content.split(','), problem: null })
        at = lineEnd < 0 ? text.length : this.#nextLine(lineEnd)
        continue
      }
      const row = splitQuoted(text, at, atEnd)
      if (row === 'incomplete' && !atEnd && text.length - at <= CSV_ROW_LENGTH_MAX) break
      if (typeof row === 'string' || row.end - at > CSV_ROW_LENGTH_MAX) {
        at = this.#refuse(rows, row === 'malformed' ? AFTER_QUOTE : UNCLOSED, lineEnd, text.length)
        continue
      }
      rows.push(
        row.fields.every(field => field.isWellFormed())
          ? { line: this.#line, fields: row.fields, problem: null }
          : { line: this.#line, fields: null, problem: NOT_UTF8 },
      )
      for (let i = lineEnd; i >= 0 && i < row.end; i = text.indexOf('\n', i + 1)) this.#line++
      at = row.end
    }
    this.#rest = text.slice(at)
    return rows
  }

  #nextLine(lineEnd: number): number {
    this.#line++
    this.#skipping = false
    return lineEnd + 1
  }

  /** Reports the line under way and gives where to go on: behind it, or, where its end is still to come, nowhere yet. */
  #refuse(rows: CsvRow[], problem: string, lineEnd: number, textEnd: number): number {
    rows.push({ line: this.#line, fields: null, problem })
    if (lineEnd >= 0) return this.#nextLine(lineEnd)
    this.#skipping = true
    return textEnd
  }
}

const CARRIAGE_RETURN = 13

const withoutByteOrderMark = (text: string): string => (text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)

interface QuotedRow {
  readonly fields: readonly string[]
  /** Behind the row's line break. */
  readonly end: number
}

/** A row that has quotes in it, from `start` on; 'incomplete' where the text ends inside of it. */
const splitQuoted = (text: string, start: number, atEnd: boolean): QuotedRow | 'incomplete' | 'malformed' => {
  const fields: string[] = []
  let at = start
  for (;;) {
    let next: number
    if (text[at] === '"') {
      const close = closingQuote(text, at + 1)
      if (close < 0) return 'incomplete'
      fields.push(text.slice(at + 1, close).replaceAll('""', '"'))
      next = close + 1
    } else {
      next = endOfPlainField(text, at)
      fields.push(text.slice(at, next))
    }
    if (text[next] === ',') {
      at = next + 1
      continue
    }
    if (text[next] === '\r' && text[next + 1] === '\n') next++
    if (text[next] === '\n') return { fields, end: next + 1 }
    const endsHere = next === text.length || (text[next] === '\r' && next + 1 === text.length)
    if (!endsHere) return 'malformed'
    return atEnd ? { fields, end: text.length } : 'incomplete'
  }
}

/** Where the quote stands that ends the field; a doubled quote is one character of it. */
const closingQuote = (text: string, from: number): number => {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) if (text[at + 1] !== '"') return at
  return -1
}

/** A plain field goes up to a comma or a line break; a carriage return ends it only as part of one. */
const endOfPlainField = (text: string, from: number): number => {
  let at = from
  while (at < text.length && text[at] !== ',' && text[at] !== '\n') at++
  const beforeBreak = (text[at] === '\n' || at === text.length) && at > from && text[at - 1] === '\r'
  return beforeBreak ? at - 1 : at
}
