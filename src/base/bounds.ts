import { shown } from './errors.ts'

/**
 * Checks of what users give. **Errors**, of each `check`: RangeError, which names what it is, what it may be, and the value.
 */

/** `options` is an object with these keys at most: a misspelt one would be left out silently. */
export const checkOptions = (what: string, options: object | undefined, keys: readonly string[]): void => {
  const problem = options === undefined ? null : optionsProblem(options, keys)
  if (problem !== null) throw new RangeError(`${what} ${problem}`)
}

/** What is wrong with options that may have these keys, for a sentence about them; null: nothing. */
export const optionsProblem = (options: unknown, keys: readonly string[]): string | null => {
  if (typeof options !== 'object' || options === null) return `must be an object, not ${shown(options)}`
  for (const key in options) if (!keys.includes(key)) return `may have ${keys.join(', ')}, not ${shown(key)}`
  return null
}

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
