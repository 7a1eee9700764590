/**
 * The contract of a store of views. One suite (`test/projection/view-store-contract.ts`) runs against every implementation.
 *
 * Shape: a view has at most two builds, the live one and the next one that is being made. A build is a table of rows by
 * key, with index entries, and per partition of the log the offset up to which the log is in it.
 *
 * Promises
 * - Atomic: `write` stores its rows, their entries and the offset, or nothing of them.
 * - Checked: `write` names the position that it builds on; where the build is at another one it is VIEW_CONFLICT, and
 *   nothing is written. The same write again, after its answer was lost, is recognised by where it leads.
 * - Switched in one: `promote` makes the next build the live one, and the former live one is gone.
 */

/** One making of a view. Builds of a view have numbers from 1, none twice. */
export interface Build {
  readonly view: string
  readonly number: number
  /** Of the definition that it is made by. */
  readonly version: number
}

export interface Builds {
  readonly live: Build | null
  readonly next: Build | null
}

/** Up to where a partition's log is in a build, and which append stands there: in another log it is another one. */
export interface Offset {
  readonly position: number
  readonly appendId: string
}

/** What becomes of one row. */
export interface RowChange {
  readonly key: string
  /** Null: it is removed. */
  readonly row: unknown
  /** By which it is found, in place of all former ones. */
  readonly entries: readonly Entry[]
}

/** A text that sorts, by its UTF-8 bytes, and is unique to a row: what it begins with is for ranges. */
export type Entry = string

export interface EntryRange {
  /** Inclusive. */
  readonly from: Entry
  /** Exclusive. */
  readonly to: Entry
  readonly limit: number
  /** From the end of the range. */
  readonly descending: boolean
}

export interface FoundRow {
  readonly entry: Entry
  readonly row: unknown
}

export interface ViewStore {
  /** As a person would name it. */
  readonly name: string

  /** Rows that one write of a view that is behind is made of, about: many, unless a write holds others up. */
  readonly rowsPerWrite: number

  /** Opens it for this process. A second call does nothing. **Errors**: those of the journal of the same kind. */
  open(): Promise<void>

  builds(view: string): Promise<Builds>

  /** Begins a new build as the next one of a view, empty; a former next one is dropped. */
  begin(view: string, version: number): Promise<Build>

  /** **Errors**: VIEW_GONE for a build that is neither live nor next any more, here and below. */
  offsets(build: Build): Promise<ReadonlyMap<number, Offset>>

  /** The rows of keys, in their order; null where there is none. **Errors**: VIEW_GONE; JOURNAL_CORRUPT. */
  get(build: Build, keys: readonly string[]): Promise<readonly unknown[]>

  /** Entries of a range with their rows. **Errors**: VIEW_GONE; JOURNAL_CORRUPT. */
  range(build: Build, range: EntryRange): Promise<readonly FoundRow[]>

  /**
   * Applies changes, one a key, and moves the offset of `partition` from `before` (0: none) to `after`, in one write.
   * **Errors**: VIEW_CONFLICT; VIEW_GONE; JOURNAL_UNAVAILABLE (outcome unknown: the same write may be tried again);
   * JOURNAL_FULL.
   */
  write(build: Build, partition: number, before: number, after: Offset, changes: readonly RowChange[]): Promise<void>

  /** Makes the next build the live one; the former live one is dropped. **Errors**: VIEW_GONE. */
  promote(build: Build): Promise<void>

  /** Ends it after what is under way; later calls fail with JOURNAL_CLOSED. */
  close(): Promise<void>
}
