import { definitionInvalid, type EventSourcedDefinition } from './event-sourced.ts'

/** The part of a definition that folds. */
type Folding<Event extends { readonly type: string }, State> = Pick<
  EventSourcedDefinition<never, Event, State, unknown>,
  'name' | 'initial' | 'evolve'
>

/**
 * The state after `event`. **Errors**: what `evolve` throws; DEFINITION_INVALID where it gives undefined, as one does that
 * forgot its `return`. Where `initial` gives undefined, undefined is a state like any other.
 */
export const evolved = <Event extends { readonly type: string }, State>(
  definition: Folding<Event, State>,
  persistenceId: string,
  state: State,
  event: Event,
): State => {
  const next = definition.evolve(state, event)
  if (next === undefined) checkUndefined(definition, persistenceId, event)
  return next
}

/** `initial` is pure, so it may be asked when it matters, and nothing about it is kept per entity. */
const checkUndefined = <Event extends { readonly type: string }, State>(
  { name, initial }: Folding<Event, State>,
  persistenceId: string,
  event: Event,
): void => {
  if (initial(persistenceId.slice(name.length + 1)) !== undefined)
    throw definitionInvalid(`${name}: evolve gave undefined for ${event.type}: return the state, changed or as it was`)
}
