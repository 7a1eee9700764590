import { toError } from '../../base/errors.ts'
import { SupervisionActions } from '../lib/supervision.ts'
import type { Actor } from './actor.ts'

/** What an actor could not do. */
export interface Failure {
  readonly actor: Actor
  /** Undefined where it failed outside a message. */
  readonly message: unknown
  readonly sender: unknown
  readonly error: unknown
}

/**
 * Asks the failed actor's `onCrash`, and after `escalate` its parent's and so on, and carries out the answer. Resolves when
 * the failed actor may go on, unless it has been stopped: it handles nothing until then.
 *
 *     failed ─▶ its onCrash ─ escalate ─▶ its parent's onCrash ─ escalate ─▶ … ─▶ the system stops the one below it
 */
export const supervise = async (failure: Failure): Promise<void> => {
  let judge = failure.actor
  let child: Actor | undefined
  for (;;) {
    const decision = await decisionOf(judge, failure, child)
    if (judge.stopped) return
    if (decision !== ESCALATE) return carryOut(decision, judge, child, failure)
    const { parent } = judge
    if (!isActor(parent)) {
      judge.complain('escalated to the system, and is stopped', failure.error)
      judge.stop()
      return
    }
    child = judge
    judge = parent
  }
}

const ESCALATE = SupervisionActions.escalate
const ACTIONS: ReadonlySet<unknown> = new Set(Object.values(SupervisionActions))

const decisionOf = async (judge: Actor, failure: Failure, child: Actor | undefined): Promise<unknown> => {
  try {
    const context = judge.createSupervisionContext(child === undefined ? failure.sender : undefined)
    const decision = await judge.onCrash.call(judge, failure.message, failure.error, context, child?.reference)
    return ACTIONS.has(decision) ? decision : ESCALATE
  } catch (thrown) {
    judge.complain('its onCrash failed, and it is stopped', toError(thrown))
    return SupervisionActions.stop
  }
}

const carryOut = async (
  decision: unknown,
  judge: Actor,
  child: Actor | undefined,
  { actor }: Failure,
): Promise<void> => {
  const peers = (): readonly Actor[] => [...(judge.parent?.children.values() ?? [])]
  const children = (): readonly Actor[] => [...judge.children.values()]
  switch (decision) {
    case SupervisionActions.stop:
      return judge.stop()
    case SupervisionActions.stopAll:
      return stopEach(peers())
    case SupervisionActions.stopChild:
      return childOf(judge, child)?.stop()
    case SupervisionActions.stopAllChildren:
      return stopEach(children())
    case SupervisionActions.reset:
      return resetEach([judge], actor)
    case SupervisionActions.resetAll:
      return resetEach(peers(), actor)
    case SupervisionActions.resetChild: {
      const target = childOf(judge, child)
      return target === undefined ? undefined : resetEach([target], actor)
    }
    case SupervisionActions.resetAllChildren:
      return resetEach(children(), actor)
  }
}

const stopEach = (actors: readonly Actor[]): void => {
  for (const actor of actors) actor.stop()
}

/** The failed actor waits for those above it, whose reset ends it, and for nobody else. */
const resetEach = async (actors: readonly Actor[], failed: Actor): Promise<void> => {
  const above: Promise<void>[] = []
  for (const actor of actors) {
    const isReset = actor.requestReset()
    if (actor !== failed && actor.isAbove(failed)) above.push(isReset)
  }
  await Promise.all(above)
}

/** Without a child there is nothing that the answer could mean, which is a failure of whoever gave it. */
const childOf = (judge: Actor, child: Actor | undefined): Actor | undefined => {
  if (child !== undefined) return child
  judge.complain('its onCrash answered stopChild or resetChild where no child had failed, and it is stopped', undefined)
  judge.stop()
  return undefined
}

const isActor = (parent: Actor['parent']): parent is Actor => parent !== undefined && 'onCrash' in parent
