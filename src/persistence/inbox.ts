import type { Delivery } from './command.ts'
import { InboxWindow } from './inbox-window.ts'
import type { Handled, HandledId } from './journal.ts'

/** What is kept of one source's partition: the highest position handled, and those below it that were not. */
interface Mark {
  readonly source: string
  readonly partition: number
  position: number
  /** Positions below `position` that were still on their way when it was delivered, ascending. The mark's own. */
  missing: number[]
  /** Positions above `position` that came and were not handled, so that they will come again; in memory only. */
  skipped: readonly number[]
}

/** An inbox as data, for a snapshot. */
export type InboxMarks = readonly (
  | readonly [source: string, partition: number, position: number, missing: readonly number[]]
  | readonly [source: string, ids: readonly string[]]
)[]

const NONE: readonly number[] = []
const NO_MISSING: number[] = []
const NO_MARKS: Mark[] = []

type Place = Pick<Handled, 'source' | 'partition' | 'position'>

interface Delivered extends Place {
  readonly outstanding: ArrayLike<number>
}

/**
 * What an entity has handled of the logs that deliver to it, in bounded room: per source and partition one position, and
 * the few below it that were overtaken (a slow or parked message of another key does not hold up the rest).
 *
 *     handled    1 2 3 . 5 6 . 8          position 8, missing [4, 7]
 *
 * Of sources without positions it has the ids of the last INBOX_WINDOW messages.
 */
export class Inbox {
  // Made when they are needed, the array of its size: there is an inbox per entity, and most have one mark and no window.
  private marks: Mark[] = NO_MARKS
  private windows: Map<string, InboxWindow> | null = null

  static of(marks: InboxMarks): Inbox {
    const inbox = new Inbox()
    for (const mark of marks)
      if (mark.length === 2) inbox.addWindow(mark[0], new InboxWindow(mark[1]))
      else {
        const [source, partition, position, missing] = mark
        inbox.addMark({ source, partition, position, missing: ownCopy(missing), skipped: NONE })
      }
    return inbox
  }

  /** Whether the message was handled already. */
  hasHandled({ source, partition, position, id }: Pick<Delivery, 'source' | 'partition' | 'position' | 'id'>): boolean {
    return position === null ? this.windows?.get(source)?.has(id) === true : this.has(source, partition, position)
  }

  /** Whether the message at that place was handled already. */
  has(source: string, partition: number, position: number): boolean {
    const mark = this.find(source, partition)
    return mark !== undefined && position <= mark.position && !isIn(mark.missing, position)
  }

  /** Remembers that a message was handled, and which lower ones of its source have yet to come. */
  note(handled: Handled | HandledId): void {
    if (handled.position === null) {
      this.windowOf(handled.source).note(handled.id)
      return
    }
    const mark = this.find(handled.source, handled.partition)
    if (mark === undefined) {
      const { source, partition, position, outstanding } = handled
      this.addMark({ source, partition, position, missing: ownCopy(outstanding), skipped: NONE })
    } else if (handled.position > mark.position) {
      if (handled.outstanding.length > 0) addMissing(mark, handled.outstanding)
      mark.position = handled.position
      if (mark.skipped.length > 0) mark.skipped = mark.skipped.filter(position => position > handled.position)
    } else if (mark.missing.length > 0) {
      const index = lowerBound(mark.missing, handled.position)
      if (mark.missing[index] === handled.position) mark.missing.splice(index, 1)
    }
  }

  /**
   * The message came and was not handled. Those that were sent right behind it do not say that it is yet to come, since it
   * was on its way to the same receiver: `outstandingOf` says it for them.
   */
  skip({ source, partition, position }: Place): void {
    let mark = this.find(source, partition)
    if (mark === undefined) {
      mark = { source, partition, position: 0, missing: NO_MISSING, skipped: NONE }
      this.addMark(mark)
    }
    if (position > mark.position && !mark.skipped.includes(position)) mark.skipped = [...mark.skipped, position]
  }

  /**
   * Lower positions that are yet to come once this message is handled, as far as the inbox does not know of them already:
   * of what its sender said (ascending), and of what was skipped. So each is stored with one event of its receiver, and
   * not with all that overtake it.
   */
  outstandingOf({ source, partition, position, outstanding }: Delivered): readonly number[] {
    const mark = this.find(source, partition)
    const handledTo = mark === undefined ? 0 : mark.position
    if (position <= handledTo) return NONE
    const fresh: number[] = []
    for (let i = lowerBound(outstanding, handledTo + 1); i < outstanding.length; i++) {
      if (outstanding[i]! >= position) break
      fresh.push(outstanding[i]!)
    }
    if (mark === undefined || mark.skipped.length === 0) return fresh.length === 0 ? NONE : fresh
    const skipped = mark.skipped.filter(other => other < position && !isIn(fresh, other))
    return skipped.length === 0 ? fresh : [...fresh, ...skipped].sort((a, b) => a - b)
  }

  toMarks(): InboxMarks {
    const marks: InboxMarks[number][] = this.marks.map(mark => [
      mark.source,
      mark.partition,
      mark.position,
      mark.missing.slice(),
    ])
    if (this.windows !== null) for (const [source, window] of this.windows) marks.push([source, window.toIds()])
    return marks
  }

  private windowOf(source: string): InboxWindow {
    return this.windows?.get(source) ?? this.addWindow(source, new InboxWindow())
  }

  private addWindow(source: string, window: InboxWindow): InboxWindow {
    this.windows ??= new Map()
    this.windows.set(source, window)
    return window
  }

  private addMark(mark: Mark): void {
    if (this.marks === NO_MARKS) this.marks = [mark]
    else this.marks.push(mark)
  }

  private find(source: string, partition: number): Mark | undefined {
    for (const mark of this.marks) if (mark.partition === partition && mark.source === source) return mark
    return undefined
  }
}

/**
 * What is newly overtaken: only above the mark's position can something be new. A sender may well name a lower one, whose
 * effect is stored and whose acknowledgement never came.
 */
const addMissing = (mark: Mark, outstanding: readonly number[]): void => {
  if (mark.missing === NO_MISSING) mark.missing = []
  for (const other of outstanding) if (other > mark.position) mark.missing.push(other)
}

const ownCopy = (positions: readonly number[]): number[] => (positions.length === 0 ? NO_MISSING : [...positions])

const isIn = (ascending: readonly number[], position: number): boolean =>
  ascending.length > 0 && ascending[lowerBound(ascending, position)] === position

/** Index of the first that is `position` or more. */
const lowerBound = (ascending: ArrayLike<number>, position: number): number => {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! < position) low = middle + 1
    else high = middle
  }
  return low
}
