import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applicationSchema, checkApplication, referralDecisionSchema } from '../../../actors/index.ts'
import { anApplication, someApplication } from '../arbitraries.ts'

const errorsOf = (change: Record<string, unknown>): readonly string[] | null =>
  checkApplication({ ...anApplication, ...change }).errors

describe('the application schema', () => {
  it('admits every application of the input domain and gives it back as it was', () => {
    fc.assert(
      fc.property(someApplication, application => {
        expect(checkApplication(application)).toEqual({ application, errors: null })
      }),
    )
  })

  it.each([
    [{ drivAge: 17 }, 'DrivAge: 17 is outside 18 to 100'],
    [{ drivAge: 101 }, 'DrivAge: 101 is outside 18 to 100'],
    [{ drivAge: 40.5 }, 'DrivAge: 40.5 is not a whole number'],
    [{ drivAge: '40' }, 'DrivAge: "40" is not a whole number'],
    [{ drivAge: Number.NaN }, 'DrivAge: NaN is not a whole number'],
    [{ drivAge: [40] }, 'DrivAge: a value of type object is not a whole number'],
    [{ drivAge: undefined }, 'DrivAge: missing'],
    [{ drivAge: null }, 'DrivAge: missing'],
    [{ vehAge: -1 }, 'VehAge: -1 is outside 0 to 100'],
    [{ vehPower: 3 }, 'VehPower: 3 is outside 4 to 15'],
    [{ bonusMalus: 351 }, 'BonusMalus: 351 is outside 50 to 350'],
    [{ density: 27_001 }, 'Density: 27001 is outside 1 to 27000'],
    [{ vehAge: -0 }, 'VehAge: -0 is not a whole number'],
    [{ vehBrand: 'B99' }, 'VehBrand: unknown "B99"'],
    [{ vehBrand: 'b12' }, 'VehBrand: unknown "b12"'],
    [{ vehBrand: ' B12' }, 'VehBrand: unknown " B12"'],
    [{ vehGas: '' }, 'VehGas: missing'],
    [{ area: 'toString' }, 'Area: unknown "toString"'],
    [{ region: 24 }, 'Region: unknown 24'],
    [{ region: 'R'.repeat(500) }, `Region: unknown "${'R'.repeat(40)}…"`],
    [{ applicationId: '' }, 'ApplicationId: missing'],
    [{ applicationId: 7 }, 'ApplicationId: 7 is not text'],
    [{ applicationId: 'x'.repeat(129) }, 'ApplicationId: 129 characters, at most 128 are allowed'],
    [{ applicationId: '\ud800' }, 'ApplicationId: "\\ud800" is not well-formed text'],
  ])('refuses %o and says: %s', (change, error) => {
    expect(errorsOf(change)).toEqual([error])
  })

  it('lists everything that is wrong', () => {
    const { drivAge: _, ...withoutAge } = anApplication
    expect(checkApplication({ ...withoutAge, vehBrand: 'B99', density: 0 }).errors).toEqual([
      'DrivAge: missing',
      'VehBrand: unknown "B99"',
      'Density: 0 is outside 1 to 27000',
    ])
  })

  it('takes an id of 128 characters, whatever it spells', () => {
    expect(errorsOf({ applicationId: '가'.repeat(128) })).toBeNull()
    expect(errorsOf({ applicationId: '__proto__' })).toBeNull()
  })

  it('leaves out fields that it does not know', () => {
    expect(checkApplication({ ...anApplication, exposure: 0.5 }).application).toEqual(anApplication)
  })

  it('refuses whatever is no object, and never throws', () => {
    for (const value of [null, undefined, 'text', 7])
      expect(checkApplication(value).errors).toEqual(['an application must be an object'])
    fc.assert(
      fc.property(fc.anything(), value => {
        expect(checkApplication(value).errors).not.toBeNull()
      }),
    )
  })

  it('is a Standard Schema', async () => {
    const refused = await applicationSchema['~standard'].validate({ ...anApplication, drivAge: 17 })
    expect(refused.issues?.map(issue => issue.message)).toEqual(['DrivAge: 17 is outside 18 to 100'])
    expect(await applicationSchema['~standard'].validate(anApplication)).toMatchObject({ value: anApplication })
  })
})

describe('the schema of an underwriter’s decision', () => {
  const decision = { applicationId: 'A-1', decision: 'accept', underwriter: 'desk 4', reason: 'seen the car' }
  const validate = referralDecisionSchema['~standard'].validate

  it('admits a decision with who and why', async () => {
    expect(await validate(decision)).toMatchObject({ value: decision })
  })

  it.each([
    { decision: 'maybe' },
    { underwriter: ' ' },
    { underwriter: 'x'.repeat(129) },
    { reason: undefined },
    { reason: 'x'.repeat(1_001) },
  ])('refuses %o', async change => {
    expect((await validate({ ...decision, ...change })).issues).toHaveLength(1)
  })
})
