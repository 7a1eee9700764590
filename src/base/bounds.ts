import { shown } from './errors.ts'

/** Checks of numbers and words that users give. **Errors**, of each: RangeError, which names what it is, its bound and the value. */

export const checkCount = (what: string, count: number | undefined): void => {
  if (!(Number.isSafeInteger(count) && (count as number) >= 1))
    throw new RangeError(`${what} must be a whole number of at least 1, not ${count}`)
}

export const checkOneOf = (what: string, word: unknown, words: readonly string[]): void => {
  if (!words.includes(word as string))
    throw new RangeError(`${what} must be one of ${words.join(', ')}, not ${shown(word)}`)
}

export const checkAboveZero = (what: string, value: number): void => {
  if (!(Number.isFinite(value) && value > 0)) throw new RangeError(`${what} must be more than 0, not ${value}`)
}
