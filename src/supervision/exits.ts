import { RuntimeError } from '../base/errors.ts'
import type { ExitReason } from '../kernel/types.ts'
import type { RestartType } from './specification.ts'

export const isAbnormal = (reason: ExitReason): boolean => reason.type === 'error' || reason.type === 'killed'

/** Whether a child that ended so comes back. */
export const isDueAgain = (restart: RestartType, reason: ExitReason): boolean => {
  switch (restart) {
    case 'permanent':
      return true
    case 'transient':
      return isAbnormal(reason)
    case 'temporary':
      return false
  }
}

/** Why a child ended, as an error; null: in an ordinary way. */
export const failureIn = (reason: ExitReason, path: string): Error | null => {
  switch (reason.type) {
    case 'error':
      return reason.error
    case 'killed':
      return new RuntimeError('ACTOR_CRASHED', `${path} was killed`)
    case 'shutdown':
      return reason.cause ?? null
    case 'normal':
      return null
  }
}
