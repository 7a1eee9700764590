import { RuntimeError } from '../base/errors.ts'

/** Longest persistence id. Units: bytes of UTF-8. LMDB's keys end at 1,978, and an id is a name, not a document. */
export const PERSISTENCE_ID_BYTES_MAX = 512

/**
 * The partition of a persistence id: FNV-1a over its UTF-16 code units, folded to `partitions`. Stable for ever: a store's
 * layout depends on it.
 */
export const partitionOf = (persistenceId: string, partitions: number): number => {
  if (partitions === 1) return 0
  let hash = 0x811c9dc5
  for (let i = 0; i < persistenceId.length; i++) {
    hash ^= persistenceId.charCodeAt(i)
    hash = Math.imul(hash, 0x01000193)
  }
  return (hash >>> 0) % partitions
}

/** **Errors**: PERSISTENCE_ID_INVALID for an empty one, one over the limit, and one that is no well-formed text. */
export const checkPersistenceId = (persistenceId: string): string => {
  if (typeof persistenceId !== 'string' || persistenceId.length === 0)
    throw new RuntimeError('PERSISTENCE_ID_INVALID', 'a persistence id must be a string of at least one character')
  if (
    persistenceId.length * 3 > PERSISTENCE_ID_BYTES_MAX &&
    Buffer.byteLength(persistenceId) > PERSISTENCE_ID_BYTES_MAX
  )
    throw new RuntimeError(
      'PERSISTENCE_ID_INVALID',
      `persistence id of ${Buffer.byteLength(persistenceId)} bytes: at most ${PERSISTENCE_ID_BYTES_MAX} are allowed`,
    )
  if (!persistenceId.isWellFormed())
    throw new RuntimeError(
      'PERSISTENCE_ID_INVALID',
      `persistence id ${JSON.stringify(persistenceId)} is no well-formed text`,
    )
  return persistenceId
}
