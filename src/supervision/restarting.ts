import { RuntimeError } from '../base/errors.ts'
import type { Context } from '../kernel/context.ts'
import { NEXT } from './agenda.ts'
import type { Child } from './children.ts'
import { endsWith, gaveUp, type Next, report, type Supervision } from './supervision.ts'

/** Sent by the supervisor to itself when the rest before a restart is over. */
export class RestOver {
  readonly child: Child
  constructor(child: Child) {
    this.child = child
  }
}

/**
 * The child is due again, with its group where the strategy says so. Every try counts, those that follow a failed one too.
 *
 *     failed ─▶ counted ─▶ group stopped ─▶ restarting, for its backoff ─▶ group started
 *                  │           └ at once, and started in the same step, where there is no backoff   │
 *                  ▼                                                                   failed again ┘ through the mailbox
 *               gave up
 */
export const restart = async (supervision: Supervision, child: Child): Promise<Next> => {
  const { context, window } = supervision
  if (!window.admit(context.clock.monotonicMs())) return gaveUp(intensityReached(supervision, child))
  const { backoff } = child.spec
  if (backoff === null) {
    report(supervision, 'warn', child, 'is restarted')
    return startAgain(supervision, child)
  }
  const restMs = streakOf(supervision, child).restMs(context.clock.monotonicMs(), context.random, backoff)
  report(supervision, 'warn', child, `is restarted after ${Math.round(restMs)} ms`)
  await stopGroup(supervision, child)
  child.status = 'restarting'
  // One for each child: it ends with the supervisor, and a later rest of the same child takes its place.
  context.timers.start(child.spec.id, new RestOver(child), { afterMs: restMs })
  return supervision
}

/** The child may have been stopped by hand, or with its group, since. */
export const restOver = (supervision: Supervision, child: Child): Next | Promise<Next> =>
  child.status === 'restarting' ? startAgain(supervision, child) : supervision

/** Has the next entry of the agenda handled in its turn; a supervisor that ends has no use for it. */
export const comeBackTo = ({ revoked, cell }: Context): void => {
  if (!revoked && !cell.isClosed) cell.tell(NEXT)
}

const startAgain = async (supervision: Supervision, child: Child): Promise<Next> => {
  const { context, agenda } = supervision
  // After a rest, too: somebody may have started one of the group by hand.
  const group = await stopGroup(supervision, child)
  for (const member of group) {
    const error = await supervision.children.start(member)
    if (error === null) continue
    const decision = member.policy.ofFailedStart(error)
    if (decision.type === 'escalate') throw decision.error
    if (decision.type === 'stop') {
      report(supervision, 'warn', member, 'is not restarted')
      supervision.children.letDown(member)
      if (endsWith(supervision, member)) return gaveUp(member.failure)
      continue
    }
    member.status = 'restarting'
    agenda.tryAgain(member)
    // Not at once, so that a stop or a control message can come in between.
    comeBackTo(context)
    return supervision
  }
  streakOf(supervision, child).ran(context.clock.monotonicMs())
  return supervision
}

/** Stops whom the strategy restarts with the child, and forgets those that do not come back. Gives the others. */
const stopGroup = async ({ spec, children }: Supervision, child: Child): Promise<readonly Child[]> => {
  if (spec.strategy === 'one-for-one') return [child]
  const group = spec.strategy === 'one-for-all' ? children.inStartOrder() : children.from(child)
  await children.stopAll(group)
  const staying = group.filter(member => member.spec.restart !== 'temporary')
  for (const member of group) if (member.spec.restart === 'temporary') children.remove(member)
  return staying
}

const streakOf = ({ spec, streak }: Supervision, child: Child) =>
  spec.strategy === 'one-for-one' ? child.streak : streak

const intensityReached = (supervision: Supervision, child: Child): RuntimeError => {
  const { spec, context } = supervision
  const limit = `more than ${spec.intensity} restarts within ${spec.periodMs} ms`
  report(supervision, 'error', child, `is not restarted: the supervisor gives up after ${limit}`)
  const text = `${context.path} gave up after ${limit}, the last of child ${child.spec.id}`
  return new RuntimeError('SUPERVISOR_INTENSITY_REACHED', text, { cause: child.failure ?? undefined })
}
