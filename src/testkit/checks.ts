import { shown } from '../base/errors.ts'

/** Checks of what a test gives. **Errors**, of each: RangeError, which names what it is, what it may be, and the value. */

export const checkSeed = (seed: number): void => {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`seed must be a whole number, not ${shown(seed)}`)
}

/** A point in time. **Units**: ms. */
export const checkMs = (what: string, ms: number): void => {
  if (!Number.isFinite(ms)) throw new RangeError(`${what} is a number of ms, not ${shown(ms)}`)
}

/** A time that passes. **Units**: ms; infinite where it may have no end. */
export const checkDurationMs = (what: string, ms: number, isEndlessAllowed = true): void => {
  const isDuration = typeof ms === 'number' && ms >= 0 && (isEndlessAllowed || ms < Number.POSITIVE_INFINITY)
  if (!isDuration) throw new RangeError(`${what} is a number of ms from 0, not ${shown(ms)}`)
}
