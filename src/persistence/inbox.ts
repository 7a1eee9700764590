import type { Handled } from './journal.ts'

/** What is kept of one source's partition: the highest position handled, and those below it that were not. */
interface Mark {
  readonly source: string
  readonly partition: number
  position: number
  /** Positions below `position` that were still on their way when it was delivered, ascending. */
  missing: readonly number[]
}

/** An inbox as data, for a snapshot. */
export type InboxMarks = readonly (readonly [
  source: string,
  partition: number,
  position: number,
  missing: readonly number[],
])[]

const NONE: readonly number[] = []

/**
 * What an entity has handled of the logs that deliver to it, in bounded room: per source and partition one position, and
 * the few below it that were overtaken (a slow or parked message of another key does not hold up the rest).
 *
 *     handled    1 2 3 . 5 6 . 8          position 8, missing [4, 7]
 */
export class Inbox {
  private readonly marks: Mark[] = []

  static of(marks: InboxMarks): Inbox {
    const inbox = new Inbox()
    for (const [source, partition, position, missing] of marks)
      inbox.marks.push({ source, partition, position, missing })
    return inbox
  }

  /** Whether the message at that place was handled already. */
  has(source: string, partition: number, position: number): boolean {
    const mark = this.find(source, partition)
    return mark !== undefined && position <= mark.position && !mark.missing.includes(position)
  }

  /** Remembers that a message was handled, and which lower ones of its source have yet to come. */
  note(handled: Handled): void {
    const mark = this.find(handled.source, handled.partition)
    if (mark === undefined) {
      const { source, partition, position, outstanding } = handled
      this.marks.push({ source, partition, position, missing: outstanding })
    } else if (handled.position > mark.position) {
      mark.missing =
        mark.missing.length === 0 ? handled.outstanding : union(mark.missing, handled.outstanding, mark.position)
      mark.position = handled.position
    } else if (mark.missing.length > 0) {
      mark.missing = mark.missing.filter(position => position !== handled.position)
    }
  }

  toMarks(): InboxMarks {
    return this.marks.map(({ source, partition, position, missing }) => [source, partition, position, missing])
  }

  private find(source: string, partition: number): Mark | undefined {
    for (const mark of this.marks) if (mark.partition === partition && mark.source === source) return mark
    return undefined
  }
}

/** What was missing before, and what is newly overtaken: only above `position` can something be new. */
const union = (missing: readonly number[], outstanding: readonly number[], position: number): readonly number[] => {
  const overtaken = outstanding.filter(other => other > position)
  return overtaken.length === 0 && missing.length === 0 ? NONE : [...missing, ...overtaken]
}
