import type { NewRecord } from '../../persistence/journal.ts'

/**
 * What a feed says about itself, in a stream of its own (`feed|NAME`): where each of its incarnations begins, and how far
 * it is archived.
 */
export type FeedRecord = FeedBegun | FeedArchived

export interface FeedBegun {
  readonly type: 'FeedBegun'
  /** Drawn at random: no two have the same. */
  readonly incarnation: string
  /** Its first number; what is below is of the incarnations before, as far as it has survived. */
  readonly from: number
  readonly pageSize: number
  /** Per partition of the store: up to where its records are in the feed, below `from`. */
  readonly upTo: readonly number[]
  /** What the journal called its lineage then; null: it names none. */
  readonly lineage: string | null
}

export interface FeedArchived {
  readonly type: 'FeedArchived'
  /** Numbers up to and with this one are not served any more. */
  readonly upTo: number
}

/** A part of a page that one incarnation has: `from` to `to`, as the sequence numbers from 1 of an id of its own. */
export interface Piece {
  readonly incarnation: string
  readonly from: number
  readonly to: number
}

export class FeedHistory {
  readonly begun: FeedBegun[] = []
  archivedTo = 0
  /** Records of the stream. */
  sequenceNr = 0

  note(record: FeedRecord): void {
    this.sequenceNr++
    if (record.type === 'FeedBegun') this.begun.push(record)
    else this.archivedTo = Math.max(this.archivedTo, record.upTo)
  }

  get present(): FeedBegun | undefined {
    return this.begun.at(-1)
  }

  /**
   * The number up to which a reader of another incarnation has read the same as is here now; 0 for one that was never
   * here.
   */
  agreesTo(incarnation: string): number {
    const index = this.begun.findIndex(begun => begun.incarnation === incarnation)
    if (index === -1) return 0
    return this.begun.slice(index + 1).reduce((least, { from }) => Math.min(least, from - 1), Number.MAX_SAFE_INTEGER)
  }

  /** Those before the present one, and up to where each agrees with it. */
  get before(): readonly { readonly incarnation: string; readonly agreesTo: number }[] {
    return this.begun.slice(0, -1).map(({ incarnation }) => ({ incarnation, agreesTo: this.agreesTo(incarnation) }))
  }

  /** Of the numbers `from` to `to`, in their order. */
  pieces(from: number, to: number): readonly Piece[] {
    const pieces: Piece[] = []
    let end = to
    for (let i = this.begun.length - 1; i >= 0 && end >= from; i--) {
      const { incarnation, from: begins } = this.begun[i]!
      if (begins > end) continue
      pieces.unshift({ incarnation, from: Math.max(begins, from), to: end })
      end = begins - 1
    }
    return pieces
  }
}

export const historyIdOf = (name: string): string => `feed|${name}`

/** One id for what an incarnation has of a page: a page is found and read whatever the length of the feed. */
export const pageIdOf = (name: string, incarnation: string, page: number): string =>
  `feed|${name}|${incarnation}|${page}`

export const recordOf = (record: FeedRecord): NewRecord => ({
  kind: 'event',
  type: record.type,
  version: 1,
  payload: record,
})
