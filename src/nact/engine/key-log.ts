import { RuntimeError } from '../../base/errors.ts'
import { OneByOne } from '../../base/one-by-one.ts'
import type { EventStore } from '../../persistence/event-store.ts'
import { type Append, type Cause, lastSequenceNr, type StoredAppend } from '../../persistence/journal.ts'
import { type AppendOwner, PendingAppend } from '../../persistence/pending-append.ts'

/** What one event of an engine becomes in the log. */
export type Write = Pick<Append, 'timeMs' | keyof Cause | 'handled' | 'compensates' | 'records'>

/**
 * One persistence key of an engine: its events in the log, and the numbers that its writer gives them. nact takes a number
 * before it knows whether the write succeeds, and does not give it back, so the two go apart with every write that failed:
 *
 *     nact's numbers      1  2  3  5           4 was not written
 *     the log's           1  2  3  4
 *
 * **Order**: one write at a time. **Errors** of `write`: JOURNAL_SEQUENCE_CONFLICT for a number that is taken (another
 * actor writes under the same key), and from then on for every write until somebody recovers the key; those of the store.
 */
export class KeyLog {
  private readonly store: EventStore
  private readonly key: string
  /** The last of the writer's numbers that is in the log. */
  private number = 0
  /** Of the last record; null: to be asked for, since nobody has yet, or the outcome of a write is unknown. */
  private sequenceNr: number | null = null
  /** Up to this of the writer's numbers, what they are in the log is not known any more. */
  private unknownUpTo = 0
  private isContested = false
  private isRead = false
  private readonly writing = new OneByOne()

  constructor(store: EventStore, key: string) {
    this.store = store
    this.key = key
  }

  /** A writer begins anew: what it reads next gives the numbers that it goes on from. */
  begin(): void {
    this.isRead = true
  }

  /** The appends after `sequenceNr`, once those under way are there. */
  async *read(sequenceNr: number): AsyncIterable<StoredAppend> {
    const isRecovery = this.isRead
    this.isRead = false
    await this.settled()
    const { journal } = this.store
    let last = await journal.lastSequenceNr(this.key)
    if (last > sequenceNr)
      for await (const append of journal.read(this.key, sequenceNr + 1)) {
        last = lastSequenceNr(append)
        yield append
      }
    if (isRecovery) this.goOnFrom(last)
  }

  /** Resolves when it is durable. */
  write(number: number, write: Write): Promise<void> {
    return this.writing.run(() => this.append(number, write))
  }

  /** What the writer's number is in the log. **Errors**: JOURNAL_SEQUENCE_CONFLICT where it is not there. */
  async sequenceNrOf(number: number): Promise<number> {
    await this.writing.settled()
    if (this.sequenceNr === null) await this.ask()
    const sequenceNr = number + (this.sequenceNr as number) - this.number
    if (this.number === 0) return number
    if (number > this.number || number <= this.unknownUpTo)
      throw this.conflict(`no event ${number} of this writer is in the log`)
    return sequenceNr
  }

  private async append(number: number, write: Write): Promise<void> {
    if (this.sequenceNr === null) await this.ask()
    if (this.isContested || number <= this.number) {
      this.isContested = true
      throw this.conflict(`event ${number} cannot be written, the last one is ${this.number}`)
    }
    const expectedSequenceNr = this.sequenceNr as number
    if (number !== this.number + 1) this.unknownUpTo = this.number
    try {
      await this.appended({ ...write, expectedSequenceNr })
    } catch (error) {
      this.sequenceNr = null
      this.store.abandon(this.key)
      if (error instanceof RuntimeError && error.code === 'JOURNAL_SEQUENCE_CONFLICT') this.isContested = true
      throw error
    }
    this.number = number
    this.sequenceNr = expectedSequenceNr + write.records.length
  }

  private appended(write: Write & { readonly expectedSequenceNr: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      const owner: AppendOwner = { appended: () => resolve(), appendFailed: (_append, error) => reject(error) }
      const persistenceId = this.key
      this.store.append(new PendingAppend({ ...write, persistenceId, appendId: this.store.nextAppendId() }, owner))
    })
  }

  private async settled(): Promise<void> {
    await this.writing.settled()
    await this.store.settled(this.key)
  }

  private async ask(): Promise<void> {
    await this.store.settled(this.key)
    this.sequenceNr = await this.store.journal.lastSequenceNr(this.key)
  }

  private goOnFrom(sequenceNr: number): void {
    this.number = sequenceNr
    this.sequenceNr = sequenceNr
    this.unknownUpTo = 0
    this.isContested = false
  }

  private conflict(what: string): RuntimeError {
    return new RuntimeError(
      'JOURNAL_SEQUENCE_CONFLICT',
      `${this.key}: ${what}. Another actor writes under this key: stop one of them, and have the other recover.`,
    )
  }
}
