/** Dealt with and not yet forgotten, beyond as many as are under way: then the rest is moved together. */
const SPENT_MAX = 1_024

/**
 * Which of the positions that a reader gave are not done. It keeps numbers only, so that one message that takes a day
 * costs no memory for those that pass it.
 *
 *     positions   -3  5 -6 -8  9 11      done ones are negative; those before the first that is not are forgotten
 *                     ^first      ^end
 */
export class Progress {
  private positions: number[] = []
  private first = 0
  private end = 0
  private underWay = 0

  /** The lowest that is not done; 0: there is none. */
  get lowest(): number {
    return this.first === this.end ? 0 : this.positions[this.first]!
  }

  /** `position` is above all that were begun before. */
  begin(position: number): void {
    this.positions[this.end++] = position
    this.underWay++
  }

  /** Whether that moved `lowest`. One that is unknown or done already changes nothing. */
  done(position: number): boolean {
    const { positions } = this
    if (positions[this.first] !== position || this.first === this.end) {
      const index = this.indexOf(position)
      if (index === -1) return false
      positions[index] = -position
      this.underWay--
      if (this.end - this.first > 2 * this.underWay + SPENT_MAX) this.moveTogether()
      return false
    }
    this.underWay--
    do this.first++
    while (this.first < this.end && positions[this.first]! < 0)
    if (this.first === this.end) this.clear()
    else if (this.first > SPENT_MAX && this.first * 2 > this.end) this.moveTogether()
    return true
  }

  private clear(): void {
    this.first = 0
    this.end = 0
    if (this.positions.length > SPENT_MAX) this.positions = []
  }

  private moveTogether(): void {
    let end = 0
    const kept: number[] = []
    for (let i = this.first; i < this.end; i++) if (this.positions[i]! > 0) kept[end++] = this.positions[i]!
    this.positions = kept
    this.first = 0
    this.end = end
  }

  /** Of one that is not done; -1: there is none such. */
  private indexOf(position: number): number {
    let low = this.first
    let high = this.end
    while (low < high) {
      const middle = (low + high) >>> 1
      if (Math.abs(this.positions[middle]!) < position) low = middle + 1
      else high = middle
    }
    return low < this.end && this.positions[low] === position ? low : -1
  }
}
