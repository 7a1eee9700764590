export const NONE_OVERTAKEN: ArrayLike<number> = []

/**
 * What is not with its receiver, though later messages may be: waiting behind its key, in preparation, resting after a
 * failure, or parked. A delivery names the lower ones, so that the receiver does not take them for handled.
 */
export class Overtaken {
  /** Per partition and receiver. */
  private readonly places = new Map<string, Positions>()

  get isEmpty(): boolean {
    return this.places.size === 0
  }

  /** The message will come later. One without a position is known by its id, and needs no place here. */
  add(target: string, partition: number, position: number | null): void {
    if (position === null) return
    const place = placeOf(target, partition)
    const positions = this.places.get(place)
    if (positions === undefined) this.places.set(place, new Positions(position))
    else positions.add(position)
  }

  /**
   * The message goes to its receiver now, or never will. Gives the lower positions that are still to come, ascending, and
   * as they are now whatever comes after.
   */
  remove(target: string, partition: number, position: number | null): ArrayLike<number> {
    if (position === null || this.places.size === 0) return NONE_OVERTAKEN
    const place = placeOf(target, partition)
    const positions = this.places.get(place)
    if (positions === undefined) return NONE_OVERTAKEN
    positions.remove(position)
    if (positions.isEmpty) this.places.delete(place)
    return positions.below(position)
  }
}

/**
 * Ascending positions, many of them: what waits behind a key may be a hundred thousand messages, which every other one to
 * that receiver overtakes. So what `below` gives is no copy but a view of `numbers`, and what a view shows is never written
 * again: room is used behind the last one only, and once something was taken out elsewhere than in front, the rest has
 * moved to other room.
 */
class Positions {
  private numbers = new Float64Array(4)
  private from = 0
  private to = 1

  constructor(position: number) {
    this.numbers[0] = position
  }

  get isEmpty(): boolean {
    return this.from === this.to
  }

  add(position: number): void {
    const index = position > this.numbers[this.to - 1]! ? this.to : this.indexOf(position)
    if (index < this.to) {
      if (this.numbers[index] !== position) this.move(index, 0, position)
      return
    }
    if (this.to === this.numbers.length) this.grow()
    this.numbers[this.to++] = position
  }

  remove(position: number): void {
    const index = this.indexOf(position)
    if (index === this.to || this.numbers[index] !== position) return
    if (index === this.from) this.from++
    else this.move(index, 1, null)
  }

  below(position: number): ArrayLike<number> {
    const end = this.indexOf(position)
    return end === this.from ? NONE_OVERTAKEN : this.numbers.subarray(this.from, end)
  }

  /** To other room, without `left` numbers at `index`, and with `added` there. */
  private move(index: number, left: number, added: number | null): void {
    const size = this.to - this.from - left + (added === null ? 0 : 1)
    const numbers = new Float64Array(size + (size >> 3) + 4)
    numbers.set(this.numbers.subarray(this.from, index))
    const at = index - this.from
    if (added !== null) numbers[at] = added
    numbers.set(this.numbers.subarray(index + left, this.to), added === null ? at : at + 1)
    this.numbers = numbers
    this.from = 0
    this.to = size
  }

  private grow(): void {
    const size = this.to - this.from
    const numbers = new Float64Array(2 * size + 4)
    numbers.set(this.numbers.subarray(this.from, this.to))
    this.numbers = numbers
    this.from = 0
    this.to = size
  }

  /** Of the first that is `position` or more. */
  private indexOf(position: number): number {
    let low = this.from
    let high = this.to
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.numbers[middle]! < position) low = middle + 1
      else high = middle
    }
    return low
  }
}

const placeOf = (target: string, partition: number): string => `${partition}|${target}`
