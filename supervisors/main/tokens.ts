import { readFile } from 'node:fs/promises'
import { toError } from 'troupe'
import * as v from 'valibot'
import { type BearerToken, bearerTokens, SCOPES } from '../http/access.ts'
import { UsageError } from './options.ts'

const tokensSchema = v.pipe(
  v.array(
    v.strictObject({
      token: v.string('token: give a text'),
      scopes: v.array(v.picklist(SCOPES, `scopes: give some of ${SCOPES.join(', ')}`), 'scopes: give a list'),
      name: v.optional(v.string('name: give a text')),
    }),
    'give a list',
  ),
  v.minLength(1, 'give at least one token'),
  v.check(tokens => new Set(tokens.map(({ token }) => token)).size === tokens.length, 'no token may stand there twice'),
)

/**
 * The tokens of a JSON file, `[{ "token": "…", "scopes": ["read", "submit"], "name": "broker 7" }]`. **Errors**: UsageError,
 * which says what is wrong and repeats nothing of what stands there.
 */
export const readTokens = async (file: string): Promise<readonly BearerToken[]> => {
  const refused = (why: string): UsageError => new UsageError(`--tokens ${file}: ${why}`)
  const text = await readFile(file, 'utf8').catch(error => {
    throw refused(toError(error).message)
  })
  const read = v.safeParse(tokensSchema, parsed(text))
  if (!read.success) throw refused(read.issues.map(whereAndWhat).join('; '))
  const tokens = read.output.map(({ token, scopes, name }) => ({ token, scopes, ...(name !== undefined && { name }) }))
  try {
    bearerTokens(tokens)
  } catch (error) {
    throw refused(toError(error).message)
  }
  return tokens
}

/** Undefined where it is no JSON: what a parser says of it quotes it. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The schema's own words; a field that is unknown is not repeated, since it may be a token in the wrong place. */
const whereAndWhat = (issue: v.BaseIssue<unknown>): string => {
  const index = issue.path?.[0]?.key
  const what = issue.type === 'strict_object' ? 'give token, scopes and name, and nothing else' : issue.message
  return typeof index === 'number' ? `entry ${index + 1}: ${what}` : `it must be JSON: ${what}`
}
