/** Per field of an application: its name in files and messages, what is allowed, and what is said of the rest. */

import { CATEGORIES, type CategoryField, RANGES, type WholeField } from '../tariffs/input-domain.ts'
import type { Application } from './application.ts'

export type FieldName = keyof Application

/** How the published portfolio and the sample name the columns, in the sample's order. */
export const COLUMN_OF = {
  applicationId: 'ApplicationId',
  area: 'Area',
  vehPower: 'VehPower',
  vehAge: 'VehAge',
  drivAge: 'DrivAge',
  bonusMalus: 'BonusMalus',
  vehBrand: 'VehBrand',
  vehGas: 'VehGas',
  density: 'Density',
  region: 'Region',
} as const satisfies Record<FieldName, string>

/** **Units**: UTF-16 code units. Together with the name of any actor kind it stays a short persistence id. */
export const APPLICATION_ID_LENGTH_MAX = 128

export const isApplicationId = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= APPLICATION_ID_LENGTH_MAX && value.isWellFormed()

export const isWholeInRange = (field: WholeField, value: unknown): value is number =>
  isWhole(value) && value >= RANGES[field].min && value <= RANGES[field].max

/** -0 is none: it is stored as another number than the 0 that it equals. */
const isWhole = (value: unknown): value is number => Number.isInteger(value) && !Object.is(value, -0)

export const isCategory = (field: CategoryField, value: unknown): boolean =>
  (CATEGORIES[field] as readonly unknown[]).includes(value)

/** Why `isApplicationId` said no, for a person. */
export const idProblem = (value: unknown): string => {
  const column = COLUMN_OF.applicationId
  if (isMissing(value)) return `${column}: missing`
  if (typeof value !== 'string') return `${column}: ${shown(value)} is not text`
  if (value.length > APPLICATION_ID_LENGTH_MAX)
    return `${column}: ${value.length} characters, at most ${APPLICATION_ID_LENGTH_MAX} are allowed`
  return `${column}: ${shown(value)} is not well-formed text`
}

/** Why `isWholeInRange` said no, for a person. */
export const wholeProblem = (field: WholeField, value: unknown): string => {
  const column = COLUMN_OF[field]
  if (isMissing(value)) return `${column}: missing`
  if (!isWhole(value)) return `${column}: ${shown(value)} is not a whole number`
  return `${column}: ${value} is outside ${RANGES[field].min} to ${RANGES[field].max}`
}

/** Why `isCategory` said no, for a person. */
export const categoryProblem = (field: CategoryField, value: unknown): string =>
  isMissing(value) ? `${COLUMN_OF[field]}: missing` : `${COLUMN_OF[field]}: unknown ${shown(value)}`

const isMissing = (value: unknown): boolean => value === undefined || value === null || value === ''

/** A value as it stood, cut where it is long: it may be anything that anyone put into a file. */
const shown = (value: unknown): string => {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value !== 'string') return `a value of type ${typeof value}`
  return JSON.stringify(value.length > SHOWN_LENGTH_MAX ? `${value.slice(0, SHOWN_LENGTH_MAX)}…` : value)
}

const SHOWN_LENGTH_MAX = 40
