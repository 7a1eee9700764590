import type { Cell } from './cell.ts'
import type { Picker } from './router-picking.ts'

/** Points of each member on the ring: its share of the keys is off by about 9 % (one in the root of 128). */
const POINTS = 128
/** While they are sorted, a point and the index of its member share one number of 53 bits: 32 and 21. */
const INDICES = 2 ** 21

/**
 * The same key goes to the same member as long as that member is there. The hash of a key lies on a ring on which each
 * member has 128 points, made from its path; the next point is the key's.
 *
 *     0 ──•a──•c──────•b──•a──×──•c──•b── 2^32        × the key: it belongs to c, and without c to b
 *
 * So when a member comes, it takes keys over, and when one goes, its keys are shared out; no other key moves.
 * **Bounds**: a look-up is a binary search of 7 + log2(members) steps, then, where that member is closed, one step a point
 * to the next that is not. The ring is sorted anew at the first look-up after a change.
 */
export class HashRing implements Picker {
  readonly readsMessage = true
  private readonly keyOf: (message: never) => string | number
  private members: readonly Cell[] = []
  /** In ascending order. */
  private points = new Uint32Array(0)
  /** Whose each point is. */
  private indices = new Uint32Array(0)

  constructor(keyOf: (message: never) => string | number) {
    this.keyOf = keyOf
  }

  pick(members: readonly Cell[], message: unknown): Cell | null {
    if (members !== this.members) this.build(members)
    const { indices } = this
    const { length } = indices
    let at = this.firstFrom(mix(hashOf(String(this.keyOf(message as never)), SEED)))
    for (let looked = 0; looked < length; looked++) {
      if (at === length) at = 0
      const member = members[indices[at++] as number] as Cell
      if (!member.isClosed) return member
    }
    return null
  }

  private build(members: readonly Cell[]): void {
    const both = sortedPoints(members)
    this.points = new Uint32Array(both.length)
    this.indices = new Uint32Array(both.length)
    for (let i = 0; i < both.length; i++) {
      const index = (both[i] as number) % INDICES
      this.indices[i] = index
      this.points[i] = ((both[i] as number) - index) / INDICES
    }
    this.members = members
  }

  private firstFrom(place: number): number {
    const { points } = this
    let low = 0
    let high = points.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((points[middle] as number) < place) low = middle + 1
      else high = middle
    }
    return low
  }
}

const sortedPoints = (members: readonly Cell[]): Float64Array<ArrayBuffer> => {
  const points = new Float64Array(members.length * POINTS)
  members.forEach((member, index) => {
    const { path } = member
    // Two hashes, so that two members whose one hash is the same still have points of their own.
    const start = hashOf(path, SEED)
    const step = hashOf(path, OTHER_SEED) | 1
    for (let i = 0; i < POINTS; i++)
      points[index * POINTS + i] = mix((start + Math.imul(step, i + 1)) | 0) * INDICES + index
  })
  return points.sort()
}

const SEED = 0x811c9dc5
const OTHER_SEED = 0x9747b28c

/** FNV-1a over the UTF-16 code units. */
const hashOf = (text: string, seed: number): number => {
  let hash = seed
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i)
    hash = Math.imul(hash, 0x01000193)
  }
  return hash
}

/** The finalizer of MurmurHash3: FNV alone leaves texts that differ in their last letter close to each other. */
const mix = (hash: number): number => {
  let mixed = hash ^ (hash >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
