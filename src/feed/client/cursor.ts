import { RuntimeError } from '../../base/errors.ts'

/** A place in a feed: everything up to and with `number` of `incarnation` is done. */
export interface FeedPosition {
  /** Null: whichever the feed has. */
  readonly incarnation: string | null
  readonly number: number
}

export const BEGINNING: FeedPosition = { incarnation: null, number: 0 }

export const cursorOf = (incarnation: string, number: number): string => `${incarnation}:${number}`

/** **Errors**: FEED_MISCONFIGURED for a text that is no cursor. */
export const positionOf = (cursor: string | null): FeedPosition => {
  if (cursor === null) return BEGINNING
  const [, incarnation = null, digits] = /^(?:([\w-]{1,64}):)?(\d{1,15})$/.exec(cursor) ?? []
  if (digits === undefined)
    throw new RuntimeError(
      'FEED_MISCONFIGURED',
      `${cursor.slice(0, 80)} is no cursor of a feed: give one that a delivery had`,
    )
  return { incarnation, number: Number(digits) }
}
