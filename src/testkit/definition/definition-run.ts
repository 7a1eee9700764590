import { AssertionError } from 'node:assert'
import { inspect, isDeepStrictEqual } from 'node:util'
import type { EventSchema, VersionedEvent } from '../../persistence/event-schema.ts'
import type { DecideContext, Decision, EventSourcedDefinition, Outgoing } from '../../persistence/event-sourced.ts'
import { checkDefinition, persistenceIdOf } from '../../persistence/event-sourced.ts'
import { evolved } from '../../persistence/evolving.ts'
import { recordsOf } from '../../persistence/records-of.ts'
import { checkStorable } from '../../persistence/storable.ts'
import { deepFreeze } from '../deep-freeze.ts'

/** What a command led to. */
export interface Decided<Event, State, Reply> {
  readonly events: readonly Event[]
  readonly reply: Reply | undefined
  readonly send: readonly Outgoing[]
  /** After its events. */
  readonly state: State
}

export type GivenContext = Partial<DecideContext>

/**
 * An event-sourced definition on its own: given events, when a command, then its events, reply and what it sends.
 *
 * Every call also checks what the runtime leans on and cannot check in production: `decide` and `evolve` give the same for
 * the same input (each runs twice, and so do upcasters), change nothing that they are given (all of it is frozen), and
 * everything that is to be stored can be. **Errors**: AssertionError that names the function; EVENT_NOT_STORABLE,
 * EVENT_TOO_LARGE, DECISION_INVALID as the runtime has them; what `decide` and `evolve` throw themselves.
 */
export class DefinitionRun<Command, Event extends { readonly type: string }, State, Reply> {
  readonly id: string
  private readonly definition: EventSourcedDefinition<Command, Event, State, Reply>
  private current: State
  private readonly history: Event[] = []

  constructor(definition: EventSourcedDefinition<Command, Event, State, Reply>, id: string) {
    checkDefinition(definition)
    this.definition = definition
    this.id = id
    this.current = same(`${definition.name}: initial`, () => definition.initial(id))
  }

  get state(): State {
    return this.current
  }

  /** All events so far. */
  get events(): readonly Event[] {
    return this.history
  }

  /** These have happened before. */
  given(...events: readonly Event[]): this {
    for (const event of events) this.fold(event)
    return this
  }

  /** This was stored by an older version of the program: the schema's upcasters make of it what it is at present. */
  givenStored(...stored: readonly VersionedEvent[]): this {
    const { name, schema } = this.definition
    for (const event of stored)
      if (schema === undefined) this.fold(event.payload as Event)
      else for (const present of upcast(name, schema, deepFreeze(event))) this.fold(present as Event)
    return this
  }

  /** Handles a command at `nowMs` (1,700,000,000,000 by default), and folds its events into the state. */
  when(command: Command, context: GivenContext = {}): Decided<Event, State, Reply> {
    const { name } = this.definition
    deepFreeze(command)
    const values: DecideContext = deepFreeze({
      id: this.id,
      nowMs: 1_700_000_000_000,
      causationId: null,
      correlationId: null,
      principal: null,
      ...context,
    })
    const decision: Decision<Event, Reply> = same(`${name}: decide`, () =>
      this.definition.decide(this.current, command, values),
    )
    recordsOf(decision, this.definition.schema ?? null)
    const { events = [], reply, send = [] } = decision
    for (const event of events) this.fold(event)
    return { events, reply, send, state: this.current }
  }

  private fold(event: Event): void {
    const { name, snapshot } = this.definition
    deepFreeze(event)
    const next = same(`${name}: evolve of ${event.type}`, () =>
      evolved(this.definition, persistenceIdOf(name, this.id), this.current, event),
    )
    if (snapshot !== undefined) checkStorable(next, Number.MAX_SAFE_INTEGER)
    this.current = next
    this.history.push(event)
  }
}

export const runDefinition = <Command, Event extends { readonly type: string }, State, Reply>(
  definition: EventSourcedDefinition<Command, Event, State, Reply>,
  id = 'test',
): DefinitionRun<Command, Event, State, Reply> => new DefinitionRun(definition, id)

const upcast = (name: string, schema: EventSchema, { type, version, payload }: VersionedEvent): readonly unknown[] => {
  const where = `${name}: ${type} of version ${version}`
  return same(where, () => schema.read({ type, version, payload }, where))
}

/** Calls `pure` twice on what is frozen already, and freezes what it gives. */
const same = <Result>(what: string, pure: () => Result): Result => {
  const first = pure()
  const shown = inspect(first, SHOWN)
  const second = pure()
  // The first is compared as it was, too: an instance cannot be frozen, and the second call may have changed it.
  if (!isDeepStrictEqual(first, second) || inspect(first, SHOWN) !== shown)
    throw new AssertionError({
      message: `${what} gives another result for the same input: it reads a clock, draws a number, or changes what it was given`,
      expected: first,
      actual: second,
      operator: 'same',
    })
  return deepFreeze(first)
}

const SHOWN = { depth: 8, maxArrayLength: 1_000, maxStringLength: 10_000 }
