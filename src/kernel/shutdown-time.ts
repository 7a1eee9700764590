import { optionsProblem } from '../base/bounds.ts'
import { shown } from '../base/errors.ts'
import type { StopOptions } from './types.ts'

/** Whether these are no options, or their `shutdownMs` no time: a timer would take it for one that is over. */
export const isNoTime = (options: StopOptions | undefined): boolean =>
  options !== undefined && problemOf(options) !== null

/** Call it for options that are none. */
export const refuseTime = (options: StopOptions | undefined): Promise<never> =>
  Promise.reject(new RangeError(problemOf(options) as string))

const problemOf = (options: StopOptions | undefined): string | null => {
  const problem = optionsProblem(options, ['shutdownMs'])
  if (problem !== null) return `the options of a stop ${problem}`
  const time: unknown = options?.shutdownMs ?? 'infinity'
  if (time === 'infinity' || time === 'brutal-kill' || (typeof time === 'number' && time >= 0)) return null
  return `shutdownMs must be a number of ms, 'brutal-kill' or 'infinity', not ${shown(time)}`
}
