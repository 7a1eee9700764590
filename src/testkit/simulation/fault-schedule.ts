import type { FaultKind, PlannedFault } from './fault-kinds.ts'
import { below, streamOf } from './streams.ts'

export interface FaultOptions {
  readonly kinds: readonly FaultKind[]
  /** Of each of these every run has one at least. Default: none. */
  readonly always?: readonly FaultKind[]
  /** How many a run has, those included. Default: 5 to 12. */
  readonly perRun?: { readonly min: number; readonly max: number }
  /** They begin within this time from the start of the world. Units: ms. Default: 10,000. */
  readonly withinMs?: number
}

export const FAULTS_WITHIN_MS = 10_000

/** The faults of a seed's run, in the order of their times. */
export const scheduleOf = (seed: number, options: FaultOptions | undefined): readonly PlannedFault[] => {
  if (options === undefined || options.kinds.length === 0) return []
  const { kinds, always = [], perRun = { min: 5, max: 12 }, withinMs = FAULTS_WITHIN_MS } = options
  const random = streamOf(seed, 'faults')
  const count = perRun.min + below(random, perRun.max - perRun.min + 1)
  const faults = Array.from({ length: Math.max(count, always.length) }, (_, i) => ({
    kind: (always[i] ?? drawKind(kinds, random.next())).name,
    // Thousandths are enough, and make a schedule that people can read.
    atMs: Math.round(random.next() * withinMs),
    target: thousandth(random.next()),
    size: thousandth(random.next()),
  }))
  return faults.sort((a, b) => a.atMs - b.atMs)
}

const thousandth = (value: number): number => Math.floor(value * 1_000) / 1_000

const drawKind = (kinds: readonly FaultKind[], dice: number): FaultKind => {
  const total = kinds.reduce((sum, { weight = 1 }) => sum + weight, 0)
  let left = dice * total
  for (const kind of kinds) {
    left -= kind.weight ?? 1
    if (left < 0) return kind
  }
  return kinds.at(-1) as FaultKind
}
