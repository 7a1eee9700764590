import { SHUTDOWN, type Stopped, stopped } from '../kernel/behavior.ts'
import type { Context } from '../kernel/context.ts'
import type { Agenda } from './agenda.ts'
import type { Child, Children } from './children.ts'
import type { FailureStreak } from './failure-streak.ts'
import type { RestartWindow } from './restart-window.ts'
import type { CheckedSupervisor } from './specification.ts'

/** What one incarnation of a supervisor knows. */
export interface Supervision {
  readonly spec: CheckedSupervisor
  readonly context: Context
  readonly children: Children
  readonly window: RestartWindow
  readonly agenda: Agenda
  /** Of the group that is restarted together. */
  readonly streak: FailureStreak
}

export type Next = Supervision | Stopped

/** The supervisor ends in order; `cause` says why. */
export const gaveUp = (cause: Error | null): Stopped => stopped(cause === null ? SHUTDOWN : { type: 'shutdown', cause })

/** The child stays down. Whether the supervisor is to end for it. */
export const endsWith = ({ spec, children }: Supervision, child: Child): boolean => {
  if (!child.spec.significant || spec.autoShutdown === 'never') return false
  if (spec.autoShutdown === 'any-significant') return true
  return !children.inStartOrder().some(other => other.spec.significant && other.status !== 'down')
}

export const report = ({ context }: Supervision, level: 'warn' | 'error', child: Child, decision: string): void => {
  context.log.log(level, `${context.path}: child ${child.spec.id} ${decision}`, {
    child: child.spec.id,
    error: child.failure ?? undefined,
  })
}
