import { optionsProblem } from '../base/bounds.ts'
import { RuntimeError, shown } from '../base/errors.ts'

/** `options` is an object with these keys at most. **Errors**: JOURNAL_MISCONFIGURED, which names the key. */
export const checkJournalOptions = (what: string, options: unknown, keys: readonly string[]): void => {
  const problem = optionsProblem(options, keys)
  if (problem !== null) throw misconfigured(`${what}: the options ${problem}`)
}

/** **Errors**: JOURNAL_MISCONFIGURED, which names the field. */
export const checkText = (what: string, text: unknown): void => {
  if (typeof text !== 'string' || text === '') throw misconfigured(`${what} must be a text, not ${shown(text)}`)
}

/** **Errors**: JOURNAL_MISCONFIGURED, which names the field. */
export const checkWord = (what: string, word: unknown, words: readonly string[]): void => {
  if (word !== undefined && !words.includes(word as string))
    throw misconfigured(`${what} must be one of ${words.join(', ')}, not ${shown(word)}`)
}

export const misconfigured = (text: string): RuntimeError => new RuntimeError('JOURNAL_MISCONFIGURED', text)
