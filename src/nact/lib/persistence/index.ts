import type { PersistenceEngine } from './persistence-engine.ts'

export { AbstractPersistenceEngine, PersistedEvent, PersistedSnapshot } from './persistence-engine.ts'
export { spawnPersistent } from './persistent-actor.ts'
export { persistentQuery } from './persistent-query.ts'

/** An extension of `start`: where persistent actors and queries have their events. **Errors**: Error without an engine. */
export const configurePersistence =
  (engine: PersistenceEngine) =>
  <System extends object>(system: System): System & { readonly persistenceEngine: PersistenceEngine } => {
    if (!engine) throw new Error('Persistence engine should not be undefined')
    return Object.assign(system, { persistenceEngine: engine })
  }
