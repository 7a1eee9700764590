import type { InFlight } from './in-flight.ts'
import { Waiting } from './waiting.ts'

/**
 * One message of a key at a time: the first has its turn, the others wait behind it, in order. A key with one message costs
 * an entry of a map.
 */
export class Lanes {
  private readonly firsts = new Map<string, InFlight>()
  /** Those that wait and are at hand. */
  private atHand = 0
  private readonly atHandMax: number
  private readonly canReadAgain: boolean

  /** `canReadAgain`: their source gives messages again, so that few have to be at hand: `atHandMax` of all keys. */
  constructor(canReadAgain: boolean, atHandMax: number) {
    this.canReadAgain = canReadAgain
    this.atHandMax = atHandMax
  }

  isFree(key: string): boolean {
    return !this.firsts.has(key)
  }

  /** Whose turn it is; null: nobody of that key is under way. */
  first(key: string): InFlight | null {
    return this.firsts.get(key) ?? null
  }

  /** Null: it is its turn; otherwise whom it is to wait behind. */
  enter(inFlight: InFlight): InFlight | null {
    const first = this.firsts.get(inFlight.key)
    if (first !== undefined) return first
    this.firsts.set(inFlight.key, inFlight)
    return null
  }

  /** At hand, or else its place, to be read again. */
  wait(first: InFlight, inFlight: InFlight): void {
    first.behind ??= new Waiting()
    const { position, partition, target } = inFlight
    const isLost = !this.canReadAgain || position === null || target === null
    if (isLost || (first.behind.hasRoom && this.atHand < this.atHandMax)) this.keep(first.behind, inFlight)
    else first.behind.pushPlace(partition, position, target)
  }

  keep(waiting: Waiting, inFlight: InFlight): void {
    waiting.push(inFlight)
    this.atHand++
  }

  /** How many to read again at once. */
  get readingMax(): number {
    return this.atHand < this.atHandMax ? Number.POSITIVE_INFINITY : 1
  }

  /** The turn goes from the first of a key to another one, which need not have waited. */
  pass(key: string, waiting: Waiting | null, to: InFlight): void {
    to.behind = waiting === null || waiting.isEmpty ? null : waiting
    this.firsts.set(key, to)
  }

  /** Whose turn it is after `ended`. Null: nobody's yet; then the lane is free, or `ended.behind` says who must be read. */
  next(ended: InFlight): InFlight | null {
    const { behind, key } = ended
    if (behind === null || behind.isEmpty) {
      ended.behind = null
      this.firsts.delete(key)
      return null
    }
    const next = behind.shift()
    if (next === null) return null
    this.atHand--
    this.pass(key, behind, next)
    return next
  }
}
