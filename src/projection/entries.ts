/**
 * How the rows of an index are found: an entry is `index NUL index key NUL row key`, and entries sort by their bytes. A row
 * key may hold anything, since it comes last.
 */

import { RuntimeError } from '../base/errors.ts'
import type { Entry, EntryRange } from './view-store.ts'

/** Longest row key, and longest entry. Units: bytes of UTF-8. */
export const KEY_BYTES_MAX = 1_024

const NUL = '\0'
/** The character after NUL: what ends before it has the same text before its NUL. */
const AFTER_NUL = '\u0001'
const LAST = '\u{10ffff}'

/** Which part of an index, in which order. Without `equals`, `prefix`, `from` and `to` it is the whole index. */
export interface IndexRange {
  /** Rows with just this index key. */
  readonly equals?: string
  /** Rows whose index key begins so. */
  readonly prefix?: string
  /** Index keys from this one on. */
  readonly from?: string
  /** Index keys below this one. */
  readonly to?: string
  /** Where the page before ended. */
  readonly cursor?: string | null
  /** Default: 100. **Bounds**: 1 to 1,000. */
  readonly limit?: number
  /** Default: false. */
  readonly descending?: boolean
}

/** **Errors**: PROJECTION_INVALID for a key that is empty, too long, no well-formed text, or an index key with a NUL. */
export const entryOf = (index: string, indexKey: string, key: string): Entry => {
  if (typeof indexKey !== 'string' || indexKey.includes(NUL) || !indexKey.isWellFormed())
    throw invalid(`index ${index}: the index key of row ${JSON.stringify(key)} must be well-formed text without NUL`)
  const entry = `${index}${NUL}${indexKey}${NUL}${key}`
  if (Buffer.byteLength(entry) > KEY_BYTES_MAX)
    throw invalid(`index ${index}: the entry of row ${JSON.stringify(key)} has more than ${KEY_BYTES_MAX} bytes`)
  return entry
}

export const checkKey = (key: unknown): string => {
  if (typeof key !== 'string' || key === '' || !key.isWellFormed() || Buffer.byteLength(key) > KEY_BYTES_MAX)
    throw invalid(`a row's key must be well-formed text of 1 to ${KEY_BYTES_MAX} bytes`)
  return key
}

/** **Errors**: VIEW_QUERY_INVALID for a limit that is out of bounds, and a cursor that is not of this range. */
export const entryRangeOf = (index: string, range: IndexRange): EntryRange => {
  const { limit = 100, descending = false, cursor = null } = range
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) throw badQuery(`limit ${limit}: give 1 to 1,000`)
  const whole = boundsOf(index, range)
  if (cursor === null) return { ...whole, limit, descending }
  const entry = Buffer.from(cursor, 'base64url').toString()
  // The smallest text behind an entry is the entry and a NUL.
  const isInside = isBelow(entry, whole.to) && !isBelow(entry, whole.from)
  if (!isInside) throw badQuery('the cursor does not belong to this query. Begin again without one.')
  return descending ? { ...whole, to: entry, limit, descending } : { ...whole, from: entry + NUL, limit, descending }
}

export const cursorOf = (entry: Entry): string => Buffer.from(entry).toString('base64url')

/** A number as text of one length that sorts as the number does. **Bounds**: whole numbers from 0 to 2^53-1. */
export const sortable = (number: number): string => {
  if (!Number.isSafeInteger(number) || number < 0) throw invalid(`${number} is no whole number from 0 to 2^53-1`)
  return number.toString().padStart(16, '0')
}

const boundsOf = (index: string, { equals, prefix, from, to }: IndexRange): { from: Entry; to: Entry } => {
  const start = `${index}${NUL}`
  if (equals !== undefined) return { from: start + equals + NUL, to: start + equals + AFTER_NUL }
  if (prefix !== undefined) return { from: start + prefix, to: start + prefix + LAST }
  return {
    from: from === undefined ? start : start + from,
    to: to === undefined ? index + AFTER_NUL : start + to,
  }
}

const isBelow = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0

const invalid = (text: string): RuntimeError => new RuntimeError('PROJECTION_INVALID', text)
const badQuery = (text: string): RuntimeError => new RuntimeError('VIEW_QUERY_INVALID', text)
