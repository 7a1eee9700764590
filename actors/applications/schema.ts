/** The application's schema, for whatever stands at the door; `applicationSchema['~standard']` is its Standard Schema. */

import * as v from 'valibot'
import { CATEGORIES, type CategoryField, RANGES, type Risk, type WholeField } from '../tariffs/input-domain.ts'
import type { Application } from './application.ts'
import {
  APPLICATION_ID_LENGTH_MAX,
  COLUMN_OF,
  categoryProblem,
  type FieldName,
  idProblem,
  isApplicationId,
  isCategory,
  isWholeInRange,
  wholeProblem,
} from './fields.ts'

/** Checks that are written by hand, as JSON Schema says them. */
const JSON_SCHEMAS = new WeakMap<object, Readonly<Record<string, unknown>>>()

/** How one of the checks here reads as JSON Schema; null for a schema that speaks for itself. */
export const jsonSchemaOf = (schema: object): Readonly<Record<string, unknown>> | null =>
  JSON_SCHEMAS.get(schema) ?? null

const described = <Schema extends object>(schema: Schema, json: Readonly<Record<string, unknown>>): Schema => {
  JSON_SCHEMAS.set(schema, json)
  return schema
}

const whole = (field: WholeField) =>
  described(
    v.custom<number>(
      value => isWholeInRange(field, value),
      issue => wholeProblem(field, issue.input),
    ),
    { type: 'integer', minimum: RANGES[field].min, maximum: RANGES[field].max },
  )

const category = <Field extends CategoryField>(field: Field) =>
  described(
    v.custom<Risk[Field]>(
      value => isCategory(field, value),
      issue => categoryProblem(field, issue.input),
    ),
    { type: 'string', enum: CATEGORIES[field] },
  )

export const applicationIdSchema = described(
  v.custom<string>(isApplicationId, issue => idProblem(issue.input)),
  { type: 'string', minLength: 1, maxLength: APPLICATION_ID_LENGTH_MAX },
)

/**
 * Admits exactly the applications that can be rated, and gives them in one shape, without fields it does not know.
 * **Errors**: one issue per field that is wrong, all of them, its text naming column and value.
 */
export const applicationSchema = v.object(
  {
    applicationId: applicationIdSchema,
    area: category('area'),
    vehPower: whole('vehPower'),
    vehAge: whole('vehAge'),
    drivAge: whole('drivAge'),
    bonusMalus: whole('bonusMalus'),
    vehBrand: category('vehBrand'),
    vehGas: category('vehGas'),
    density: whole('density'),
    region: category('region'),
  } satisfies Record<FieldName, unknown>,
  issue => {
    const absent = issue.path?.at(-1)?.key
    return absent === undefined ? 'an application must be an object' : `${COLUMN_OF[absent as FieldName]}: missing`
  },
)

/** The application, or everything that is wrong with it. */
export type ApplicationCheck =
  | { readonly application: Application; readonly errors: null }
  | { readonly application: null; readonly errors: readonly string[] }

export const checkApplication = (value: unknown): ApplicationCheck => {
  const result = v.safeParse(applicationSchema, value)
  return result.success
    ? { application: result.output, errors: null }
    : { application: null, errors: result.issues.map(issue => issue.message) }
}

const shortText = (name: string, lengthMax: number) =>
  described(
    v.custom<string>(
      value => typeof value === 'string' && value.trim() !== '' && value.length <= lengthMax && value.isWellFormed(),
      `${name}: expected text of 1 to ${lengthMax} characters`,
    ),
    { type: 'string', minLength: 1, maxLength: lengthMax },
  )

/** A withdrawal, as it comes in at the door. */
export const withdrawalSchema = v.object({ applicationId: applicationIdSchema, reason: shortText('reason', 1_000) })

/** An underwriter's decision on a referred application, as it comes in at the door. */
export const referralDecisionSchema = v.object({
  applicationId: applicationIdSchema,
  decision: v.picklist(['accept', 'decline'], 'decision: expected "accept" or "decline"'),
  underwriter: shortText('underwriter', 128),
  reason: shortText('reason', 1_000),
})
