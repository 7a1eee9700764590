import { optionsProblem } from '../base/bounds.ts'
import { RuntimeError, shown } from '../base/errors.ts'
import type { EventSchema } from './event-schema.ts'

/**
 * What a user writes for an event-sourced actor: two pure functions and a starting state. `decide` turns a command into
 * events and effects; `evolve` folds an event into the state. Neither reads a clock, does I/O or draws a number: what
 * they need arrives in the command and the context, so that replaying gives the same state for ever.
 */

/** What `decide` may look at beside state and command. Values only. */
export interface DecideContext {
  /** The entity's own id. */
  readonly id: string
  /** When the command is handled. Units: ms since 1970. */
  readonly nowMs: number
  /** The record or request that this command came from, where known. */
  readonly causationId: string | null
  readonly correlationId: string | null
  /** On whose behalf, where its sender said so. */
  readonly principal: string | null
}

/** A message that leaves with the events, in the same write, and is delivered from the log until it is acknowledged. */
export interface Outgoing<Command = unknown> {
  /** Where to: the address that one bridge subscribes to, such as `risk`. */
  readonly to: string
  readonly command: Command
}

/** Makes an outgoing message; what is sent so is stored with the events and published from the store. */
export const to = <Command>(address: string, command: Command): Outgoing<Command> => ({ to: address, command })

/** What a command leads to. All of it is stored in one write, or nothing is; without any of it the command only was read. */
export interface Decision<Event, Reply = never> {
  readonly events?: readonly Event[]
  /** The answer to whoever asked; given once everything that it could reflect is durable. */
  readonly reply?: Reply
  readonly send?: readonly Outgoing[]
  /**
   * The id of an earlier event of this entity, as `history` tells it, that these events make good. The command waits until
   * it was looked for in the journal. **Errors**: the command is answered with COMPENSATION_INVALID, and the state is what
   * it was, where the entity has no such event (any more), or nothing makes it good.
   */
  readonly compensates?: string
  /** An event, or `events` misspelt, is no decision. */
  readonly type?: never
  readonly event?: never
}

/** When a snapshot is taken: at least one of `every`, `when` and `onStop`; where several are given, each does. */
export interface SnapshotPolicy<State = unknown, Event = unknown> {
  /** After at least this many records since the last one. */
  readonly every?: number
  /** After an event for which this says so, with the state that it led to: the end of a month, say. Pure, as `evolve` is. */
  when?(state: State, event: Event): boolean
  /** When the entity is stopped or passivated, before it has ended; not when it is killed or crashes. Default: false. */
  readonly onStop?: boolean
  /**
   * Deletes the events that the oldest kept snapshot covers, once the newest one is stored, where this process has seen
   * `keep` of them stored or read. `history` and `stateAsOf` have lost those then, and an entity all of whose snapshots
   * cannot be read (or are of another `version`) cannot be recovered. Default: false. **Errors**: DEFINITION_INVALID where
   * the journal cannot delete.
   */
  readonly deleteEvents?: boolean
  /** How many of an id's newest snapshots are kept. Default: 2. */
  readonly keep?: number
  /** Of the state's shape. A snapshot of another version is left aside, and an older one or all events serve. Default: 1. */
  readonly version?: number
}

/** A kind of entities: see `eventSourced`. Its functions are called without a `this`. */
export interface EventSourcedDefinition<Command, Event extends { readonly type: string }, State, Reply = never> {
  /** The kind's name; a persistence id is `${name}|${id}`. Stable for ever. */
  readonly name: string
  initial(id: string): State
  decide(state: State, command: Command, context: DecideContext): Decision<Event, Reply>
  evolve(state: State, event: Event): State
  /** Of states that are plain data, as events are; one that is not is never stored, with a warning each time. */
  readonly snapshot?: SnapshotPolicy<State, Event>
  /** Versions of the events; without it all are of version 1, and every stored type is folded as it is. */
  readonly schema?: EventSchema
}

/**
 * Gives the definition its types and checks it. **Errors**: DEFINITION_INVALID, which names the field, for a name that is
 * empty or has a `|` (it ends the name in a persistence id), for functions that are none, and for a snapshot policy that
 * is none.
 */
export const eventSourced = <Command, Event extends { readonly type: string }, State, Reply = never>(
  definition: EventSourcedDefinition<Command, Event, State, Reply>,
): EventSourcedDefinition<Command, Event, State, Reply> => {
  checkDefinition(definition)
  return definition
}

/** For whoever hosts a definition that may not have come through `eventSourced`. **Errors**: DEFINITION_INVALID. */
export const checkDefinition = (definition: unknown): void => {
  if (!isObject(definition)) throw definitionInvalid(`the definition must be an object, not ${shown(definition)}`)
  const { name, snapshot } = definition
  if (typeof name !== 'string' || name === '' || name.includes('|'))
    throw definitionInvalid(`name ${shown(name)}: give a text of at least one character, without |`)
  for (const field of ['initial', 'decide', 'evolve'])
    if (typeof definition[field] !== 'function')
      throw definitionInvalid(`${name}: ${field} must be a function, not ${shown(definition[field])}`)
  checkKeys(`${name}: the definition`, definition, DEFINITION_KEYS)
  if (snapshot === undefined) return
  checkKeys(`${name}: snapshot`, snapshot, SNAPSHOT_KEYS)
  const { every, when, onStop = false, deleteEvents = false, keep = 2, version = 1 } = snapshot as Fields
  if (every === undefined && when === undefined && onStop !== true)
    throw definitionInvalid(
      `${name}: snapshot must be given \`every\`, \`when\` or \`onStop: true\`, not ${shownKeys(snapshot as Fields)}`,
    )
  for (const [field, value] of Object.entries({ every: every ?? 1, keep, version }))
    if (!isCount(value))
      throw definitionInvalid(`${name}: snapshot.${field} must be a whole number of at least 1, not ${shown(value)}`)
  for (const [field, value] of Object.entries({ onStop, deleteEvents }))
    if (typeof value !== 'boolean')
      throw definitionInvalid(`${name}: snapshot.${field} must be true or false, not ${shown(value)}`)
  if (when !== undefined && typeof when !== 'function')
    throw definitionInvalid(`${name}: snapshot.when must be a function, not ${shown(when)}`)
}

/** A key that nobody reads would be a setting that is silently left out. **Errors**: DEFINITION_INVALID. */
export const checkKeys = (what: string, options: unknown, keys: readonly string[]): void => {
  const problem = optionsProblem(options, keys)
  if (problem !== null) throw definitionInvalid(`${what} ${problem}`)
}

const DEFINITION_KEYS = ['name', 'initial', 'decide', 'evolve', 'snapshot', 'schema']
const SNAPSHOT_KEYS = ['every', 'when', 'onStop', 'deleteEvents', 'keep', 'version']

const shownKeys = (object: Fields): string => {
  const keys = Object.keys(object)
  return keys.length === 0 ? 'nothing' : `only ${keys.join(', ')}`
}

export const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 1

export const definitionInvalid = (text: string): RuntimeError => new RuntimeError('DEFINITION_INVALID', text)

type Fields = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null

/** The id of an entity in a journal: `EventStore.deleteTo`, `history` and archives know it by this. **Errors**: none. */
export const persistenceIdOf = (name: string, id: string): string => `${name}|${id}`
