import { type Random, seededRandom } from '../../base/ports.ts'

/**
 * A source of chance of its own for each purpose of one seed: that one part draws more or less than before changes nothing
 * for the others, so a run with fewer faults stays near the run that it came from.
 */
export const streamOf = (seed: number, purpose: string): Random => {
  let hash = 0x811c9dc5 ^ Math.imul(seed + 1, 0x9e3779b1)
  for (let i = 0; i < purpose.length; i++) hash = Math.imul(hash ^ purpose.charCodeAt(i), 0x01000193)
  return seededRandom(hash | 0)
}

/** A whole number from 0 to `limit` - 1. */
export const below = (random: Random, limit: number): number => Math.floor(random.next() * limit)

/** Uniform from `from` to `to`. */
export const between = (random: Random, from: number, to: number): number => from + random.next() * (to - from)
