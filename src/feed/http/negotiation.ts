/** What a request's headers ask for. **Source**: RFC 9110 (Accept, If-None-Match), RFC 7240 (Prefer). */

export const EVENT_STREAM = 'text/event-stream'

/** The one of `offered` that `accept` likes best, the first among equals; null: none. */
export const preferred = (accept: string | null, offered: readonly string[]): string | null => {
  if (accept === null || accept.trim() === '' || accept === '*/*') return offered[0]!
  const wishes = accept.split(',').map(wishOf)
  let best: string | null = null
  let bestQuality = 0
  for (const type of offered) {
    const quality = qualityOf(type, wishes)
    if (quality > bestQuality) {
      best = type
      bestQuality = quality
    }
  }
  return best
}

/** Whether a range of media types names this very one: `*∕*` does not. */
export const names = (accept: string | null, type: string): boolean =>
  accept?.split(',').some(part => {
    const wish = wishOf(part)
    return wish.type === type && wish.quality > 0
  }) === true

interface Wish {
  readonly type: string
  readonly quality: number
}

const wishOf = (part: string): Wish => {
  const [type, ...parameters] = part.split(';')
  const q = parameters.map(parameter => /^\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*$/i.exec(parameter)?.[1]).find(Boolean)
  return { type: type!.trim().toLowerCase(), quality: q === undefined ? 1 : Number(q) }
}

/** The most specific wish that fits decides. */
const qualityOf = (type: string, wishes: readonly Wish[]): number => {
  const group = `${type.slice(0, type.indexOf('/'))}/*`
  for (const fit of [type, group, '*/*']) {
    const wish = wishes.find(each => each.type === fit)
    if (wish !== undefined) return wish.quality
  }
  return 0
}

/** Whether the requester has what `etag` names. */
export const matches = (ifNoneMatch: string | null, etag: string): boolean => {
  if (ifNoneMatch === null) return false
  if (ifNoneMatch === etag || ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.split(',').some(each => each.trim().replace(/^W\//, '') === etag)
}

/** How long the requester is ready to wait; 0: not at all. **Units**: seconds. */
export const waitOf = (prefer: string | null): number => {
  const [, seconds] = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(prefer ?? '') ?? []
  return seconds === undefined ? 0 : Number(seconds)
}
