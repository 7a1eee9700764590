import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CSV_ROW_LENGTH_MAX, type CsvRow, CsvSplitter } from '../../../actors/applications/csv.ts'

const split = (...chunks: readonly string[]): CsvRow[] => {
  const splitter = new CsvSplitter()
  return [...chunks.flatMap(chunk => splitter.push(chunk)), ...splitter.end()]
}

const fieldsOf = (text: string): (readonly string[] | null)[] => split(text).map(row => row.fields)

/** What is said of each line: its fields, or what is wrong with it. */
const byLine = (rows: readonly CsvRow[]): [number, readonly string[] | string][] =>
  rows.map(row => [row.line, row.problem ?? row.fields ?? []])

describe('the CSV splitter', () => {
  it.each([
    [
      'a,b\nc,d\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'a,b\r\nc,d\r\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'a,b\nc,d',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'a,b\r\nc,d\r',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['\ufeffa,b\n', [['a', 'b']]],
    ['a,,\n', [['a', '', '']]],
    ['\n\r\n  \na\n\n', [['a']]],
    [
      '"a","b"\r\n"c","d"',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['"a,b","c""d","e\nf"\n', [['a,b', 'c"d', 'e\nf']]],
    ['"",""\n', [['', '']]],
    ['"a",b\r', [['a', 'b']]],
    ['"a"\r', [['a']]],
    ['a"b,c\n', [['a"b', 'c']]],
    ['"""a"""\n', [['"a"']]],
    ['', []],
  ])('reads %j', (text, rows) => {
    expect(fieldsOf(text)).toEqual(rows)
  })

  it('says on which line a row begins, over empty lines and line breaks within quotes', () => {
    const rows = split('h\n\na\n"b\r\n\nc",x\nd\n')
    expect(rows.map(row => row.line)).toEqual([1, 3, 4, 7])
  })

  it('gives up a row whose text is not well-formed, as bytes make it that are not UTF-8', () => {
    expect(byLine(split('a\nx\udce9y,b\n"c\n\udcff",d\n"e"\n'))).toEqual([
      [1, ['a']],
      [2, 'bytes that are not UTF-8'],
      [3, 'bytes that are not UTF-8'],
      [5, ['e']],
    ])
  })

  it('gives up only the line on which a quote goes wrong', () => {
    expect(byLine(split('a\n"b"x,c\nd\n'))).toEqual([
      [1, ['a']],
      [2, 'a quoted field is followed by something else than a comma'],
      [3, ['d']],
    ])
    expect(byLine(split('a\n"b,c\nd\ne'))).toEqual([
      [1, ['a']],
      [2, 'a quoted field is not closed'],
      [3, ['d']],
      [4, ['e']],
    ])
  })

  it('gives up a row of more than 65,536 characters and goes on behind its line, in bounded room', () => {
    const long = 'x'.repeat(CSV_ROW_LENGTH_MAX)
    expect(byLine(split(`${long}\nb\n`)).map(([line]) => line)).toEqual([1, 2])
    expect(split(`${long}\n`)[0]?.problem).toBeNull()
    const tooLong = 'longer than 65536 characters'
    expect(byLine(split(`a\n${long}x\nb`))).toEqual([
      [1, ['a']],
      [2, tooLong],
      [3, ['b']],
    ])
    expect(byLine(split('a\n', long, long, long, 'x\nb'))).toEqual([
      [1, ['a']],
      [2, tooLong],
      [3, ['b']],
    ])
    const unclosed = byLine(split('a\n', `"${long}`, `${long}\nb\n`, 'c\n'))
    expect(unclosed).toEqual([
      [1, ['a']],
      [2, tooLong],
      [3, ['b']],
      [4, ['c']],
    ])
  })

  it('gives up such a row as soon as it is too long, without waiting for its end', () => {
    const long = 'x'.repeat(CSV_ROW_LENGTH_MAX + 1)
    for (const text of [long, `"${long}`, `"\n${long}`]) {
      const splitter = new CsvSplitter()
      expect(splitter.push(text)[0]?.problem).not.toBeNull()
      expect(splitter.push('x\nb\n').map(row => row.fields)).toEqual([['b']])
    }
  })

  it('does not look for the end of a quote further than 65,536 characters', () => {
    const lines = Array.from({ length: 9_000 }, (_, index) => `line ${index}`)
    const rows = split(`a\n"b\n${lines.join('\n')}\n"\n`)
    expect(rows[1]).toEqual({ line: 2, fields: null, problem: 'a quoted field is not closed' })
    expect(rows.slice(2, -1).map(row => row.fields?.[0])).toEqual(lines)
  })

  const someField = fc.string({ unit: fc.constantFrom('a', 'é', ',', '"', '\n', '\r', "'", ' ') })
  const someRows = fc.array(fc.array(someField, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 6 })
  const cutAt = (text: string, cuts: readonly number[]): string[] => {
    const at = [0, ...cuts.map(cut => cut % (text.length + 1)).sort((a, b) => a - b), text.length]
    return at.slice(1).map((end, index) => text.slice(at[index], end))
  }

  it('reads back every row that was written as RFC 4180 says, wherever the chunks are cut', () => {
    fc.assert(
      fc.property(someRows, fc.array(fc.nat()), fc.constantFrom('\n', '\r\n'), (rows, cuts, lineBreak) => {
        const text = rows.map(row => row.map(field => `"${field.replaceAll('"', '""')}"`).join(',')).join(lineBreak)
        expect(split(...cutAt(text, cuts)).map(row => row.fields)).toEqual(rows)
      }),
    )
  })

  it('says the same of any text wherever the chunks are cut, and never throws', () => {
    const someText = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r'), maxLength: 40 })
    fc.assert(
      fc.property(someText, fc.array(fc.nat()), (text, cuts) => {
        expect(split(...cutAt(text, cuts))).toEqual(split(text))
      }),
      { numRuns: 2_000 },
    )
  })
})
