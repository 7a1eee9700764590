import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type BuiltPackage, buildPackage } from '../support/built.ts'
import { type Ended, linesIn, runMain, summaryIn } from '../support/main-job.ts'
import { golden, SAMPLE_FILE } from '../support/sample.ts'
import { newFolder } from '../support/stores.ts'

const HEADER = 'ApplicationId,Area,VehPower,VehAge,DrivAge,BonusMalus,VehBrand,VehGas,Density,Region'
const [, ...sampleRows] = readFileSync(SAMPLE_FILE, 'utf8').trim().split('\n')

let built: BuiltPackage
let folder: string
beforeAll(() => {
  built = buildPackage()
  return () => built.remove()
})
beforeEach(() => {
  folder = newFolder('main')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const main = (...args: readonly string[]): Promise<Ended> => runMain(built.main, args, folder)

const mainOn = (name: string, content: string | Buffer, ...args: readonly string[]): Promise<Ended> => {
  writeFileSync(join(folder, name), content)
  return main('--applications', name, '--json', '--out', 'out.jsonl', ...args)
}

const out = () => linesIn(join(folder, 'out.jsonl'))

const rejectedLine = (id: string | null, ...reasons: readonly string[]) => ({
  id,
  outcome: 'rejected',
  reasons,
  expectedFrequency: null,
  expectedSeverity: null,
  purePremium: null,
  htCents: null,
  tcaCents: null,
  fgaoCents: null,
  fgaoExtraCents: null,
  ttcCents: null,
  tariffVersion: null,
})

it('reports each row that cannot be rated, with its line and fields, and quotes the others', async () => {
  const rows = [
    HEADER,
    sampleRows[0],
    'young,D,12,13,17,50,B2,Diesel,563,R82',
    'brand,D,12,13,37,50,B99,Diesel,563,R82',
    'half,D,12,13,40.5,50,B2,Diesel,563,R82',
    'missing,D,12,13,37,50,B2,Diesel,,R82',
    'short,D,12,13',
    '',
    'long,D,12,13,37,50,B2,Diesel,563,R82,extra',
    'quote,"D" ,12,13,37,50,B2,Diesel,563,R82',
    ',D,12,13,37,50,B2,Diesel,563,R82',
    'two,E,12,13,17,50,B2,Benzene,563,R82',
    `${sampleRows[0]?.split(',')[0]},C,6,1,35,68,B1,Diesel,199,R21`,
    sampleRows[0],
    sampleRows[1],
  ]
  const ended = await mainOn('bad.csv', rows.join('\n'))
  expect(ended.code).toBe(0)
  expect(summaryIn(ended)).toMatchObject({ applications: 13, quotes: 1, referred: 2, declined: 0, rejected: 10 })
  const [first, second] = golden
  expect(out()).toEqual([
    first,
    rejectedLine('young', 'line 3: DrivAge: 17 is outside 18 to 100'),
    rejectedLine('brand', 'line 4: VehBrand: unknown "B99"'),
    rejectedLine('half', 'line 5: DrivAge: "40.5" is not a whole number'),
    rejectedLine('missing', 'line 6: Density: missing'),
    rejectedLine('short', ...['DrivAge', 'BonusMalus', 'VehBrand', 'VehGas', 'Density', 'Region'].map(missingOnLine7)),
    rejectedLine('long', 'line 9: 11 fields where the header has 10'),
    rejectedLine(null, 'line 10: a quoted field is followed by something else than a comma'),
    rejectedLine(null, 'line 11: ApplicationId: missing'),
    rejectedLine('two', 'line 12: DrivAge: 17 is outside 18 to 100', 'line 12: VehGas: unknown "Benzene"'),
    rejectedLine(first?.id ?? '', `line 13: ${OTHER_CONTENT}`),
    first,
    second,
  ])
  expect(ended.stderr).toContain('rejected line 3: DrivAge: 17 is outside 18 to 100\n')
  expect(ended.stderr).toContain('rejected line 12: DrivAge: 17 is outside 18 to 100; VehGas: unknown "Benzene"\n')
  expect(ended.stderr).toContain(`rejected line 13: ${OTHER_CONTENT}\n`)

  // Again: the same rows are rejected, and nothing is left to do.
  const again = await main('--applications', 'bad.csv', '--json')
  expect(summaryIn(again)).toMatchObject({ applications: 13, rejected: 10, thisRun: 0 })
})

const OTHER_CONTENT =
  'other-content: an application with this id and other values was submitted before, and that one counts'

const missingOnLine7 = (field: string): string => `line 7: ${field}: missing`

it('names the first twenty rejected rows and counts the rest', async () => {
  const rows = Array.from({ length: 30 }, (_, i) => `bad-${i},D,12,13,17,50,B2,Diesel,563,R82`)
  const ended = await mainOn('many.csv', [HEADER, ...rows, sampleRows[1]].join('\r\n'))
  expect(summaryIn(ended)).toMatchObject({ applications: 31, rejected: 30, quotes: 1 })
  expect(ended.stderr.match(/^rejected line \d+:/gm)).toHaveLength(20)
  expect(ended.stderr).toContain('and 10 more rejected rows\n')
})

it('reads gzip by any name, quoted fields, other columns in another order, and the published name of the id', async () => {
  const reordered = sampleRows.slice(0, 300).map(row => {
    const [id, area, ...rest] = row.split(',')
    return `0,"${area}",${rest.reverse().join(',')},"${id}","a, ""b"""`
  })
  const header = `ClaimNb,Area,${HEADER.split(',').slice(2).reverse().join(',')},IDpol,Remark`
  const ended = await mainOn('rows.csv', gzipSync([header, ...reordered].join('\n')), '--journal', 'memory')
  expect(summaryIn(ended)).toMatchObject({ applications: 300, rejected: 0, journal: 'memory' })
  expect(out()).toEqual(golden.slice(0, 300))
})

it('reads the rows that --limit says, whatever comes after them', async () => {
  const ended = await mainOn('rows.csv', [HEADER, ...sampleRows.slice(0, 3), 'bad'].join('\n'), '--limit', '3')
  expect(summaryIn(ended)).toMatchObject({ applications: 3, rejected: 0 })
  expect(out()).toEqual(golden.slice(0, 3))
})

it.each([
  { file: 'empty.csv', content: '', says: /the file is empty: expected a first line with ApplicationId, Area/ },
  { file: 'columns.csv', content: 'ApplicationId,Area\nA,B\n', says: /line 1: the header lacks VehPower, .*Region/ },
  { file: 'twice.csv', content: `${HEADER},Area\n`, says: /line 1: the header names Area twice/ },
  {
    file: 'garbled.csv',
    content: Buffer.from([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    says: /unknown compression/,
  },
  { file: 'short.gz', content: gzipSync(HEADER).subarray(0, 7), says: /unexpected end of file/ },
])('ends with exit code 1 for $file, and says why', async ({ file, content, says }) => {
  const ended = await mainOn(file, content)
  expect([ended.code, ended.stdout]).toEqual([1, ''])
  expect(ended.stderr).toMatch(says)
  expect(ended.stderr).toContain(`${file} cannot be read\n`)
})

it('ends with exit code 1 for a file that is cut off, after the rows before; the next run goes on', async () => {
  const whole = gzipSync([HEADER, ...sampleRows.slice(0, 1_000)].join('\n'))
  const cut = await mainOn('cut.csv.gz', whole.subarray(0, whole.length / 2))
  expect(cut.code).toBe(1)
  expect(cut.stderr).toMatch(/cut.csv.gz cannot be read beyond line \d+, row \d+\n {2}because: unexpected end of file/)
  const ended = await mainOn('whole.csv.gz', whole)
  const { applications, thisRun } = summaryIn(ended)
  expect(applications).toBe(1_000)
  expect(thisRun).toBeLessThan(1_000)
  expect(out()).toEqual(golden.slice(0, 1_000))
})

it('ends with exit code 1 for a file that is not there, or a folder', async () => {
  const nothing = await main('--applications', 'nothing.csv')
  expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringContaining('nothing.csv')])
  const aFolder = await main('--applications', '.')
  expect([aFolder.code, aFolder.stderr]).toEqual([1, expect.stringContaining('EISDIR')])
})

it('finds a wrong file before it begins the store anew', async () => {
  const stored = summaryIn(await main('--limit', '5', '--json'))
  writeFileSync(join(folder, 'wrong.csv'), 'no,such,columns\n1,2,3\n')
  for (const file of ['nothing.csv', 'wrong.csv']) expect((await main('--fresh', '--applications', file)).code).toBe(1)
  expect(summaryIn(await main('--limit', '5', '--json'))).toMatchObject({ events: stored.events, thisRun: 0 })
})

it('takes a file of a header only as one of no applications', async () => {
  expect(summaryIn(await mainOn('header.csv', `${HEADER}\n`))).toMatchObject({ applications: 0, rejected: 0 })
})

it('says before it begins that the outcomes cannot be written where they should', async () => {
  writeFileSync(join(folder, 'rows.csv'), 'input')
  for (const out of ['nowhere/out.jsonl', '.', '/dev/null', './rows.csv']) {
    const ended = await main('--applications', 'rows.csv', '--out', out)
    expect([ended.code, ended.stdout]).toEqual([1, ''])
    expect(ended.stderr).toMatch(/^--out .*; (give|make) /)
  }
  expect(existsSync(join(folder, '.troupe'))).toBe(false)
  expect(readFileSync(join(folder, 'rows.csv'), 'utf8')).toBe('input')
})

it('never writes over its own store', async () => {
  const stored = summaryIn(await main('--limit', '5', '--json'))
  const ended = await main('--limit', '5', '--out', '.troupe/data.mdb')
  expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("this is in ./.troupe, which is the store's")])
  expect(summaryIn(await main('--limit', '5', '--json'))).toMatchObject({ events: stored.events, thisRun: 0 })
})

it('reads a plain file whose name says .gz', async () => {
  const ended = await mainOn('plain.csv.gz', [HEADER, ...sampleRows.slice(0, 3)].join('\n'))
  expect(summaryIn(ended)).toMatchObject({ applications: 3, rejected: 0 })
})

it('reads files in the ways of other programs: byte order mark, CRLF, no line break at the end, a byte or two', async () => {
  const windows = `\ufeff${[HEADER, ...sampleRows.slice(0, 5)].join('\r\n')}`
  expect(summaryIn(await mainOn('windows.csv', windows))).toMatchObject({ applications: 5, rejected: 0 })
  expect(summaryIn(await mainOn('zipped.csv', gzipSync(windows)))).toMatchObject({ applications: 5, thisRun: 0 })
  for (const tiny of ['x', 'xy', '\x1f']) {
    const ended = await mainOn('tiny.csv', tiny)
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining('line 1: the header lacks ApplicationId')])
  }
})

it('rejects lines that are not UTF-8, and takes the others', async () => {
  const [first = '', second = ''] = sampleRows
  const lines = [HEADER, first.replace(/^[^,]*/, 'Ren\xe9'), first.replace(/^[^,]*/, 'Ren\xe8'), second]
  const ended = await mainOn('latin1.csv', Buffer.from(lines.join('\n'), 'latin1'))
  expect(summaryIn(ended)).toMatchObject({ applications: 3, rejected: 2, thisRun: 1 })
  expect(ended.stderr).toContain(
    'rejected line 2: bytes that are not UTF-8\nrejected line 3: bytes that are not UTF-8\n',
  )
  expect(out()).toEqual([
    rejectedLine(null, 'line 2: bytes that are not UTF-8'),
    rejectedLine(null, 'line 3: bytes that are not UTF-8'),
    golden[1],
  ])
})

it('counts an application once in thisRun, however many rows of the input are it', async () => {
  const rows = Array.from({ length: 40 }, (_, i) => sampleRows[i % 4])
  const ended = await mainOn('doubles.csv', [HEADER, ...rows].join('\n'), '--concurrency', '32')
  expect(summaryIn(ended)).toMatchObject({ applications: 40, rejected: 0, thisRun: 4, events: 1 + 4 * 11 })
})
