import { deserialize, serialize } from 'node:v8'
import { RuntimeError } from '../../base/errors.ts'
import type { StoredAppend } from '../../persistence/journal.ts'
import { PersistedEvent, type PersistenceEngine } from '../lib/persistence/persistence-engine.ts'

/** One commit of the journal: one event to the engine, so that it is written as a whole or not at all. */
export interface Commit {
  readonly appends: readonly StoredAppend[]
  /** All that there are, as of this commit; null: as before. */
  readonly cursors: ReadonlyMap<string, number> | null
}

/**
 * What an engine is given, whatever it makes of it on its way to the disk: text. It holds what a journal admits, big numbers,
 * dates and bytes too, and gives plain data back.
 */
interface Encoded {
  readonly troupe: 1
  readonly v8: string
}

export const encode = (value: unknown): Encoded => ({ troupe: 1, v8: serialize(value).toString('base64') })

/** **Errors**: JOURNAL_CORRUPT. */
export const decode = (data: unknown, where: string): unknown => {
  try {
    const { troupe, v8 } = data as Encoded
    if (troupe === 1) return deserialize(Buffer.from(v8, 'base64'))
  } catch (cause) {
    throw new RuntimeError('JOURNAL_CORRUPT', `${where} cannot be read`, { cause })
  }
  throw new RuntimeError('JOURNAL_FORMAT', `${where} was not written by this journal: give it a key of its own`)
}

const RECENT_MAX = 16

/** The journal's log under one key of an engine: commit n is the key's event n. */
export class EngineLog {
  /** Those read last: the appends of one commit are asked for one by one. */
  private readonly recent = new Map<number, Commit>()
  private readonly engine: PersistenceEngine
  private readonly key: string

  constructor(engine: PersistenceEngine, key: string) {
    this.engine = engine
    this.key = key
  }

  /** **Errors**: what the engine rejects with; then nobody knows whether it is there. */
  async write(nr: number, commit: Commit): Promise<void> {
    await this.engine.persist(new PersistedEvent(encode(commit), nr, this.key))
  }

  async commit(nr: number): Promise<Commit> {
    const known = this.recent.get(nr)
    if (known !== undefined) return known
    const [commit] = await this.after(nr - 1, 1)
    if (commit === undefined)
      throw new RuntimeError('JOURNAL_CORRUPT', `commit ${nr} of ${this.key} is missing from the engine`)
    for (const oldest of this.recent.keys()) if (this.recent.size >= RECENT_MAX) this.recent.delete(oldest)
    this.recent.set(nr, commit)
    return commit
  }

  /** The commits after the first `nr`, in order; `limit`: no more than so many. */
  async after(nr: number, limit?: number): Promise<readonly Commit[]> {
    const events = await eventsOf(this.engine, this.key, nr, limit)
    return events.map((event, i) => {
      const where = `commit ${nr + i + 1} of ${this.key}`
      if (event.sequenceNumber !== nr + i + 1)
        throw new RuntimeError('JOURNAL_CORRUPT', `${where} has number ${event.sequenceNumber} in the engine`)
      return decode(event.data, where) as Commit
    })
  }
}

/** An engine's events as an array, whatever kind of stream it gives. */
export const eventsOf = async (
  engine: PersistenceEngine,
  key: string,
  offset: number,
  limit?: number,
): Promise<readonly PersistedEvent[]> => {
  const events: PersistedEvent[] = []
  await engine.events(key, offset, limit).reduce((_, event) => {
    if (limit === undefined || events.length < limit) events.push(event)
    return null
  }, null)
  return events
}
