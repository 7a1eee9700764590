import fc from 'fast-check'
import type { Random } from 'troupe'
import type { Application } from '../../actors/index.ts'
import { someApplication } from '../actors/arbitraries.ts'

export const REGIONS = ['R24', 'R53', 'R93'] as const

/** Drawn once: what arbitraries cost is not to be paid for every seed. */
const pool = fc.sample(someApplication, { seed: 2_018, numRuns: 2_000 })

/** So many applications for a few regions, which so have long histories. */
export const drawApplications = (random: Random, count: number): readonly Application[] =>
  Array.from({ length: count }, (_, i) => ({
    ...(pool[Math.floor(random.next() * pool.length)] as Application),
    applicationId: `A-${i}`,
    region: REGIONS[Math.floor(random.next() * REGIONS.length)] as Application['region'],
  }))
