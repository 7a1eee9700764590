import { viewConflict, viewGone, viewsClosed } from './view-errors.ts'
import type { Build, Builds, EntryRange, FoundRow, Offset, RowChange, ViewStore } from './view-store.ts'

interface Table {
  readonly build: Build
  readonly rows: Map<string, { readonly row: unknown; readonly entries: readonly string[] }>
  readonly offsets: Map<number, Offset>
  readonly keyOfEntry: Map<string, string>
  /** Of `keyOfEntry`, in order; null where that has changed since. */
  sorted: { readonly entry: string; readonly bytes: Buffer }[] | null
}

interface View {
  built: number
  live: Table | null
  next: Table | null
}

/**
 * Views in the memory of this process: for tests, and beside a memory journal. **Durability**: none. **Bounds**: memory;
 * the first range after a change sorts all entries of the view.
 */
export const memoryViews = (): ViewStore => new MemoryViews()

class MemoryViews implements ViewStore {
  readonly name = 'memory'
  readonly rowsPerWrite = 4_096
  readonly #views = new Map<string, View>()
  #isOpen = false

  async open(): Promise<void> {
    this.#isOpen = true
  }

  async builds(view: string): Promise<Builds> {
    const { live, next } = this.#view(view)
    return { live: live?.build ?? null, next: next?.build ?? null }
  }

  async begin(name: string, version: number): Promise<Build> {
    const view = this.#view(name)
    const build = { view: name, number: ++view.built, version }
    view.next = { build, rows: new Map(), offsets: new Map(), keyOfEntry: new Map(), sorted: null }
    return build
  }

  async offsets(build: Build): Promise<ReadonlyMap<number, Offset>> {
    return new Map(this.#table(build).offsets)
  }

  async get(build: Build, keys: readonly string[]): Promise<readonly unknown[]> {
    const { rows } = this.#table(build)
    return keys.map(key => rows.get(key)?.row ?? null)
  }

  async range(build: Build, range: EntryRange): Promise<readonly FoundRow[]> {
    const table = this.#table(build)
    const { sorted } = table
    const entries = sorted ?? sortedEntries(table.keyOfEntry)
    table.sorted = entries
    const start = firstFrom(entries, Buffer.from(range.from))
    const end = firstFrom(entries, Buffer.from(range.to))
    const found = range.descending
      ? entries.slice(Math.max(start, end - range.limit), Math.max(start, end)).reverse()
      : entries.slice(start, Math.max(start, Math.min(end, start + range.limit)))
    return found.map(({ entry }) => ({ entry, row: table.rows.get(table.keyOfEntry.get(entry)!)!.row }))
  }

  async write(
    build: Build,
    partition: number,
    before: number,
    after: Offset,
    changes: readonly RowChange[],
  ): Promise<void> {
    const table = this.#table(build)
    const stored = table.offsets.get(partition)
    if (stored?.position === after.position && stored.appendId === after.appendId) return
    const actual = stored?.position ?? 0
    if (actual !== before) throw viewConflict(build, partition, before, actual)
    for (const { key, row, entries } of changes) {
      for (const entry of table.rows.get(key)?.entries ?? []) table.keyOfEntry.delete(entry)
      if (row === null) table.rows.delete(key)
      else {
        table.rows.set(key, { row, entries })
        for (const entry of entries) table.keyOfEntry.set(entry, key)
      }
    }
    if (changes.length > 0) table.sorted = null
    table.offsets.set(partition, after)
  }

  async promote(build: Build): Promise<void> {
    const view = this.#view(build.view)
    if (view.live?.build.number === build.number) return
    if (view.next?.build.number !== build.number) throw viewGone(build)
    view.live = view.next
    view.next = null
  }

  async close(): Promise<void> {
    this.#isOpen = false
  }

  #view(name: string): View {
    if (!this.#isOpen) throw viewsClosed('the memory store of views')
    let view = this.#views.get(name)
    if (view === undefined) {
      view = { built: 0, live: null, next: null }
      this.#views.set(name, view)
    }
    return view
  }

  #table(build: Build): Table {
    const { live, next } = this.#view(build.view)
    const table = [live, next].find(candidate => candidate?.build.number === build.number)
    if (!table) throw viewGone(build)
    return table
  }
}

const sortedEntries = (keyOfEntry: ReadonlyMap<string, string>): { entry: string; bytes: Buffer }[] =>
  Array.from(keyOfEntry.keys(), entry => ({ entry, bytes: Buffer.from(entry) })).sort((a, b) =>
    Buffer.compare(a.bytes, b.bytes),
  )

/** Index of the first entry that is `from` or behind it. */
const firstFrom = (entries: readonly { readonly bytes: Buffer }[], from: Buffer): number => {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (Buffer.compare(entries[middle]!.bytes, from) < 0) low = middle + 1
    else high = middle
  }
  return low
}
