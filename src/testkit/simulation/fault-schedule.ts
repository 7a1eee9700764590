import { checkOptions } from '../../base/bounds.ts'
import type { FaultKind, PlannedFault } from './fault-kinds.ts'
import { below, streamOf } from './streams.ts'

export interface FaultOptions {
  readonly kinds: readonly FaultKind[]
  /** Of each of these every run has one at least, whether they are among `kinds` or not. Default: none. */
  readonly always?: readonly FaultKind[]
  /** How many a run has, those included. Default: 5 to 12. */
  readonly perRun?: { readonly min: number; readonly max: number }
  /** They begin within this time from the start of the world. Units: ms. Default: 10,000. */
  readonly withinMs?: number
}

export const FAULTS_WITHIN_MS = 10_000

/**
 * The faults of a seed's run, in the order of their times. **Errors**: RangeError for numbers that are none, for two kinds
 * of one name, and where there is to be a fault and no kind to draw from.
 */
export const scheduleOf = (seed: number, options: FaultOptions | undefined): readonly PlannedFault[] => {
  if (options === undefined) return []
  const { always = [], perRun = { min: 5, max: 12 }, withinMs = FAULTS_WITHIN_MS } = options
  checkFaultOptions(options)
  if (kindsOf(options).size === 0) return []
  const kinds = options.kinds.length > 0 ? options.kinds : always
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

/** All kinds of the options by name. */
export const kindsOf = ({ kinds, always = [] }: FaultOptions): ReadonlyMap<string, FaultKind> => {
  const byName = new Map<string, FaultKind>()
  for (const kind of [...kinds, ...always]) {
    if ((byName.get(kind.name) ?? kind) !== kind) throw new RangeError(`two kinds of fault are named ${kind.name}`)
    byName.set(kind.name, kind)
  }
  return byName
}

/** **Errors**: as `scheduleOf`, for numbers that are none, and options that nobody knows. */
export const checkFaultOptions = (options: FaultOptions): void => {
  checkOptions('faults', options, ['kinds', 'always', 'perRun', 'withinMs'])
  checkOptions('faults.perRun', options.perRun, ['min', 'max'])
  const { kinds, always = [], perRun, withinMs = 0 } = options
  if (!(Number.isFinite(withinMs) && withinMs >= 0))
    throw new RangeError(`faults.withinMs is a number of ms from 0, not ${withinMs}`)
  for (const { name, weight = 1 } of kinds)
    if (!(Number.isFinite(weight) && weight >= 0))
      throw new RangeError(`the weight of ${name} is a number from 0, not ${weight}`)
  if (perRun === undefined) return
  const { min, max } = perRun
  if (!(Number.isSafeInteger(min) && Number.isSafeInteger(max) && min >= 0 && max >= min))
    throw new RangeError(`faults.perRun is two whole numbers from 0, the smaller one first, not ${min} to ${max}`)
  if (min > 0 && kinds.length + always.length === 0)
    throw new RangeError(`faults.perRun wants ${min} at least, and there is no kind to draw from`)
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
