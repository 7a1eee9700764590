import { RuntimeError } from '../base/errors.ts'
import { type Behavior, systemBehavior } from '../kernel/behavior.ts'
import type { ChildExited } from '../kernel/cell.ts'
import type { Context } from '../kernel/context.ts'
import type { Signal } from '../kernel/types.ts'
import { Agenda, NEXT } from './agenda.ts'
import { Child, Children } from './children.ts'
import { failureIn, isAbnormal, isDueAgain } from './exits.ts'
import { FailureStreak } from './failure-streak.ts'
import { control } from './handling-control.ts'
import type { SupervisorMessage } from './messages.ts'
import { RestartWindow } from './restart-window.ts'
import { comeBackTo, RestOver, restart, restOver } from './restarting.ts'
import { type CheckedSupervisor, checkSupervisor, type SupervisorSpec } from './specification.ts'
import { endsWith, gaveUp, type Next, report, type Supervision } from './supervision.ts'

/**
 * An actor that starts its children in order, restarts those that end as their specification says, and stops them in
 * reverse order. It does one thing at a time: while it starts or stops children it handles nothing else. A child that is
 * restarted keeps its ref and its mailbox, in order, without the message that it failed on; one that stays down loses
 * its mailbox to the dead letters, and has a new ref when it is started again.
 *
 * It gives up when more than `intensity` restarts are due within `periodMs`, or a significant child has ended: it stops
 * its children and ends with reason `shutdown`, whose `cause` names child and error. Its parent supervisor decides what
 * follows; a system whose top-level supervisor ends so terminates with that reason. With a `backoff` restarts rest first;
 * with a `decider` the error says what becomes of a child; a child's `redeliver` has the message that crashed it handled
 * again. All three are off unless they are given. If a child fails to start with the supervisor, those before it are
 * stopped and the supervisor's start fails with ACTOR_START_FAILED.
 *
 * **Errors**: CHILD_SPEC_INVALID, which names child and field. **Source**: Erlang/OTP 25, module supervisor.
 */
export const supervisor = (spec: SupervisorSpec): Behavior<SupervisorMessage> => {
  const checked = checkSupervisor(spec)
  return systemBehavior<SupervisorMessage | RestOver | typeof NEXT, Supervision>(
    {
      initial: context => begin(checked, context as unknown as Context),
      receive: (supervision, message) => {
        supervision.agenda.signalsSeen()
        if (message instanceof RestOver) return restOver(supervision, message.child)
        return message === NEXT ? next(supervision) : control(supervision, message)
      },
      onSignal: (supervision, signal: Signal | ChildExited) => {
        if (signal.type !== 'child-exited') return supervision
        supervision.agenda.childExited(signal)
        comeBackTo(supervision.context)
        return supervision
      },
      // Its children have their own start times.
      startTimeoutMs: Number.POSITIVE_INFINITY,
    },
    {
      stopChildren: supervision => supervision.children.stopAll(),
      takeBack: message => message === NEXT,
      escalates: true,
    },
  )
}

const begin = async (spec: CheckedSupervisor, context: Context): Promise<Supervision> => {
  const children = new Children(context)
  for (const child of spec.children) children.add(child)
  const failed = await children.startAll(children.inStartOrder())
  if (failed !== null) {
    await children.stopAll()
    throw new RuntimeError('ACTOR_START_FAILED', `${context.path}: child ${failed.spec.id} did not start`, {
      cause: failed.failure,
    })
  }
  const window = new RestartWindow(spec.intensity, spec.periodMs)
  return { spec, context, children, window, agenda: new Agenda(), streak: new FailureStreak() }
}

const next = (supervision: Supervision): Next | Promise<Next> => {
  const entry = supervision.agenda.take()
  if (entry === undefined) return supervision
  return entry instanceof Child ? tryAgain(supervision, entry) : childExited(supervision, entry)
}

const childExited = (supervision: Supervision, exit: ChildExited): Next | Promise<Next> => {
  const child = supervision.children.endedBy(exit)
  if (child === null) return supervision
  child.failure = failureIn(exit.reason, exit.child.path)
  const decision = child.policy.ofCrash()
  if (decision.type === 'escalate') {
    report(supervision, 'error', child, 'takes its supervisor with it')
    throw decision.error
  }
  if (decision.type !== 'stop' && isDueAgain(child.spec.restart, exit.reason)) return restart(supervision, child)
  if (isAbnormal(exit.reason)) report(supervision, 'warn', child, 'is not restarted')
  supervision.children.letDown(child)
  return endsWith(supervision, child) ? gaveUp(child.failure) : supervision
}

/** It may have been stopped by hand, or started with its group, since. */
const tryAgain = (supervision: Supervision, child: Child): Next | Promise<Next> =>
  child.status === 'restarting' ? restart(supervision, child) : supervision
