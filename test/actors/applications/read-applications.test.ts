import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ApplicationFileError, type ApplicationRow, checkApplication, readApplications } from '../../../actors/index.ts'
import { AREAS, RANGES, REGIONS, VEH_BRANDS, VEH_GASES, type WholeField } from '../../../actors/tariffs/input-domain.ts'
import { anApplication } from '../arbitraries.ts'

const HEADER = 'ApplicationId,Area,VehPower,VehAge,DrivAge,BonusMalus,VehBrand,VehGas,Density,Region'
const ROW = 'A-1,A,6,0,62,90,B12,Regular,49,R53'

const readAll = async (...chunks: readonly string[]): Promise<ApplicationRow[]> => {
  const rows: ApplicationRow[] = []
  for await (const row of readApplications(chunks)) rows.push(row)
  return rows
}

const errorsOf = async (row: string): Promise<readonly string[] | null | undefined> =>
  (await readAll(`${HEADER}\n${row}\n`))[0]?.errors

describe('the application reader', () => {
  it('reads the sample’s columns', async () => {
    expect(await readAll(`${HEADER}\n${ROW}\n`)).toEqual([
      { line: 2, id: 'A-1', application: anApplication, errors: null },
    ])
  })

  it('reads the published portfolio’s columns, whatever else is there and in any order', async () => {
    const portfolio = 'IDpol,ClaimNb,Exposure,Area,VehPower,VehAge,DrivAge,BonusMalus,VehBrand,VehGas,Density,Region'
    const [row] = await readAll(`${portfolio}\n147,0,0.05,A,6,0,62,90,B12,Regular,49,R53\n`)
    expect(row?.application).toEqual({ ...anApplication, applicationId: '147' })
    const reversed = HEADER.split(',').reverse().join(',')
    const [turned] = await readAll(`${reversed}\n${ROW.split(',').reverse().join(',')}`)
    expect(turned?.application).toEqual(anApplication)
  })

  it('takes ApplicationId where a file has IDpol as well', async () => {
    const [row] = await readAll(`IDpol,${HEADER}\n7,${ROW}\n`)
    expect(row?.id).toBe('A-1')
  })

  it.each([
    ['double quotes', HEADER.replaceAll(/\w+/g, '"$&"'), '"A-1","A","6","0","62","90","B12","Regular","49","R53"'],
    ['single quotes around categories', HEADER, "A-1,'A',6,0,62,90,'B12','Regular',49,'R53'"],
    ['whole numbers with a point', HEADER, 'A-1,A,6.0,0.0,62.0,90.0,B12,Regular,49.0,R53'],
    ['a byte order mark and CRLF', `\ufeff${HEADER}\r`, `${ROW}\r`],
    ['empty lines', `\n${HEADER}\n\n`, `${ROW}\n\n`],
  ])('reads %s', async (_, header, row) => {
    expect((await readAll(`${header}\n${row}`)).map(row => row.application)).toEqual([anApplication])
  })

  it('reports a row that cannot be read with its line, its id and all its errors, and goes on', async () => {
    const rows = await readAll(`${HEADER}\n${ROW}\n\nA-2,A,6,0,17,90,B99,Regular,49\n${ROW}\n`)
    expect(rows.map(row => row.line)).toEqual([2, 4, 5])
    expect(rows[1]).toEqual({
      line: 4,
      id: 'A-2',
      application: null,
      errors: ['DrivAge: 17 is outside 18 to 100', 'VehBrand: unknown "B99"', 'Region: missing'],
    })
  })

  it.each([
    ['A-1,A,6,0,40.5,90,B12,Regular,49,R53', ['DrivAge: "40.5" is not a whole number']],
    ['A-1,A,6,0,abc,90,B12,Regular,49,R53', ['DrivAge: "abc" is not a whole number']],
    ['A-1,A,6,0,NA,90,B12,Regular,49,R53', ['DrivAge: "NA" is not a whole number']],
    ['A-1,A,6,0,0x30,90,B12,Regular,49,R53', ['DrivAge: "0x30" is not a whole number']],
    ['A-1,A,6,-1,40,90,B12,Regular,49,R53', ['VehAge: -1 is outside 0 to 100']],
    ['A-1,A,6,0,40,90,B12,Regular,100000,R53', ['Density: 100000 is outside 1 to 27000']],
    ['A-1,A,6,0,40,90,B12,Regular,1e+05,R53', ['Density: "1e+05" is not a whole number']],
    ['A-1,A,6,0,4e1,90,B12,Regular,49,R53', ['DrivAge: "4e1" is not a whole number']],
    [
      'A-1,A,6,0,34.999999999999999999,90,B12,Regular,49,R53',
      ['DrivAge: "34.999999999999999999" is not a whole number'],
    ],
    [
      'A-1,A,6,0,40.00000000000000000001,90,B12,Regular,49,R53',
      ['DrivAge: "40.00000000000000000001" is not a whole number'],
    ],
    ['A-1,A,6,0,+40,90,B12,Regular,49,R53', ['DrivAge: "+40" is not a whole number']],
    ['A-1,A,6,-0,40,90,B12,Regular,49,R53', ['VehAge: "-0" is not a whole number']],
    ['A-1,A,6,-0.0,40,90,B12,Regular,49,R53', ['VehAge: "-0.0" is not a whole number']],
    ['A-1,A,6,0,40.,90,B12,Regular,49,R53', ['DrivAge: "40." is not a whole number']],
    ['A-1,A,6,0,4_0,90,B12,Regular,49,R53', ['DrivAge: "4_0" is not a whole number']],
    ['A-1,A,6,0,٤٠,90,B12,Regular,49,R53', ['DrivAge: "٤٠" is not a whole number']],
    ['A-1,A,6,0, 40,90,B12,Regular,49,R53', ['DrivAge: " 40" is not a whole number']],
    ['A-1,A,6,0,40 ,90,B12,Regular,49,R53', ['DrivAge: "40 " is not a whole number']],
    ['A-1,A,6,0,40,90,B12,Regular,49,R53,x', ['11 fields where the header has 10']],
    ['"A-1"x,A', ['a quoted field is followed by something else than a comma']],
  ])('refuses %s', async (row, errors) => {
    expect(await errorsOf(row)).toEqual(errors)
  })

  it('gives no id where the row has none that can be used', async () => {
    const rows = await readAll(`${HEADER}\n${ROW.slice(3)}\n${'x'.repeat(129)}${ROW.slice(3)}\n`)
    expect(rows.map(row => row.id)).toEqual([null, null])
    expect(rows.map(row => row.errors)).toEqual([
      ['ApplicationId: missing'],
      ['ApplicationId: 129 characters, at most 128 are allowed'],
    ])
  })

  it.each([
    [HEADER.replace('DrivAge,', ''), 'line 1: the header lacks DrivAge; it is "ApplicationId,Area,VehPower,VehAge,'],
    ['a,b', 'line 1: the header lacks ApplicationId (or IDpol), Area, VehPower,'],
    [`${HEADER},Area`, 'line 1: the header names Area twice'],
    ['"ApplicationId', 'line 1: the header cannot be read: a quoted field is not closed'],
    ['', 'the file is empty: expected a first line with ApplicationId, Area,'],
    ['\n \n', 'the file is empty'],
  ])('refuses a file that begins with %j', async (header, message) => {
    const failure = await readAll(header).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ApplicationFileError)
    expect((failure as Error).message).toContain(message)
  })

  it('hands on what its source throws', async () => {
    async function* broken(): AsyncGenerator<string> {
      yield `${HEADER}\n`
      throw new Error('disk')
    }
    await expect(readApplications(broken()).next()).rejects.toThrow('disk')
  })

  it('admits what the schema admits and nothing else, whichever way a row is written', async () => {
    const odd = fc.constantFrom('', '0', '17', '40.5', 'x', '00042', '1e2', '5.0', '101', '351', '27001', '123456')
    const whole = (field: WholeField) =>
      fc.oneof({ weight: 20, arbitrary: fc.integer(RANGES[field]).map(String) }, { weight: 1, arbitrary: odd })
    const of = (values: readonly string[]) =>
      fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...values) }, fc.constantFrom('', 'Z', 'constructor'))
    const someRow = fc.tuple(
      fc.constantFrom('A-1', '', 'an id of more than thirteen characters', '__proto__'),
      of(AREAS),
      whole('vehPower'),
      whole('vehAge'),
      whole('drivAge'),
      whole('bonusMalus'),
      of(VEH_BRANDS),
      of(VEH_GASES),
      whole('density'),
      of(REGIONS),
    )
    await fc.assert(
      fc.asyncProperty(someRow, async texts => {
        const plain = (await readAll(`${HEADER}\n${texts.join(',')}`))[0]
        const quoted = (await readAll(`${HEADER}\n${texts.map(text => `"${text}"`).join(',')}`))[0]
        expect(quoted).toEqual(plain)
        const [applicationId, area, vehPower, vehAge, drivAge, bonusMalus, vehBrand, vehGas, density, region] = texts
        const number = (text: string): unknown => (/^\d+(\.0)?$/.test(text) ? Number(text) : text)
        const check = checkApplication({
          applicationId,
          area,
          vehPower: number(vehPower),
          vehAge: number(vehAge),
          drivAge: number(drivAge),
          bonusMalus: number(bonusMalus),
          vehBrand,
          vehGas,
          density: number(density),
          region,
        })
        expect(plain?.application ?? null).toEqual(check.application)
        expect(plain?.errors ?? null).toEqual(check.errors)
      }),
      { numRuns: 1_000 },
    )
  })

  it('never fails on a row, whatever is in the file behind a good header', async () => {
    const someText = fc.string({
      unit: fc.oneof(
        fc.constantFrom(',', '"', '\n', '\r', "'", 'B1', '18'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
    })
    await fc.assert(
      fc.asyncProperty(someText, async text => {
        for (const row of await readAll(`${HEADER}\n`, text)) expect(row.errors?.length).toBeGreaterThan(0)
      }),
      { numRuns: 1_000 },
    )
  })
})
