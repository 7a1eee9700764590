import { RuntimeError } from '../base/errors.ts'
import type { EventStore } from './event-store.ts'

/** Whose the ids of a kind are: the kind as a whole, or one id of it. */
export interface Claim {
  readonly name: string
  /** Null: all of them. */
  readonly id: string | null
}

const claimsOf = new WeakMap<EventStore, Set<Claim>>()

/**
 * Takes ids of a store for one host, until the function that comes back is called. Two hosts would each keep a state of
 * the same id, and take turns at losing theirs to a conflict. **Errors**: ENTITIES_RUNNING.
 */
export const claimIds = (store: EventStore, claim: Claim): (() => void) => {
  const claims = claimsOf.get(store) ?? new Set()
  claimsOf.set(store, claims)
  for (const other of claims)
    if (other.name === claim.name && (other.id === null || claim.id === null || other.id === claim.id))
      throw new RuntimeError(
        'ENTITIES_RUNNING',
        `${textOf(claim)}: the entities of ${textOf(other)} run already on this store (${store.journal.name}). ` +
          'Share the object that `entities` gave, or stop the supervisor of the first before another one starts.',
      )
  claims.add(claim)
  return () => claims.delete(claim)
}

const textOf = ({ name, id }: Claim): string => (id === null ? `kind ${name}` : `${name}|${id}`)
