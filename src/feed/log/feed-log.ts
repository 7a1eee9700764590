import { RuntimeError } from '../../base/errors.ts'
import { randomId } from '../../base/ports.ts'
import type { EventStore } from '../../persistence/event-store.ts'
import { lastSequenceNr, type NewRecord } from '../../persistence/journal.ts'
import { append } from './append.ts'
import { type FeedBegun, FeedHistory, type FeedRecord, historyIdOf, pageIdOf, recordOf } from './feed-history.ts'
import { PageCache } from './page-cache.ts'

/** Texts of pages kept in memory, at two bytes a character. */
const CACHE_BYTES = 16 * 1_048_576

/** One event of a feed as it is stored: the text that every answer has, for ever. */
interface Item {
  readonly text: string
  /** Per partition of the store: up to where its records are in the feed. With the last item of an append. */
  readonly upTo: readonly number[] | null
}

/** Events that go onto one page, and up to where each partition of the store is in the feed with them. */
export interface PagePart {
  readonly texts: readonly string[]
  readonly upTo: readonly number[]
}

/** Pages written at once. */
export const PARTS_MAX = 8

/**
 * A feed as it lies in the store: gap-free numbers from 1, cut into pages, each page an id of its own in the journal.
 *
 *     feed|NAME                      FeedBegun a, from 1     …     FeedBegun b, from 251
 *     feed|NAME|a|1, |a|2, |a|3      numbers 1-100, 101-200, 201-250
 *     feed|NAME|b|3, |b|4            numbers 251-300, 301-
 *
 * **Order**: of the appends. **Durability**: `last` and what is read are durable, as the journal says. **Bounds**: 16 MiB
 * of pages in memory; the page that is being filled.
 */
export class FeedLog {
  readonly name: string
  readonly pageSize: number
  private readonly store: EventStore
  private history = new FeedHistory()
  private lastNumber = 0
  /** Of the last page, as far as it is filled. */
  private filling: string[] = []
  private readonly cache = new PageCache(CACHE_BYTES)
  private readonly listeners = new Set<() => void>()
  /** Ids that the last append wrote to. */
  private underWay: string[] = []

  constructor(store: EventStore, name: string, pageSize: number) {
    this.store = store
    this.name = name
    this.pageSize = pageSize
  }

  get isOpen(): boolean {
    return this.history.present !== undefined
  }

  /** The last number; 0: there is none. */
  get last(): number {
    return this.lastNumber
  }

  /** The first number that is served. */
  get first(): number {
    return this.history.archivedTo + 1
  }

  /** What tells this history from any other under the same numbers. **Errors**: FEED_NOT_OPEN. */
  get incarnation(): string {
    return this.present.incarnation
  }

  agreesTo(incarnation: string): number {
    return Math.min(this.history.agreesTo(incarnation), this.lastNumber)
  }

  /** Incarnations before this one: a reader of one has the same up to `agreesTo`. */
  get before(): FeedHistory['before'] {
    return this.history.before
  }

  pageOf(number: number): number {
    return Math.ceil(number / this.pageSize)
  }

  /** Calls `listener` after there is more, until the function that comes back is called. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /**
   * Finds the end, and says up to where each partition of the store is in the feed. Begins a new incarnation where there
   * is none, or where acknowledged events may have been lost: the journal's lineage is another one, the feed is shorter
   * than it was known to be, or holds more of a partition than the partition does. **Errors**: FEED_MISCONFIGURED for
   * another page size than it was begun with; those of the journal.
   */
  async open(): Promise<readonly number[]> {
    const history = await this.readHistory()
    const { present } = history
    const lineage = this.store.journal.lineage ?? null
    if (present !== undefined && present.pageSize !== this.pageSize)
      throw new RuntimeError(
        'FEED_MISCONFIGURED',
        `feed ${this.name} was begun with pages of ${present.pageSize}, not ${this.pageSize}. Pages are for ever: ask ` +
          'for the same size, or begin a feed of another name.',
      )
    if (present === undefined) {
      const upTo = new Array<number>(this.store.journal.partitions).fill(0)
      return this.begin(history, 1, upTo, lineage)
    }
    const { last, upTo, isWhole } = await this.findEnd(present, present.lineage !== lineage || this.isOpen)
    const known = upTo.map((position, partition) => Math.min(position, this.store.lastPosition(partition)))
    const isKnown = known.every((position, partition) => position === upTo[partition])
    if (present.lineage === lineage && isWhole && isKnown && last >= this.lastNumber) {
      await this.take(history, last)
      return upTo
    }
    return this.begin(history, last + 1, known, lineage)
  }

  /** How many more fit onto the page that `number` is the last event of; a whole page after a full one. */
  roomAfter(number: number): number {
    return this.pageSize - (number % this.pageSize)
  }

  /**
   * Appends parts of pages, at most PARTS_MAX of them, each within `roomAfter` what is before it, and each an append of
   * its own, all at once. One call at a time. **Errors**: those of the store; then `open` tells what is there.
   */
  async append(parts: readonly PagePart[]): Promise<void> {
    const { present, lastNumber } = this
    this.underWay = []
    let from = lastNumber + 1
    const appending = parts.map(({ texts, upTo }) => {
      const page = this.pageOf(from)
      const id = pageIdOf(this.name, present.incarnation, page)
      const before = from - Math.max(present.from, (page - 1) * this.pageSize + 1)
      from += texts.length
      this.underWay.push(id)
      return append(
        this.store,
        id,
        before,
        texts.map((text, i) => itemRecord(text, i === texts.length - 1 ? upTo : null)),
      )
    })
    // Each has its outcome before the next call: what is under way is nobody's whose end is not known.
    const outcomes = await Promise.allSettled(appending)
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    // Opened anew meanwhile: then it was found there.
    if (this.lastNumber !== lastNumber || this.present !== present) return
    for (const { texts } of parts) this.extend(texts)
    this.tell()
  }

  /** What must be waited for before it is opened anew: the appends under way. */
  abandon(): void {
    for (const id of this.underWay) this.store.abandon(id)
  }

  /** Serves the numbers up to and with `upTo` no more. **Errors**: FEED_MISCONFIGURED where no page ends there. */
  async archive(upTo: number): Promise<void> {
    if (!Number.isSafeInteger(upTo) || upTo < 0 || upTo % this.pageSize !== 0 || upTo > this.lastNumber)
      throw new RuntimeError(
        'FEED_MISCONFIGURED',
        `feed ${this.name}: archive up to the end of a full page, such as ${this.pageSize}, not to ${upTo}`,
      )
    if (upTo <= this.history.archivedTo) return
    const record: FeedRecord = { type: 'FeedArchived', upTo }
    await append(this.store, historyIdOf(this.name), this.history.sequenceNr, [recordOf(record)])
    this.history.note(record)
  }

  /**
   * The events `from` to `to`, as far as they are there, in order; at once where they are in memory. **Errors**: those
   * of the journal.
   */
  read(from: number, to: number): readonly string[] | Promise<readonly string[]> {
    const end = Math.min(to, this.lastNumber)
    if (from > end) return NONE
    const first = this.pageOf(from)
    const texts = this.page(first)
    if (end <= first * this.pageSize && !(texts instanceof Promise)) return this.cut(texts, first, from, end)
    return this.readPages(from, end)
  }

  private async readPages(from: number, end: number): Promise<readonly string[]> {
    const found: string[] = []
    for (let page = this.pageOf(from); page <= this.pageOf(end); page++)
      found.push(...this.cut(await this.page(page), page, from, end))
    return found
  }

  private cut(texts: readonly string[], page: number, from: number, end: number): readonly string[] {
    const begins = (page - 1) * this.pageSize + 1
    return texts.slice(Math.max(0, from - begins), end - begins + 1)
  }

  private page(page: number): readonly string[] | Promise<readonly string[]> {
    if (page === this.pageOf(this.lastNumber)) return this.filling
    return this.cache.get(page) ?? this.loadPage(page)
  }

  private async loadPage(page: number): Promise<readonly string[]> {
    const incarnation = this.incarnation
    const to = page * this.pageSize
    const texts = await this.readPieces(this.history, to - this.pageSize + 1, to)
    if (this.history.present?.incarnation === incarnation) this.cache.set(page, texts)
    return texts
  }

  private async readPieces(history: FeedHistory, from: number, to: number): Promise<string[]> {
    const texts: string[] = []
    for (const piece of history.pieces(from, to)) {
      const id = pageIdOf(this.name, piece.incarnation, this.pageOf(from))
      const end = texts.length + piece.to - piece.from + 1
      for await (const { records } of this.store.journal.read(id, 1))
        for (const { payload } of records) if (texts.length < end) texts.push((payload as Item).text)
      if (texts.length !== end)
        throw new RuntimeError(
          'JOURNAL_CORRUPT',
          `${this.store.journal.name}: feed ${this.name} has ${texts.length} of the events ${from} to ${to}`,
        )
    }
    return texts
  }

  private get present(): FeedBegun {
    const { present } = this.history
    if (present === undefined)
      throw new RuntimeError('FEED_NOT_OPEN', `feed ${this.name} is not open yet: its publisher has not started`, {
        retryable: true,
      })
    return present
  }

  private extend(texts: readonly string[]): void {
    if (this.lastNumber % this.pageSize === 0) {
      if (this.lastNumber > 0) this.cache.set(this.pageOf(this.lastNumber), this.filling)
      this.filling = []
    }
    this.filling.push(...texts)
    this.lastNumber += texts.length
  }

  private tell(): void {
    for (const listener of [...this.listeners]) listener()
  }

  // Opening

  private async readHistory(): Promise<FeedHistory> {
    for (const id of [historyIdOf(this.name), ...this.underWay]) await this.store.settled(id)
    const history = new FeedHistory()
    for await (const { records } of this.store.journal.read(historyIdOf(this.name), 1))
      for (const { payload } of records) history.note(payload as FeedRecord)
    return history
  }

  private async begin(
    history: FeedHistory,
    from: number,
    upTo: readonly number[],
    lineage: string | null,
  ): Promise<readonly number[]> {
    const { pageSize } = this
    const incarnation = randomId(this.store.ports.random)
    const begun: FeedRecord = { type: 'FeedBegun', incarnation, from, pageSize, upTo, lineage }
    await append(this.store, historyIdOf(this.name), history.sequenceNr, [recordOf(begun)])
    history.note(begun)
    await this.take(history, from - 1)
    return upTo
  }

  private async take(history: FeedHistory, last: number): Promise<void> {
    const begins = Math.floor((last - 1) / this.pageSize) * this.pageSize + 1
    const filling = last === 0 ? [] : await this.readPieces(history, begins, last)
    this.cache.clear()
    this.history = history
    this.lastNumber = last
    this.filling = filling
    this.tell()
  }

  /**
   * The last number of the present incarnation that all before it are there with, in steps of powers of two: its pages
   * follow one another, but for those that were written at once when the process died. `isSuspect`: some may be missing
   * anywhere, so each is looked at. Not `isWhole`: there are pages beyond the end, which is as good as another history.
   */
  private async findEnd(present: FeedBegun, isSuspect: boolean): Promise<FoundEnd> {
    const first = this.pageOf(present.from)
    const startOf = (page: number): number => Math.max(present.from, (page - 1) * this.pageSize + 1)
    const filled = async (page: number): Promise<number> =>
      this.store.journal.lastSequenceNr(pageIdOf(this.name, present.incarnation, page))
    const furthest = await furthestFilled(first, filled)
    let page = isSuspect ? first : Math.max(first, furthest - PARTS_MAX)
    let count = await filled(page)
    while (page < furthest && count === page * this.pageSize - startOf(page) + 1) count = await filled(++page)
    const isWhole = page >= furthest
    if (count === 0 && page > first) count = await filled(--page)
    if (count === 0) return { last: present.from - 1, upTo: present.upTo, isWhole }
    const upTo = await this.upToOf(pageIdOf(this.name, present.incarnation, page), count)
    return { last: startOf(page) + count - 1, upTo, isWhole }
  }

  private async upToOf(pageId: string, sequenceNr: number): Promise<readonly number[]> {
    for await (const stored of this.store.journal.read(pageId, sequenceNr))
      if (lastSequenceNr(stored) === sequenceNr) return (stored.records.at(-1)!.payload as Item).upTo!
    throw new RuntimeError(
      'JOURNAL_CORRUPT',
      `${this.store.journal.name}: ${pageId} ends before its record ${sequenceNr}`,
    )
  }
}

interface FoundEnd {
  readonly last: number
  readonly upTo: readonly number[]
  readonly isWhole: boolean
}

/** The last page that has anything, from `first` on. */
const furthestFilled = async (first: number, filled: (page: number) => Promise<number>): Promise<number> => {
  let page = first
  let step = 1
  for (; (await filled(page + step)) > 0; step *= 2) page += step
  for (; step >= 1; step = Math.floor(step / 2)) if ((await filled(page + step)) > 0) page += step
  return page
}

const itemRecord = (text: string, upTo: readonly number[] | null): NewRecord => {
  const item: Item = { text, upTo }
  return { kind: 'event', type: 'FeedItem', version: 1, payload: item }
}

const NONE: readonly string[] = []
