/** How recoveries look for an id, also in a journal that offers `lastSequenceNr` and `read` alone. */

import type { AppendPages, FoundId, Journal, StoredAppend } from './journal.ts'

export const findId = (journal: Journal, persistenceId: string): FoundId | Promise<FoundId> => {
  if (journal.find !== undefined) return journal.find(persistenceId)
  const found = (sequenceNr: number): FoundId => ({
    sequenceNr,
    pages: fromSequenceNr => new ReadPages(journal.read(persistenceId, fromSequenceNr)),
  })
  const last = journal.lastSequenceNr(persistenceId)
  return last instanceof Promise ? last.then(found) : found(last)
}

/** Each append is a page. */
class ReadPages implements AppendPages {
  private readonly appends: AsyncIterator<StoredAppend>

  constructor(appends: AsyncIterable<StoredAppend>) {
    this.appends = appends[Symbol.asyncIterator]()
  }

  async next(): Promise<readonly StoredAppend[] | null> {
    const { done, value } = await this.appends.next()
    return done === true ? null : [value]
  }

  close(): void {
    // The recovery has failed or was stopped: it has said why, and nothing that comes after is anybody's.
    this.appends.return?.().then(undefined, () => undefined)
  }
}
