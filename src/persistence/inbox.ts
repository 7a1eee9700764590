import type { Delivery } from './command.ts'
import { InboxWindow } from './inbox-window.ts'
import type { Handled, HandledId } from './journal.ts'

/** What is kept of one source's partition: the highest position handled, and those below it that were not. */
interface Mark {
  readonly source: string
  readonly partition: number
  position: number
  /** Positions below `position` that were still on their way when it was delivered, ascending. */
  missing: readonly number[]
  /** Positions above `position` that came and were not handled, so that they will come again; in memory only. */
  skipped: readonly number[]
}

/** An inbox as data, for a snapshot. */
export type InboxMarks = readonly (
  | readonly [source: string, partition: number, position: number, missing: readonly number[]]
  | readonly [source: string, ids: readonly string[]]
)[]

const NONE: readonly number[] = []
const NO_MARKS: Mark[] = []

type Place = Pick<Handled, 'source' | 'partition' | 'position'>

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
        inbox.addMark({ source, partition, position, missing, skipped: NONE })
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
    return mark !== undefined && position <= mark.position && !mark.missing.includes(position)
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
      this.addMark({ source, partition, position, missing: outstanding, skipped: NONE })
    } else if (handled.position > mark.position) {
      if (mark.missing.length + handled.outstanding.length > 0)
        mark.missing = union(mark.missing, handled.outstanding, mark.position)
      mark.position = handled.position
      if (mark.skipped.length > 0) mark.skipped = mark.skipped.filter(position => position > handled.position)
    } else if (mark.missing.length > 0) {
      mark.missing = mark.missing.filter(position => position !== handled.position)
    }
  }

  /**
   * The message came and was not handled. Those that were sent right behind it do not say that it is yet to come, since it
   * was on its way to the same receiver: `outstandingOf` says it for them.
   */
  skip({ source, partition, position }: Place): void {
    let mark = this.find(source, partition)
    if (mark === undefined) {
      mark = { source, partition, position: 0, missing: NONE, skipped: NONE }
      this.addMark(mark)
    }
    if (position > mark.position && !mark.skipped.includes(position)) mark.skipped = [...mark.skipped, position]
  }

  /** Lower positions that are yet to come once this message is handled: what its sender said, and what was skipped. */
  outstandingOf({ source, partition, position, outstanding }: Handled): readonly number[] {
    const mark = this.find(source, partition)
    if (mark === undefined || mark.skipped.length === 0) return outstanding
    const skipped = mark.skipped.filter(other => other < position && !outstanding.includes(other))
    return skipped.length === 0 ? outstanding : [...outstanding, ...skipped].sort((a, b) => a - b)
  }

  toMarks(): InboxMarks {
    const marks: InboxMarks[number][] = this.marks.map(mark => [
      mark.source,
      mark.partition,
      mark.position,
      mark.missing,
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
 * What was missing before, and what is newly overtaken: only above `position` can something be new. A sender may well name
 * a lower one, whose effect is stored and whose acknowledgement never came.
 */
const union = (missing: readonly number[], outstanding: readonly number[], position: number): readonly number[] => {
  const overtaken = outstanding.filter(other => other > position)
  return overtaken.length === 0 ? missing : missing.length === 0 ? overtaken : [...missing, ...overtaken]
}
