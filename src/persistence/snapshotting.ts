import type { Logger } from '../base/logger.ts'
import type { SnapshotPolicy } from './event-sourced.ts'
import type { EventStore } from './event-store.ts'
import type { Inbox } from './inbox.ts'
import type { SnapshotPayload } from './recovery.ts'
import { checkStorable } from './storable.ts'

interface Pending {
  readonly sequenceNr: number
  readonly payload: SnapshotPayload
}

/**
 * When an entity's state is stored, and which events go then. A snapshot is taken of a state that is ahead of the log, and
 * stored once the log has caught up with it; what it covers is deleted once it is stored.
 *
 *     log       | deleted ………… | events that the older snapshot needs | events after the newest |
 *     snapshots                 ^ the oldest of `keep`                ^ newest
 */
export class Snapshotting<Event, State> {
  private readonly store: EventStore
  private readonly persistenceId: string
  private readonly policy: SnapshotPolicy<State, Event>
  private readonly log: Logger
  /** Of the snapshots that are known to be readable, oldest first: `keep` at most. */
  private readonly kept: number[] = []
  private lastSequenceNr: number
  private isDue = false
  private pending: Pending | null = null

  constructor(
    store: EventStore,
    persistenceId: string,
    policy: SnapshotPolicy<State, Event>,
    recoveredFrom: number,
    log: Logger,
  ) {
    this.store = store
    this.persistenceId = persistenceId
    this.policy = policy
    this.log = log
    this.lastSequenceNr = recoveredFrom
    if (recoveredFrom > 0) this.kept.push(recoveredFrom)
  }

  /** Whether the policy wants a snapshot for that event. */
  wants(state: State, event: Event): boolean {
    return this.policy.when?.(state, event) === true
  }

  /** The state that `sequenceNr` leads to is decided; `isWanted` says what `wants` said of its events. */
  decided(sequenceNr: number, state: State, inbox: Inbox, isWanted: boolean): void {
    if (isWanted) this.isDue = true
    const { every } = this.policy
    if (every !== undefined && sequenceNr - this.lastSequenceNr >= every) this.isDue = true
    // Where one waits for its turn it stays, since a busy log would never catch up with ever newer ones.
    if (this.isDue && this.pending === null) this.take(sequenceNr, state, inbox)
  }

  /** Everything up to `sequenceNr` is durable. */
  durable(sequenceNr: number): void {
    if (this.pending !== null && this.pending.sequenceNr <= sequenceNr) void this.savePending()
  }

  /** Whether the end of its entity is to wait for a snapshot. */
  isWantedAtEnd(sequenceNr: number): boolean {
    return this.policy.onStop === true && sequenceNr > this.lastSequenceNr
  }

  async saveAtEnd(sequenceNr: number, state: State, inbox: Inbox): Promise<void> {
    if (!this.isWantedAtEnd(sequenceNr)) return
    this.take(sequenceNr, state, inbox)
    await this.savePending()
  }

  private take(sequenceNr: number, state: State, inbox: Inbox): void {
    this.isDue = false
    const version = this.policy.version ?? 1
    this.pending = { sequenceNr, payload: { version, state, inbox: inbox.toMarks() } }
  }

  /** Neither a snapshot nor a deletion that fails is anybody's failure: the next one may do, unless the store is another's. */
  private async savePending(): Promise<void> {
    const { sequenceNr, payload } = this.pending!
    this.pending = null
    this.lastSequenceNr = sequenceNr
    const { store, persistenceId } = this
    const { ports } = store
    const { keep = 2, deleteEvents = false } = this.policy
    try {
      // A state that would come back as another one must be recovered from its events. Its size is the journal's affair.
      checkStorable(payload.state, Number.MAX_SAFE_INTEGER)
      await store.saveSnapshot({ persistenceId, sequenceNr, timeMs: ports.clock.nowMs(), payload }, keep)
    } catch (error) {
      this.log.log('warn', `${persistenceId}: snapshot of ${sequenceNr} not stored`, { error })
      store.failedBeside(persistenceId, error)
      return
    }
    this.kept.push(sequenceNr)
    if (this.kept.length > keep) this.kept.shift()
    if (!deleteEvents || this.kept.length < keep) return
    const oldest = this.kept[0]!
    try {
      await store.deleteTo(persistenceId, oldest)
    } catch (error) {
      this.log.log('warn', `${persistenceId}: events up to ${oldest} not deleted`, { error })
      store.failedBeside(persistenceId, error)
    }
  }
}
