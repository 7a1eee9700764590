/**
 * Views in LMDB, in a folder of their own: what is derived must not be able to harm the log.
 *
 *     builds   view -> how many were begun, the live one, the next one, those that are to be dropped
 *     offsets  view NUL build NUL partition -> position and append id
 *     rows     view NUL build NUL row key -> the row and its entries
 *     entries  view NUL build NUL entry -> nothing
 */

import { resolve } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { isRuntimeError, toError } from '../../base/errors.ts'
import { type Logger, stderrLogger } from '../../base/logger.ts'
import { OneByOne } from '../../base/one-by-one.ts'
import { viewConflict, viewGone, viewsClosed } from '../../projection/view-errors.ts'
import type { Build, Builds, EntryRange, FoundRow, Offset, RowChange, ViewStore } from '../../projection/view-store.ts'
import { keyOfEntry, packRow, unpackRow } from '../codec/row.ts'
import { lockStore, type StoreLock } from './lock.ts'
import { type Growth, Room } from './room.ts'
import { unreadable, writeFailed } from './write-failed.ts'

export interface LmdbViewsOptions {
  /** A folder of its own; it is made if it is not there. */
  readonly path: string
  /** Default: standard error. */
  readonly logger?: Logger
}

/**
 * Views in a folder of their own, in LMDB, for one process at a time. **Durability**: a write resolves after it was flushed.
 * **Errors** of `open`: JOURNAL_LOCKED, JOURNAL_MISCONFIGURED, JOURNAL_CORRUPT. A folder that is lost or corrupt costs no
 * data: remove it, and the views are made anew. **Bounds**: disk; memory for a page.
 */
export const lmdbViews = ({ path, logger = stderrLogger }: LmdbViewsOptions): ViewStore =>
  new LmdbViews(resolve(path), logger)

type Table = Database<Buffer, Buffer>

interface Tables {
  readonly root: RootDatabase
  readonly builds: Database<StoredBuilds, string>
  readonly offsets: Database<Offset, Buffer>
  readonly rows: Table
  readonly entries: Table
}

interface StoredBuilds {
  readonly begun: number
  readonly live: Build | null
  readonly next: Build | null
  /** Builds whose rows may still be there. */
  readonly dropped: readonly number[]
}

const NONE: StoredBuilds = { begun: 0, live: null, next: null, dropped: [] }
const NOTHING = Buffer.alloc(0)
/** Of one UTF-16 code unit. */
const UTF8_BYTES_MAX = 3
/** What a key takes beside its text: the view and the build before it, and LMDB's own. */
const NODE_BYTES = 128
/** Longer rows may lie outside of the tree's leaves. Units: bytes. */
const IN_LEAF_BYTES = 1_024
/** Entries removed in one write. */
const REMOVED_AT_ONCE = 4_096
/** What an entry or an offset takes beside its key, and the most that its key has. Units: bytes. */
const ENTRY_BYTES = 1_200

class LmdbViews implements ViewStore {
  readonly name: string
  /** A flush costs as much for one row as for these. */
  readonly rowsPerWrite = 4_096
  readonly #path: string
  readonly #logger: Logger
  #opening: Promise<void> | null = null
  #tables: Tables | null = null
  #room: Room | null = null
  #lock: StoreLock | null = null
  readonly #writing = new OneByOne()
  readonly #dropping = new OneByOne()
  #isClosing = false

  constructor(path: string, logger: Logger) {
    this.name = `views lmdb:${path}`
    this.#path = path
    this.#logger = logger
  }

  open(): Promise<void> {
    this.#opening ??= this.#open().catch(error => {
      this.#opening = null
      throw error
    })
    return this.#opening
  }

  async builds(view: string): Promise<Builds> {
    const { live, next } = this.#buildsOf(view)
    return { live, next }
  }

  async begin(view: string, version: number): Promise<Build> {
    const { next } = await this.#change(view, ({ begun, live, next, dropped }) => ({
      begun: begun + 1,
      live,
      next: { view, number: begun + 1, version },
      dropped: next === null ? dropped : [...dropped, next.number],
    }))
    this.#dropLater(view)
    return next!
  }

  async offsets(build: Build): Promise<ReadonlyMap<number, Offset>> {
    const { offsets } = this.#of(build)
    const offsetsFound = new Map<number, Offset>()
    const prefix = prefixOf(build.view, build.number)
    for (const { key, value } of this.#reading(() => [...offsets.getRange(within(prefix))]))
      offsetsFound.set(Number(key.subarray(prefix.length).toString()), value)
    return offsetsFound
  }

  async get(build: Build, keys: readonly string[]): Promise<readonly unknown[]> {
    const { rows } = this.#of(build)
    return this.#reading(() => keys.map(key => this.#rowAt(rows, build, key)?.row ?? null))
  }

  async range(build: Build, { from, to, limit, descending }: EntryRange): Promise<readonly FoundRow[]> {
    const { rows, entries } = this.#of(build)
    const prefix = prefixOf(build.view, build.number)
    const [low, high] = [keyOf(build, from), keyOf(build, to)]
    // LMDB's range includes its start and not its end, in whichever direction it goes.
    const range = descending
      ? { start: high, end: low, exclusiveStart: true, inclusiveEnd: true, reverse: true, limit }
      : { start: low, end: high, limit }
    return this.#reading(() =>
      [...entries.getKeys(range)].map(key => {
        const entry = key.subarray(prefix.length).toString()
        return { entry, row: this.#rowAt(rows, build, keyOfEntry(entry))?.row ?? null }
      }),
    )
  }

  write(build: Build, partition: number, before: number, after: Offset, changes: readonly RowChange[]): Promise<void> {
    // One after the other: the check reads what the write before has put.
    return this.#writing.run(async () => {
      const { offsets, rows, entries, root } = this.#of(build)
      const offsetKey = keyOf(build, `${partition}`)
      const stored = this.#reading(() => offsets.get(offsetKey))
      if (stored?.position === after.position && stored.appendId === after.appendId) return
      const actual = stored?.position ?? 0
      if (actual !== before) throw viewConflict(build, partition, before, actual)
      const packed = changes.map(change => (change.row === null ? null : packRow(change)))
      const keys = changes.map(({ key }) => keyOf(build, key))
      const former = this.#reading(() => changes.map(({ key }, i) => this.#rowAt(rows, build, key, keys[i]!)))
      const growth = growthOf(changes, packed, former)
      await this.#inRoom(growth, () =>
        root.batch(() => {
          changes.forEach(({ entries: own }, i) => {
            const before = former[i]?.entries ?? NO_ENTRIES
            for (const entry of before) if (!own.includes(entry)) entries.remove(keyOf(build, entry))
            const bytes = packed[i]
            if (!bytes) rows.remove(keys[i]!)
            else {
              rows.put(keys[i]!, bytes)
              for (const entry of own) if (!before.includes(entry)) entries.put(keyOf(build, entry), NOTHING)
            }
          })
          offsets.put(offsetKey, after)
        }),
      )
    })
  }

  async promote(build: Build): Promise<void> {
    await this.#change(build.view, stored => {
      const { begun, live, next, dropped } = stored
      if (live?.number === build.number) return stored
      if (next?.number !== build.number) throw viewGone(build)
      return { begun, live: next, next: null, dropped: live === null ? dropped : [...dropped, live.number] }
    })
    this.#dropLater(build.view)
  }

  async close(): Promise<void> {
    if (this.#isClosing || this.#tables === null) return
    this.#isClosing = true
    await this.#writing.settled()
    await this.#dropping.settled()
    const tables = this.#tables
    this.#tables = null
    await tables.root.close()
    await this.#room?.close()
    await this.#lock?.release()
  }

  async #open(): Promise<void> {
    this.#lock = await lockStore(this.#path)
    try {
      const root = open({
        path: this.#path,
        noSubdir: false,
        overlappingSync: false,
        eventTurnBatching: false,
        maxDbs: 4,
        encoding: 'binary',
      })
      const tables = {
        root,
        builds: root.openDB<StoredBuilds, string>('builds', { encoding: 'json' }),
        offsets: root.openDB<Offset, Buffer>('offsets', { encoding: 'json', keyEncoding: 'binary' }),
        rows: root.openDB<Buffer, Buffer>('rows', { encoding: 'binary', keyEncoding: 'binary' }),
        entries: root.openDB<Buffer, Buffer>('entries', { encoding: 'binary', keyEncoding: 'binary' }),
      }
      this.#room = await Room.open(this.name, `${this.#path}/data.mdb`, () => {
        const { pageSize, lastPageNumber } = tables.rows.getStats() as {
          readonly pageSize: number
          readonly lastPageNumber: number
        }
        return { lastPage: lastPageNumber, pageSize, headPages: pagesOf(tables.rows) + pagesOf(tables.entries) }
      })
      this.#tables = tables
      // What a dropping that was cut short has left.
      for (const view of tables.builds.getKeys()) this.#dropLater(view)
    } catch (error) {
      await this.#lock.release()
      throw isRuntimeError(error) ? error : unreadable(this.name, error)
    }
  }

  /** Changes what is stored of a view's builds, one change after the other. */
  #change(view: string, change: (stored: StoredBuilds) => StoredBuilds): Promise<StoredBuilds> {
    return this.#writing.run(async () => {
      const changed = change(this.#buildsOf(view))
      await this.#inRoom(valuesGrowth([ENTRY_BYTES]), () => this.#use().builds.put(view, changed))
      return changed
    })
  }

  /** The rows of builds that nobody asks any more go in many small writes. What cannot be removed now is at the next start. */
  #dropLater(view: string): void {
    this.#dropping
      .run(() => this.#drop(view))
      .catch(error => {
        if (this.#isClosing) return
        this.#logger.log('warn', `${this.name}: old rows of view ${view} are not removed yet`, { error })
      })
  }

  async #drop(view: string): Promise<void> {
    for (const number of this.#buildsOf(view).dropped) {
      for (const name of ['offsets', 'rows', 'entries'] as const)
        while (await this.#removeSome(this.#use()[name] as Table, prefixOf(view, number))) if (this.#isClosing) return
      await this.#change(view, stored => ({ ...stored, dropped: stored.dropped.filter(other => other !== number) }))
    }
  }

  async #removeSome(table: Table, prefix: Buffer): Promise<boolean> {
    const keys = [...table.getKeys({ ...within(prefix), limit: REMOVED_AT_ONCE })]
    if (keys.length === 0) return false
    await this.#inRoom(valuesGrowth([keys.length * ENTRY_BYTES]), () =>
      this.#use().root.batch(() => {
        for (const key of keys) table.remove(key)
      }),
    )
    return true
  }

  async #inRoom(growth: Growth, writing: () => Promise<unknown>): Promise<void> {
    const room = this.#room!
    const pages = await room.take(growth)
    try {
      await writing()
    } catch (error) {
      throw await writeFailed(this.name, toError(error))
    } finally {
      room.landed(pages)
    }
  }

  #rowAt(rows: Table, build: Build, key: string, at = keyOf(build, key)): RowChange | null {
    const bytes = rows.getBinary(at)
    return bytes === undefined ? null : unpackRow(bytes, key, `${this.name}, view ${build.view}`)
  }

  #reading<Result>(read: () => Result): Result {
    try {
      return read()
    } catch (error) {
      throw isRuntimeError(error) ? error : unreadable(this.name, error)
    }
  }

  #buildsOf(view: string): StoredBuilds {
    const { builds } = this.#use()
    return this.#reading(() => builds.get(view)) ?? NONE
  }

  #of(build: Build): Tables {
    const { live, next } = this.#buildsOf(build.view)
    if (live?.number !== build.number && next?.number !== build.number) throw viewGone(build)
    return this.#use()
  }

  #use(): Tables {
    if (this.#tables === null) throw viewsClosed(this.name)
    return this.#tables
  }
}

const NO_ENTRIES: readonly string[] = []

const valuesGrowth = (values: readonly number[]): Growth => ({ values, heads: 0, headBytes: 0 })

/** Rows and entries may each change a leaf page of their own, as far as there are as many; a large row has pages of its own. */
const growthOf = (
  changes: readonly RowChange[],
  packed: readonly (Buffer | null)[],
  former: readonly (RowChange | null)[],
): Growth => {
  const large: number[] = []
  let places = 1
  let bytes = ENTRY_BYTES
  changes.forEach(({ key, entries }, i) => {
    const length = packed[i]?.length ?? 0
    if (length > IN_LEAF_BYTES) large.push(length)
    else bytes += length
    bytes += key.length * UTF8_BYTES_MAX + NODE_BYTES
    for (const entry of entries) bytes += entry.length * UTF8_BYTES_MAX + NODE_BYTES
    places += 1 + entries.length + (former[i]?.entries.length ?? 0)
  })
  return { values: large, heads: places, headBytes: bytes }
}

const pagesOf = (table: Table): number => {
  const { treeBranchPageCount, treeLeafPageCount } = table.getStats() as Record<string, number>
  return treeBranchPageCount! + treeLeafPageCount!
}

const prefixOf = (view: string, number: number): Buffer => Buffer.from(`${view}\0${number}\0`)
const keyOf = (build: Build, text: string): Buffer => Buffer.from(`${build.view}\0${build.number}\0${text}`)

const within = (prefix: Buffer): { readonly start: Buffer; readonly end: Buffer } => {
  const end = Buffer.from(prefix)
  end[end.length - 1]! += 1
  return { start: prefix, end }
}
