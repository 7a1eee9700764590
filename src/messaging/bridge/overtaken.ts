export const NONE_OVERTAKEN: readonly number[] = []

/**
 * What is not with its receiver, though later messages may be: waiting behind its key, in preparation, resting after a
 * failure, or parked. A delivery names the lower ones, so that the receiver does not take them for handled.
 */
export class Overtaken {
  /** Per partition and receiver, ascending. */
  private readonly positions = new Map<string, number[]>()

  /** The message will come later. One without a position is known by its id, and needs no place here. */
  add(target: string, partition: number, position: number | null): void {
    if (position === null) return
    const place = placeOf(target, partition)
    const positions = this.positions.get(place)
    if (positions === undefined) this.positions.set(place, [position])
    else if (!positions.includes(position)) {
      positions.push(position)
      if (position < positions[positions.length - 2]!) positions.sort((a, b) => a - b)
    }
  }

  /** The message goes to its receiver now, or never will. Gives the lower positions that are still to come. */
  remove(target: string, partition: number, position: number | null): readonly number[] {
    if (position === null || this.positions.size === 0) return NONE_OVERTAKEN
    const place = placeOf(target, partition)
    const positions = this.positions.get(place)
    if (positions === undefined) return NONE_OVERTAKEN
    const left = positions.filter(other => other !== position)
    if (left.length === 0) {
      this.positions.delete(place)
      return NONE_OVERTAKEN
    }
    this.positions.set(place, left)
    return left.filter(other => other < position)
  }
}

const placeOf = (target: string, partition: number): string => `${partition}|${target}`
