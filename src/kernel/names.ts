import { checkOptions } from '../base/bounds.ts'
import { RuntimeError, shown } from '../base/errors.ts'
import type { SpawnOptions } from './types.ts'

export const nameTaken = (parent: string, name: string): RuntimeError =>
  new RuntimeError('ACTOR_NAME_TAKEN', `${parent} has a child named ${JSON.stringify(name)} already`)

/** **Errors**: RangeError for other options. */
export const nameIn = (options: SpawnOptions): string | undefined => {
  checkOptions('the options of an actor', options, ['name'])
  return options.name
}

/** A name with which no path could mean two actors. */
export const isName = (name: unknown): name is string =>
  typeof name === 'string' && name !== '' && !name.startsWith('$') && !name.includes('/')

export const nameInvalid = (parent: string, name: unknown): RuntimeError =>
  new RuntimeError(
    'ACTOR_NAME_INVALID',
    `${parent}: ${shown(name)} is no actor's name: give a text that is not empty, has no / and does not begin with $`,
  )

const ESCAPED = /[/%]|^\$/g

/** A name as it stands in a path. Ids of entities and of supervisors' children are data, and may be any text. */
export const inPath = (name: string): string => name.replace(ESCAPED, found => encodeURIComponent(found))
