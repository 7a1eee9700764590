import type { Command } from '../../persistence/command.ts'
import { Inbox } from '../../persistence/inbox.ts'
import { type Handled, type HandledId, lastSequenceNr, type NewRecord } from '../../persistence/journal.ts'
import type { Recovered, SnapshotPayload } from '../../persistence/recovery.ts'
import type { Coding } from '../engine/journal-engine.ts'
import { PersistedEvent } from '../lib/persistence/persistence-engine.ts'

/** The state of a hosted actor: the domain's, what its inbox remembers, and where it stands in the log. */
export type Hosted = Recovered<unknown>

export const blankHosted = (state: unknown): Hosted => ({
  state,
  inbox: new Inbox(),
  sequenceNr: 0,
  snapshotSequenceNr: 0,
  eventsReplayed: 0,
})

/** All that one command had stored: it is one event to nact, so that it is written as a whole or not at all. */
export class Decided {
  readonly records: readonly NewRecord[]
  readonly handled: Handled | HandledId | null
  /** Null: it comes from the log. */
  readonly command: Command<unknown> | null
  constructor(records: readonly NewRecord[], handled: Handled | HandledId | null, command: Command<unknown> | null) {
    this.records = records
    this.handled = handled
    this.command = command
  }
}

/** The same records and snapshots that Troupe's own actors write and read, so that either may go on where the other was. */
export const hostedCoding = (version: number, snapshotsKept: number): Coding => ({
  snapshotsKept,

  write({ data, createdAt }) {
    const { records, handled, command } = data as Decided
    const { causationId, correlationId, traceParent, principal } = command as Command<unknown>
    const cause = { causationId, correlationId, traceParent, principal }
    return { ...cause, timeMs: createdAt, handled, compensates: null, records }
  },

  events(append) {
    const data = new Decided(append.records, append.handled, null)
    return [new PersistedEvent(data, lastSequenceNr(append), append.persistenceId, [], append.timeMs)]
  },

  snapshot: data => {
    const { state, inbox } = data as Hosted
    return { version, state, inbox: inbox.toMarks() } satisfies SnapshotPayload
  },

  data: (payload, sequenceNr) => {
    const { version: stored, state, inbox } = payload as SnapshotPayload
    if (stored !== version) return undefined
    return { ...blankHosted(state), inbox: Inbox.of(inbox), sequenceNr, snapshotSequenceNr: sequenceNr }
  },
})
