/**
 * The contract of a journal. `journalContract` of the testkit runs against every implementation.
 *
 * Shape: a store has a fixed number of partitions; a persistence id belongs to one by hash. A partition is one log of
 * records; a record is an event, or a command that its writer sent. A record has a position in its partition (from 1,
 * no gaps) and a sequence number in its persistence id (from 1, no gaps).
 *
 *     partition log   | 1 RiskAssessed | 2 ProcessNoted | 3 CalculatePremium | 4 RiskAssessed | …
 *                       risk|R24 #1      quote|S1 #2      quote|S1 #3          risk|R24 #2
 *
 * Promises
 * - Atomic: an append's records are all written or none, and so is one `commit` as a whole but for the appends that it
 *   answers as refused.
 * - Checked: an append names the sequence number it builds on; another one is a conflict, and nothing of it is written.
 * - Idempotent for ever: the same append id at the same place answers with the original positions, marked `repeated`.
 * - Fenced: `open` takes the next epoch of every partition; a writer with an older one gets JOURNAL_FENCED from its
 *   first try on and writes nothing.
 * - Durable: what `commit` resolves for has reached what `durability` says in words.
 * - Checksummed: a stored record, head or cursor that does not match its checksum is JOURNAL_CORRUPT, never data.
 */

/** What a record is for: an event is replayed and published; a command waits in the log for the one it is sent to. */
export type RecordKind = 'event' | 'command'

/** One record as its writer gives it. `payload` is plain data; it must not be changed after it was handed over. */
export interface NewRecord {
  readonly kind: RecordKind
  /** What readers filter by: an event's type, or the address that a command is sent to. */
  readonly type: string
  /** An event's version, from 1; 1 for commands. */
  readonly version: number
  readonly payload: unknown
}

/** The message of a log that caused an append, so that its redelivery is recognised. */
export interface Handled {
  /** Who delivered it: the name of a bridge, stable over restarts. */
  readonly source: string
  readonly partition: number
  readonly position: number
  /** Lower positions that were still on their way to the same receiver when this one was delivered. */
  readonly outstanding: readonly number[]
}

/** The same of a source without positions: its messages are known by their ids. */
export interface HandledId {
  readonly source: string
  readonly position: null
  readonly id: string
}

/** Who and why, kept with every append. */
export interface Cause {
  /** The record or request that led to this append; null for the first of a flow. */
  readonly causationId: string | null
  /** The same for everything that one request led to. */
  readonly correlationId: string | null
  /** W3C trace parent. */
  readonly traceParent: string | null
  /** On whose behalf; null where nobody said. */
  readonly principal: string | null
}

/** What one decision adds to the log of one id: all of its records or none. */
export interface Append extends Cause {
  readonly persistenceId: string
  /** The sequence number of the id's last record; 0: there is none yet. */
  readonly expectedSequenceNr: number
  /** Drawn once by the writer; the ids of its records are `${appendId}.${index}`. */
  readonly appendId: string
  readonly timeMs: number
  readonly handled: Handled | HandledId | null
  /** The earlier event of the same id that this append makes good; null: none. */
  readonly compensates: string | null
  readonly records: readonly NewRecord[]
}

/** An append as it stands in the log. */
export interface StoredAppend extends Append {
  readonly partition: number
  /** Position of its first record; the others follow without a gap. */
  readonly position: number
}

export const firstSequenceNr = (append: Append): number => append.expectedSequenceNr + 1
export const lastSequenceNr = (append: Append): number => append.expectedSequenceNr + append.records.length
export const recordId = (append: Append, index: number): string => `${append.appendId}.${index}`

/** What became of an append; each of a commit has its own. Refusals are no errors: nothing was written, and the log is sound. */
export type AppendResult =
  /** Written. `repeated`: it had been written before, by this call's own earlier try. */
  | { readonly status: 'written'; readonly position: number; readonly repeated: boolean }
  /** Not written: the id's last sequence number is another one. */
  | { readonly status: 'conflict'; readonly actualSequenceNr: number }
  /** Not written: it begins within what `deleteTo` has forgotten, so nobody can say whether it once stood there. */
  | { readonly status: 'deleted'; readonly deletedTo: number }
  /** Not written: the id was ended for good. */
  | { readonly status: 'tombstoned' }

/** An append of no records: it was checked like any other, and nothing is in the log. */
export const NOTHING_WRITTEN: AppendResult = { status: 'written', position: 0, repeated: false }

/** Per group of readers and partition: everything up to and with this position is done. */
export type Cursors = ReadonlyMap<string, number>

/**
 * One id's appends in order, a page after the other; null: there are no more. One call at a time. At once where the journal
 * has them at once: an entity of a few events then starts without waiting.
 */
export interface AppendPages {
  /** **Errors**: thrown or rejected; nothing comes after them. */
  next(): readonly StoredAppend[] | null | Promise<readonly StoredAppend[] | null>
  /** Gives up what was not read: `next` gives null. */
  close(): void
}

/** An id as it stood when it was looked for. */
export interface FoundId {
  /** Of its last record; 0: there is none. */
  readonly sequenceNr: number
  /** The appends that hold records from `fromSequenceNr` on, as of `Journal.read`. **Bounds**: a page in memory. */
  pages(fromSequenceNr: number): AppendPages
}

/** The state of an id after one of its records. It saves reading those before, and is never the only copy of anything. */
export interface Snapshot {
  readonly persistenceId: string
  /** The last record that it covers. */
  readonly sequenceNr: number
  readonly timeMs: number
  /** Plain data: the state, and what the runtime keeps beside it. */
  readonly payload: unknown
}

/**
 * Who writes. The owner takes the next epoch of every partition and fences the owner before. A guest takes none: its
 * appends are checked by their sequence numbers alone, and it fences nobody; functions are guests.
 */
export type Writer = 'owner' | 'guest'

/** What `rollOut` did. Units: segments; bytes of them. */
export interface RolledOut {
  readonly archived: number
  readonly dropped: number
  readonly bytes: number
}

/**
 * Where records are kept: per persistence id a gap-free sequence, per partition a gap-free log. Whoever writes an adapter
 * runs `journalContract` of `troupe/testkit` against it. **Order**: of a partition, that of its commits. **Delivery**: what
 * resolved is there once, also where its answer was lost and it was sent again. **Errors** are RuntimeErrors with the codes
 * below; after one that is `retryable` the caller may send the same again.
 */
export interface Journal {
  /** As a person would name it: `lmdb:./.troupe`. */
  readonly name: string
  /** One sentence: what a resolved write has survived. */
  readonly durability: string
  /** Fixed when the store is made. Known after `open`. */
  readonly partitions: number
  /**
   * Another text each time that what was acknowledged may have been lost without a trace, such as by a failover to a
   * replica; known after `open`. Absent or null where that cannot happen while the store is there.
   */
  readonly lineage?: string | null

  /**
   * Opens for writing: checks format and settings, takes the next epoch of every partition, finds the end of the logs.
   * **Errors**: JOURNAL_LOCKED, JOURNAL_FORMAT, JOURNAL_CORRUPT, JOURNAL_MISCONFIGURED, JOURNAL_UNAVAILABLE;
   * JOURNAL_FENCED where another one opened it at the same moment, and has it.
   */
  open(): Promise<void>

  /**
   * Asks whether the store is still this writer's; a guest's never was. Writes nothing, and costs a read of one value.
   * **Errors**: JOURNAL_FENCED; JOURNAL_UNAVAILABLE, which says nothing about it; JOURNAL_CLOSED. Absent where nobody can
   * take the store over while this one has it open.
   */
  checkOwner?(): Promise<void>

  /**
   * Writes many ids' appends to one partition in one durable write. Results are in the order of `appends`; the log has the
   * written ones in that order. Several appends of one id are allowed where each builds on the one before; once one of an
   * id is refused, its later ones in the same commit are refused too, whatever their number. An append of no records is
   * checked and writes nothing: its position is 0. `cursors` (group → position), if given, are stored in the same write.
   * Every id must belong to `partition`. Payloads are those that `checkStorable` admitted. At most one commit per partition
   * is under way at a time. **Errors**: JOURNAL_FENCED (nothing written, final); JOURNAL_UNAVAILABLE (outcome unknown: the
   * same appends may be sent again, or their ids be recovered); JOURNAL_FULL (nothing written: the same appends may be sent
   * again); PERSISTENCE_ID_INVALID, EVENT_NOT_STORABLE for one that cannot be encoded after all, and EVENT_TOO_LARGE for an
   * append of more than 64 MiB (nothing of the commit written); JOURNAL_CORRUPT; JOURNAL_CLOSED; JOURNAL_MISCONFIGURED for
   * a group name that is empty or has more than 512 bytes, and for a cursor that is no position, or beyond the end of the
   * log as the commit leaves it (nothing written).
   */
  commit(partition: number, appends: readonly Append[], cursors?: Cursors): Promise<readonly AppendResult[]>

  /**
   * The sequence number of the id's last record; 0 where there is none. At once where the journal knows it at once, since
   * every entity that starts asks. **Errors**: thrown or rejected; JOURNAL_TOMBSTONED.
   */
  lastSequenceNr(persistenceId: string): number | Promise<number>

  /**
   * What `lastSequenceNr` and `read` say, with one look for both: for recoveries, which may be many thousands. Absent
   * where a journal has nothing to gain by it. **Errors**: JOURNAL_TOMBSTONED; as of those two.
   */
  find?(persistenceId: string): FoundId | Promise<FoundId>

  /**
   * The id's appends that hold records from `fromSequenceNr` on, in order, whole (the first may begin earlier).
   * **Errors**: JOURNAL_TOMBSTONED; JOURNAL_CORRUPT.
   */
  read(persistenceId: string, fromSequenceNr: number): AsyncIterable<StoredAppend>

  /**
   * The appends of a partition's log from the one that holds `fromPosition` on (whole), in order: about `limit` of
   * them; empty at the end of the log. **Bounds**: beyond `limit` no more than the rest of the last one's commit.
   */
  readLog(partition: number, fromPosition: number, limit: number): Promise<readonly StoredAppend[]>

  /** Position of the last record of a partition's log; 0: it is empty. */
  lastPosition(partition: number): Promise<number>

  /**
   * Stores a snapshot and forgets all but the newest `keep` of its id. Call it only for what is durable already.
   * **Errors**: JOURNAL_DELETED for one of before what is forgotten; JOURNAL_TOMBSTONED; those of `commit`.
   */
  saveSnapshot(snapshot: Snapshot, keep: number): Promise<void>

  /**
   * The id's snapshots, newest first. One that cannot be read is passed to `onUnreadable` and left out.
   * **Errors**: JOURNAL_TOMBSTONED.
   */
  loadSnapshots(persistenceId: string, onUnreadable: (error: Error) => void): AsyncIterable<Snapshot>

  /**
   * Forgets the id's records up to and with `sequenceNr`, appends as a whole: one that goes on after it stays. Its
   * numbering goes on, `lastSequenceNr` says what it said, `read` begins after what is forgotten, and snapshots of before
   * are forgotten too. An append sent again into the forgotten range is answered with `deleted`. The partition's log keeps
   * its records for those that read it by position. For ever: nothing brings back what is forgotten, and a lower number
   * changes nothing. **Durability** and **Errors**: those of `commit`; JOURNAL_MISCONFIGURED for a guest, and for what is
   * no whole number. Absent where the journal cannot.
   */
  deleteTo?(persistenceId: string, sequenceNr: number): Promise<void>

  /**
   * Ends an id for good, one that has no records yet as well: its records and snapshots are forgotten, its appends are
   * answered with `tombstoned` from now on, and whoever reads it gets JOURNAL_TOMBSTONED. What was on its way when it was
   * called is written before, or refused. For ever; again it does nothing. Durable, refused and absent as `deleteTo`.
   */
  tombstone?(persistenceId: string): Promise<void>

  /**
   * Takes the log's closed segments out of the store, the oldest first, all that are closed: into files of the archive, from
   * which they are read as before, and for good where all their records are deleted and every stored cursor has passed
   * them; whoever reads by position goes on after those. Appends go on meanwhile. It may be called at any time, and cut
   * short anywhere. **Errors**: those of `deleteTo`; JOURNAL_UNAVAILABLE where the archive cannot be written: what was rolled
   * out before stays so. **Bounds**: some blocks of memory. Absent where the journal cannot.
   */
  rollOut?(): Promise<RolledOut>

  /** **Errors**: JOURNAL_CORRUPT for a cursor that does not match its checksum, or is beyond the end of the log. */
  loadCursors(partition: number): Promise<Cursors>
  /** **Errors**: those of `commit`. */
  saveCursors(partition: number, cursors: Cursors): Promise<void>

  /** Ends it after what is under way; later calls fail with JOURNAL_CLOSED. A second call does nothing. */
  close(): Promise<void>
}
