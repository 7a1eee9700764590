/** Checks of what users, platforms and callers hand over, before anything is made of it: a misspelt key is no default. */

import { optionsProblem } from '../base/bounds.ts'
import { RuntimeError, shown } from '../base/errors.ts'
import { checkDefinition, checkKeys, definitionInvalid, isCount } from '../persistence/event-sourced.ts'
import { projection as checkProjection } from '../projection/projection.ts'
import type { EntityEvent } from './entity-function.ts'
import type { Routed } from './to-function.ts'

const KINDS = ['entity', 'bridge', 'projection'] as const
const OPTION_KEYS = [...KINDS, 'views', 'journal', 'attemptsMax', 'logger', 'ports']
const EVENT_KEYS = ['id', 'command', 'messageId', 'correlationId', 'traceId', 'principal']

/** **Errors**: DEFINITION_INVALID, PROJECTION_INVALID; both name the field. */
export const checkFunction = (options: unknown): void => {
  // Undefined is no options either: `checkKeys` says so of whatever is no object.
  checkKeys('toFunction: its options', options ?? null, OPTION_KEYS)
  const { entity, bridge, projection, views, journal, logger, attemptsMax = 1 } = options as Fields
  const given = KINDS.filter(kind => (options as Fields)[kind] !== undefined)
  if (given.length !== 1)
    throw definitionInvalid(
      `toFunction: give one of entity, bridge and projection, not ${given.join(' and ') || 'none'}`,
    )
  if (typeof (journal as Fields | undefined)?.commit !== 'function') throw refused('journal', 'a journal', journal)
  if (!isCount(attemptsMax)) throw refused('attemptsMax', 'a whole number of at least 1', attemptsMax)
  if (logger !== undefined && typeof (logger as Fields | null)?.log !== 'function')
    throw refused('logger', 'a logger', logger)
  if (entity !== undefined) checkDefinition(entity)
  if (bridge !== undefined) checkBridge(bridge)
  if (projection !== undefined) {
    checkProjection(projection as Parameters<typeof checkProjection>[0])
    if (typeof (views as Fields | undefined)?.builds !== 'function') throw refused('views', 'a store of views', views)
  } else if (views !== undefined) throw definitionInvalid('toFunction: views is for a projection')
}

const checkBridge = (bridge: unknown): void => {
  checkKeys('toFunction: bridge', bridge, ['name', 'translate'])
  const { name, translate } = bridge as Fields
  if (typeof name !== 'string' || name === '') throw refused('bridge.name', 'a text', name)
  if (typeof translate !== 'function') throw refused('bridge.translate', 'a function', translate)
}

/**
 * A command's event, from whoever sent it. What is no text would be an id all the same, as a part of a longer one:
 * `undefined` for all that have none. **Errors**: PERSISTENCE_ID_INVALID, MESSAGE_INVALID.
 */
export const checkEntityEvent: (entity: string, event: unknown) => asserts event is EntityEvent<unknown> = (
  entity,
  event,
) => {
  const problem = optionsProblem(event, EVENT_KEYS)
  if (problem !== null) throw new RuntimeError('MESSAGE_INVALID', `${entity}: an event ${problem}`)
  const { id, messageId, ...rest } = event as Fields
  if (typeof id !== 'string')
    throw new RuntimeError('PERSISTENCE_ID_INVALID', `${entity}: an entity's id is text, not ${shown(id)}`)
  if (!('command' in rest)) throw new RuntimeError('MESSAGE_INVALID', `${entity}: an event for ${id} has no command`)
  if (messageId !== undefined) checkMessageId(messageId)
}

/** **Errors**: MESSAGE_INVALID. */
export const checkMessageId = (id: unknown): void => {
  if (typeof id !== 'string' || id === '')
    throw new RuntimeError('MESSAGE_INVALID', `a message's id is text that is not empty, not ${shown(id)}`)
}

/** What a translation gave, which may have forgotten to give anything. **Errors**: DEFINITION_INVALID. */
export const checkRouted: (bridge: string, route: unknown) => asserts route is Routed = (bridge, route) => {
  const { definition, id } = (typeof route === 'object' && route !== null ? route : {}) as Fields
  const { decide, evolve } = (definition ?? {}) as Fields
  if (typeof decide !== 'function' || typeof evolve !== 'function' || id === undefined)
    throw definitionInvalid(`bridge ${bridge}: translate must give routed(…) or null, not ${shown(route)}`)
}

const refused = (field: string, mustBe: string, value: unknown): RuntimeError =>
  definitionInvalid(`toFunction: ${field} must be ${mustBe}, not ${shown(value)}`)

type Fields = Readonly<Record<string, unknown>>
