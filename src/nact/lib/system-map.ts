import { type AnyReference, targetOf } from './references.ts'

/**
 * The systems of this process by name. A later one of the same name takes it over; the actors of the earlier one are still
 * found by the references that it made.
 */
const systems = new Map<string | undefined, NamedSystem>()

export interface NamedSystem {
  readonly name: string
  find?(reference: never): unknown
}

export const add = (system: NamedSystem): void => {
  systems.set(system.name, system)
}

/** The system of that name, or what `reference` names in it; undefined: there is none. */
export const find = (systemName: string | undefined, reference?: unknown): unknown => {
  const system = systems.get(systemName)
  return system !== undefined && reference ? system.find?.(reference as never) : system
}

export const remove = (systemName: string): void => {
  systems.delete(systemName)
}

/** What lives under `reference`. **Errors**: TypeError for what is no reference at all. */
export const locate = (reference: AnyReference): unknown =>
  targetOf(reference) ?? find(reference.system.name, reference)

/** What `use` makes of the actor or the system under `reference`. **Errors**: Error where there is none. */
export const applyOrThrowIfStopped = <Concrete, Result>(
  reference: AnyReference,
  use: (concrete: Concrete) => Result,
): Result => {
  const concrete = locate(reference)
  if (!concrete) throw new Error('Actor has stopped or never even existed')
  return use(concrete as Concrete)
}
