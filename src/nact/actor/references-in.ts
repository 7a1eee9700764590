import { ActorReference, ActorSystemReference, TemporaryReference } from '../lib/references.ts'

/** How many values of one message are looked at, at whatever depth: some 2 µs. */
const LOOKED_AT_MAX = 256

/**
 * Calls `found` with each reference to a query that a message holds. False: there may be others, since the message is large,
 * holds a function or a promise, or does not let itself be looked at.
 */
export const findQueriesIn = (message: unknown, found: (reference: TemporaryReference) => void): boolean => {
  if (typeof message !== 'object' || message === null) return typeof message !== 'function'
  try {
    return new Search(found).through(message)
  } catch {
    // A getter that throws, a proxy that refuses: the message is its receiver's, who may be let in.
    return false
  }
}

class Search {
  private readonly found: (reference: TemporaryReference) => void
  private left = LOOKED_AT_MAX

  constructor(found: (reference: TemporaryReference) => void) {
    this.found = found
  }

  through(value: unknown): boolean {
    if (this.left-- === 0) return false
    if (typeof value !== 'object' || value === null) return typeof value !== 'function'
    if (value instanceof TemporaryReference) {
      this.found(value)
      return true
    }
    // What an actor's reference leads to are other actors; bytes lead nowhere.
    if (value instanceof ActorReference || value instanceof ActorSystemReference || ArrayBuffer.isView(value))
      return true
    if (value instanceof Promise) return false
    if (value instanceof Map || value instanceof Set || Array.isArray(value)) return this.throughAll(value)
    for (const key in value) if (!this.through((value as Readonly<Record<string, unknown>>)[key])) return false
    return true
  }

  private throughAll(values: Iterable<unknown>): boolean {
    for (const value of values) if (!this.through(value)) return false
    return true
  }
}
