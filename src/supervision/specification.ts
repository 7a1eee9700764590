import { Behavior, behaviorHint } from '../kernel/behavior.ts'
import type { ShutdownTime } from '../kernel/types.ts'
import type { RestartBackoff } from './backoff.ts'
import { attemptsOf, checkFailures } from './check-failures.ts'
import type { Decider } from './failure-policy.ts'
import { checkFields, SpecificationError, show } from './specification-error.ts'

/** Who else is restarted with a child that failed: nobody, all of its siblings, or those started after it. */
export type Strategy = 'one-for-one' | 'one-for-all' | 'rest-for-one'

/** Restarted whatever its end; only after an abnormal end (no `normal`, no `shutdown`); never. */
export type RestartType = 'permanent' | 'transient' | 'temporary'

/** Whether the supervisor ends by itself once a significant child, or the last of them, has ended and stays down. */
export type AutoShutdown = 'never' | 'any-significant' | 'all-significant'

interface AnyChild {
  /** Unique among the children of a supervisor, and the child's name in its path. */
  readonly id: string
  /** What the child is; a supervisor makes a tree. */
  readonly start: Behavior<never>
  /**
   * How long the child has to stop before it is killed; 0 is no time at all, as `'brutal-kill'`. Default: 5,000;
   * `'infinity'` for a supervisor.
   */
  readonly shutdownMs?: ShutdownTime
  /** How long its restarts wait, and those of its group that it causes. Default: the supervisor's. */
  readonly backoff?: RestartBackoff
  /** Default: the supervisor's. */
  readonly decider?: Decider
  /**
   * Has the message that crashed the child handled again by the next incarnation, ahead of its mailbox, up to `attempts`
   * times in all; then it is a dead letter `parked`, with its error. Its ask stays open meanwhile. Not for actors of the
   * runtime itself. Default: the message is gone with the first crash.
   */
  readonly redeliver?: { readonly attempts: number }
}

interface PermanentChild extends AnyChild {
  readonly restart?: 'permanent'
  readonly significant?: false
}

interface EndingChild extends AnyChild {
  readonly restart: 'transient' | 'temporary'
  /** Counts for `autoShutdown`. Default: false. */
  readonly significant?: boolean
}

/** How one child is started, restarted and stopped. Default of `restart`: `'permanent'`. */
export type ChildSpec = PermanentChild | EndingChild

/**
 * What a supervisor starts and how it answers failures. **Errors**: CHILD_SPEC_INVALID, which names the field; other
 * fields are refused.
 */
export interface SupervisorSpec {
  /** Default: `'one-for-one'`. */
  readonly strategy?: Strategy
  /**
   * Restarts within `periodMs` that are allowed; with one more the supervisor gives up. `Infinity`, with a `backoff` only:
   * it never does. Default: 1.
   */
  readonly intensity?: number
  /** Default: 5,000. */
  readonly periodMs?: number
  /** Default: `'never'`. */
  readonly autoShutdown?: AutoShutdown
  /** How long restarts wait, a child's or a group's. Default: they do not, as in OTP. */
  readonly backoff?: RestartBackoff
  /** Default: every failure is for the restart type to answer, as in OTP. */
  readonly decider?: Decider
  /** In start order. */
  readonly children: readonly ChildSpec[]
}

/** A child specification with its defaults filled in. */
export interface CheckedChild {
  readonly id: string
  readonly start: Behavior<never>
  readonly restart: RestartType
  readonly shutdownMs: ShutdownTime
  readonly significant: boolean
  /** Null: its restarts do not wait. */
  readonly backoff: RestartBackoff | null
  readonly decider: Decider | null
  /** How often a message that crashes it is handled. */
  readonly attempts: number
}

/** What children have from their supervisor. */
export interface ForChildren {
  readonly autoShutdown: AutoShutdown
  readonly backoff: RestartBackoff | null
  readonly decider: Decider | null
}

export interface CheckedSupervisor extends ForChildren {
  readonly strategy: Strategy
  readonly intensity: number
  readonly periodMs: number
  readonly children: readonly CheckedChild[]
}

const STRATEGIES: readonly unknown[] = ['one-for-one', 'one-for-all', 'rest-for-one'] satisfies Strategy[]
const RESTART_TYPES: readonly unknown[] = ['permanent', 'transient', 'temporary'] satisfies RestartType[]
const AUTO_SHUTDOWNS: readonly unknown[] = ['never', 'any-significant', 'all-significant'] satisfies AutoShutdown[]

/** What children and their supervisor may both say. */
const OF_BOTH = ['backoff', 'decider'] as const
const CHILD_FIELDS = ['id', 'start', 'restart', 'shutdownMs', 'significant', 'redeliver', ...OF_BOTH]
const SUPERVISOR_FIELDS = ['strategy', 'intensity', 'periodMs', 'autoShutdown', 'children', ...OF_BOTH]

/** Fills in the defaults. **Errors**: CHILD_SPEC_INVALID, which names the field. */
export const checkSupervisor = (spec: SupervisorSpec): CheckedSupervisor => {
  checkFields(null, 'it', spec, SUPERVISOR_FIELDS)
  const { strategy = 'one-for-one', intensity = 1, periodMs = 5_000, autoShutdown = 'never' } = spec
  const refuse = (field: string, mustBe: string, value: unknown): SpecificationError =>
    new SpecificationError(null, field, 'value', `must be ${mustBe}, not ${show(value)}`)
  if (!STRATEGIES.includes(strategy)) throw refuse('strategy', oneOf(STRATEGIES), strategy)
  const { backoff = null, decider = null } = spec
  checkFailures(null, backoff, decider)
  if (intensity === Number.POSITIVE_INFINITY && backoff === null)
    throw refuse('intensity', 'finite where restarts do not wait: give a backoff with it', intensity)
  if (!(Number.isSafeInteger(intensity) || intensity === Number.POSITIVE_INFINITY) || intensity < 0)
    throw refuse('intensity', 'a whole number of at least 0', intensity)
  if (!isFinitePositive(periodMs)) throw refuse('periodMs', 'a number of ms above 0', periodMs)
  if (!AUTO_SHUTDOWNS.includes(autoShutdown)) throw refuse('autoShutdown', oneOf(AUTO_SHUTDOWNS), autoShutdown)
  if (!Array.isArray(spec.children)) throw refuse('children', 'an array of child specifications', spec.children)
  const children: CheckedChild[] = []
  const ids = new Set<string>()
  for (const childSpec of spec.children) {
    const child = checkChild(childSpec, { autoShutdown, backoff, decider })
    if (ids.has(child.id)) throw new SpecificationError(child.id, 'id', 'duplicate', 'is used by another child')
    ids.add(child.id)
    children.push(child)
  }
  return { strategy, intensity, periodMs, autoShutdown, backoff, decider, children }
}

/** Fills in the defaults. **Errors**: CHILD_SPEC_INVALID, which names the field. */
export const checkChild = (spec: ChildSpec, { autoShutdown, ...fromSupervisor }: ForChildren): CheckedChild => {
  if (!isObject(spec))
    throw new SpecificationError(null, 'a child', 'value', `must be a child specification, not ${show(spec)}`)
  const { id, start, restart = 'permanent', significant = false } = spec
  const error = (field: string, problem: SpecificationError['problem'], text: string): SpecificationError =>
    new SpecificationError(typeof id === 'string' ? id : show(id), field, problem, text)
  if (id === undefined)
    throw error('id', 'value', 'name' in spec ? `is missing, and there is "name": ${ID_IS_NAME}` : 'is missing')
  checkFields(typeof id === 'string' ? id : show(id), 'it', spec, CHILD_FIELDS)
  if (typeof id !== 'string' || id === '')
    throw error('id', 'value', `must be a string with at least one character, not ${show(id)}`)
  if (!(start instanceof Behavior))
    throw error('start', 'value', `must be a behavior, not ${show(start)}${behaviorHint(start)}`)
  if (!RESTART_TYPES.includes(restart))
    throw error('restart', 'value', `must be ${oneOf(RESTART_TYPES)}, not ${show(restart)}`)
  if (typeof significant !== 'boolean')
    throw error('significant', 'value', `must be true or false, not ${show(significant)}`)
  if (significant && autoShutdown === 'never')
    throw error('significant', 'combination', "must be false where the supervisor's autoShutdown is 'never'")
  if (significant && restart === 'permanent')
    throw error('significant', 'combination', "must be false for a child with restart 'permanent'")
  const shutdownMs = spec.shutdownMs ?? (start.stopChildren === null ? 5_000 : 'infinity')
  if (shutdownMs !== 'brutal-kill' && shutdownMs !== 'infinity' && !(shutdownMs === 0 || isFinitePositive(shutdownMs)))
    throw error('shutdownMs', 'value', `must be ms, 'brutal-kill' or 'infinity', not ${show(shutdownMs)}`)
  const { backoff = null, decider = null } = spec
  checkFailures(id, backoff, decider)
  const attempts = attemptsOf(id, spec)
  return {
    id,
    start,
    restart,
    shutdownMs,
    significant,
    backoff: backoff ?? fromSupervisor.backoff,
    decider: decider ?? fromSupervisor.decider,
    attempts,
  }
}

const ID_IS_NAME = "the child's name in its path is its id"

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

const isFinitePositive = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value > 0

const oneOf = (values: readonly unknown[]): string => values.map(show).join(', ')
