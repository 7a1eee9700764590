import { Behavior, behavior } from '../kernel/behavior.ts'
import type { ShutdownTime } from '../kernel/types.ts'
import type { RestartBackoff } from './backoff.ts'
import type { Decider } from './failure-policy.ts'
import { type CheckedChild, checkChild, checkSupervisor, type RestartType } from './specification.ts'
import { checkFields, SpecificationError } from './specification-error.ts'

/**
 * Children of one kind, begun one by one. **Errors**: CHILD_SPEC_INVALID, which names the field; other fields are
 * refused.
 */
export interface DynamicSupervisorSpec<Args, Message> {
  /** What a child is, by the arguments that it is started with. Called once for each child; a restart keeps its behavior. */
  readonly start: (args: Args) => Behavior<Message>
  /** Of every child. Default: `'temporary'`. */
  readonly restart?: RestartType
  /** How long a child has to stop, and all of them together when the supervisor does. Default: 5,000. */
  readonly shutdownMs?: ShutdownTime
  /** Restarts of all children together that are allowed within `periodMs`; as for a supervisor. Default: 1. */
  readonly intensity?: number
  /** Default: 5,000. */
  readonly periodMs?: number
  /** How long each child's restarts wait. Default: they do not. */
  readonly backoff?: RestartBackoff
  /** Gets the child's name as its id. Default: every failure is for the restart type to answer. */
  readonly decider?: Decider
  /** As for a child of a supervisor. */
  readonly redeliver?: { readonly attempts: number }
  /** Most children at once. Default: no bound. */
  readonly maxChildren?: number
}

export interface CheckedDynamic {
  readonly start: (args: unknown) => Behavior<never>
  /** What every child has from the specification. */
  readonly child: CheckedChild
  readonly intensity: number
  readonly periodMs: number
  readonly maxChildren: number
}

const FIELDS = [
  'start',
  'restart',
  'shutdownMs',
  'redeliver',
  'maxChildren',
  'intensity',
  'periodMs',
  'backoff',
  'decider',
]

const anyBehavior = behavior<never, null>({ initial: () => null, receive: state => state })

/** Fills in the defaults. **Errors**: CHILD_SPEC_INVALID, which names the field. */
export const checkDynamic = <Args, Message>(spec: DynamicSupervisorSpec<Args, Message>): CheckedDynamic => {
  checkFields(null, 'it', spec, FIELDS)
  const { start, restart = 'temporary', maxChildren = Number.POSITIVE_INFINITY, shutdownMs, redeliver, ...own } = spec
  if (typeof start !== 'function') throw new SpecificationError(null, 'start', 'value', 'must be a function')
  if (!(maxChildren >= 1))
    throw new SpecificationError(null, 'maxChildren', 'value', `must be at least 1, not ${maxChildren}`)
  const supervisor = checkSupervisor({ ...own, children: [] })
  const each = { id: '*', start: anyBehavior, ...(shutdownMs !== undefined && { shutdownMs }) }
  const child = checkChild({ ...each, ...(redeliver !== undefined && { redeliver }), restart }, supervisor)
  const { intensity, periodMs } = supervisor
  return { start: start as unknown as CheckedDynamic['start'], child, intensity, periodMs, maxChildren }
}

/** What a child is that is to be started. **Errors**: what `start` throws; CHILD_SPEC_INVALID. */
export const behaviorFor = ({ start, child }: CheckedDynamic, args: unknown): Behavior<never> => {
  const made = start(args)
  if (!(made instanceof Behavior)) throw new SpecificationError(null, 'start', 'value', 'must give a behavior')
  if (child.attempts > 1 && made.isRuntimes)
    throw new SpecificationError(null, 'redeliver', 'combination', 'must be left out for actors of the runtime itself')
  return made
}
