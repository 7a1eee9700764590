import { type Behavior, type ChildSpec, supervisor } from 'troupe'

/** What a bounded context consists of: the entities that it hosts, and the bridges and doors that bring it messages. */
export interface ContextParts {
  readonly kinds: readonly { readonly name: string; readonly behavior: Behavior<never> }[]
  readonly bridges: readonly { readonly name: string; readonly behavior: Behavior<never> }[]
}

/** How long the entities of a context have for their last writes. Units: ms. */
const SHUTDOWN_MS = 10_000

/**
 * A context's tree: entities first, then what feeds them. A bridge that fails is restarted alone; where entities fail as a
 * whole the bridges behind them start again too, and stopping goes the other way: first nothing more comes in.
 */
export const context = (id: string, { kinds, bridges }: ContextParts): ChildSpec => ({
  id,
  start: supervisor({
    strategy: 'rest-for-one',
    intensity: 5,
    periodMs: 10_000,
    children: [...kinds, ...bridges].map(({ name, behavior }) => ({
      id: name,
      start: behavior,
      restart: 'permanent',
      shutdownMs: SHUTDOWN_MS,
    })),
  }),
  restart: 'permanent',
})
