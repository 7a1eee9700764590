import { optionsProblem } from '../base/bounds.ts'
import { RuntimeError, shown } from '../base/errors.ts'
import type { EventSchema } from '../persistence/event-schema.ts'
import { isCount } from '../persistence/event-sourced.ts'

/** Where an event stands, who caused it, and when. */
export interface EventAbout {
  /** A command is told with the address that it was sent to. */
  readonly record: 'event' | 'command'
  /** An event's type, or a command's address. */
  readonly type: string
  readonly partition: number
  readonly position: number
  /** Of the actor that decided it: its kind and its id. */
  readonly kind: string
  readonly id: string
  readonly eventId: string
  readonly sequenceNr: number
  /** When it was decided. Units: ms since 1970. */
  readonly timeMs: number
  readonly causationId: string | null
  readonly correlationId: string | null
  /** On whose behalf it was asked for, what followed from it included; null where nobody said. */
  readonly principal: string | null
  /** The bridge that delivered the command; null where somebody asked the actor itself. */
  readonly source: string | null
}

/** What an event does to one row of the view. */
export type Change<Row> =
  | { readonly type: 'put'; readonly key: string; readonly row: Row }
  | { readonly type: 'remove'; readonly key: string }
  | { readonly type: 'update'; readonly key: string; readonly change: (row: Row | null) => Row | null }

export const put = <Row>(key: string, row: Row): Change<Row> => ({ type: 'put', key, row })
export const remove = (key: string): { readonly type: 'remove'; readonly key: string } => ({ type: 'remove', key })
/** `change` gets the row as all earlier events left it, null where there is none, and gives it anew; null removes it. */
export const update = <Row>(key: string, change: (row: Row | null) => Row | null): Change<Row> => ({
  type: 'update',
  key,
  change,
})

export interface ProjectionDefinition<Event extends { readonly type: string }, Row extends object> {
  /** The view's name. Stable for ever. **Bounds**: 1 to 64 of `a-z`, `A-Z`, `0-9`, `-`, `_`. */
  readonly name: string
  /** Of what `project` and `indexes` make; another one than the stored view's makes it anew. Default: 1. */
  readonly version?: number
  /** Types of events that it takes. */
  readonly events: readonly Event['type'][]
  /** Addresses whose commands it takes too, as they were sent: name their types in `Event`. Default: none. */
  readonly commands?: readonly string[]
  /** Kinds of actors whose events it takes. Default: all. */
  readonly kinds?: readonly string[]
  /** Versions of the events; without it each is taken as it is stored. */
  readonly schema?: EventSchema
  /** What an event changes; pure, as `evolve` is. Rows are plain data. */
  project(event: Event, about: EventAbout): readonly Change<Row>[]
  /** Index keys of a row, by the index's name; null: the row is not in that index. */
  readonly indexes?: Readonly<Record<string, (row: Row, key: string) => string | null>>
}

/** Gives the definition its types and checks it. **Errors**: PROJECTION_INVALID, which names the field. */
export const projection = <Event extends { readonly type: string }, Row extends object>(
  definition: ProjectionDefinition<Event, Row>,
): ProjectionDefinition<Event, Row> => {
  const problem = optionsProblem(definition ?? null, KEYS)
  if (problem !== null) throw invalid(`definition ${problem}`)
  const { name, version = 1, events, indexes = {} } = definition
  if (typeof name !== 'string' || !NAME.test(name))
    throw invalid(`name ${shown(name)}: give 1 to 64 of a-z A-Z 0-9 - _`)
  if (!isCount(version)) throw invalid(`${name}: version must be a whole number of at least 1, not ${shown(version)}`)
  if (!Array.isArray(events) || events.length === 0) throw invalid(`${name}: events must name at least one type`)
  if (typeof definition.project !== 'function') throw invalid(`${name}: project must be a function`)
  for (const [index, keyOf] of Object.entries(indexes))
    if (!NAME.test(index) || typeof keyOf !== 'function') throw invalid(`${name}: index ${shown(index)} is none`)
  return definition
}

const KEYS = ['name', 'version', 'events', 'commands', 'kinds', 'schema', 'project', 'indexes']
const NAME = /^[\w-]{1,64}$/

const invalid = (text: string): RuntimeError => new RuntimeError('PROJECTION_INVALID', `projection ${text}`)
