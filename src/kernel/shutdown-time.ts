import { shown } from '../base/errors.ts'
import type { StopOptions } from './types.ts'

/** Whether `shutdownMs` is given and no time: a timer would take it for one that is over. */
export const isNoTime = (options: StopOptions | undefined): boolean => {
  const time: unknown = options?.shutdownMs ?? 'infinity'
  return time !== 'infinity' && time !== 'brutal-kill' && !(typeof time === 'number' && time >= 0)
}

export const refuseTime = (options: StopOptions | undefined): Promise<never> => {
  const text = `shutdownMs must be a number of ms, 'brutal-kill' or 'infinity', not ${shown(options?.shutdownMs)}`
  return Promise.reject(new RangeError(text))
}
