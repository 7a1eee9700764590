import { RuntimeError } from '../base/errors.ts'
import { type Behavior, SHUTDOWN, type Stopped, stopped, systemBehavior } from '../kernel/behavior.ts'
import type { ChildExited } from '../kernel/cell.ts'
import type { Context } from '../kernel/context.ts'
import type { ExitReason, Signal } from '../kernel/types.ts'
import { Agenda, NEXT } from './agenda.ts'
import { Child, Children } from './children.ts'
import { control } from './handling-control.ts'
import type { SupervisorMessage } from './messages.ts'
import { RestartWindow } from './restart-window.ts'
import { type CheckedSupervisor, checkSupervisor, type SupervisorSpec } from './specification.ts'

/** What one incarnation of a supervisor knows. */
interface Supervision {
  readonly spec: CheckedSupervisor
  readonly context: Context
  readonly children: Children
  readonly window: RestartWindow
  readonly agenda: Agenda
}

type Next = Supervision | Stopped

/**
 * An actor that starts its children in order, restarts those that end as their specification says, and stops them in
 * reverse order. It does one thing at a time: while it starts or stops children it handles nothing else. A child that is
 * restarted keeps its ref and its mailbox, in order, without the message that it failed on; one that stays down loses
 * its mailbox to the dead letters, and has a new ref when it is started again.
 *
 * It gives up when more than `intensity` restarts are due within `periodMs`, or a significant child has ended: it stops
 * its children and ends with reason `shutdown`, whose `cause` names child and error. Its parent supervisor decides what
 * follows; a system whose top-level supervisor ends so terminates with that reason. If a child fails to start with the
 * supervisor, those before it are stopped and the supervisor's start fails with ACTOR_START_FAILED.
 *
 * **Errors**: CHILD_SPEC_INVALID, which names child and field. **Source**: Erlang/OTP 25, module supervisor.
 */
export const supervisor = (spec: SupervisorSpec): Behavior<SupervisorMessage> => {
  const checked = checkSupervisor(spec)
  return systemBehavior<SupervisorMessage | typeof NEXT, Supervision>(
    {
      initial: context => begin(checked, context as unknown as Context),
      receive: (supervision, message) => {
        supervision.agenda.signalsSeen()
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
  return { spec, context, children, window: new RestartWindow(spec.intensity, spec.periodMs), agenda: new Agenda() }
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
  if (isDueAgain(child, exit.reason)) return restart(supervision, child)
  if (isAbnormal(exit.reason)) report(supervision, 'warn', child, 'is not restarted')
  supervision.children.letDown(child)
  return endsWith(supervision, child) ? gaveUp(child.failure) : supervision
}

const isAbnormal = (reason: ExitReason): boolean => reason.type === 'error' || reason.type === 'killed'

const isDueAgain = (child: Child, reason: ExitReason): boolean => {
  switch (child.spec.restart) {
    case 'permanent':
      return true
    case 'transient':
      return isAbnormal(reason)
    case 'temporary':
      return false
  }
}

/** Whether the supervisor is to end now that `child` stays down. */
const endsWith = ({ spec, children }: Supervision, child: Child): boolean => {
  if (!child.spec.significant || spec.autoShutdown === 'never') return false
  if (spec.autoShutdown === 'any-significant') return true
  return !children.inStartOrder().some(other => other.spec.significant && other.status !== 'down')
}

/** It may have been stopped by hand, or started with its group, since. */
const tryAgain = (supervision: Supervision, child: Child): Next | Promise<Next> =>
  child.status === 'restarting' ? restart(supervision, child) : supervision

/** Every try counts, those that follow a failed one too. */
const restart = async (supervision: Supervision, child: Child): Promise<Next> => {
  const { spec, context, window, agenda } = supervision
  if (!window.admit(context.clock.monotonicMs())) {
    const limit = `more than ${spec.intensity} restarts within ${spec.periodMs} ms`
    report(supervision, 'error', child, `is not restarted: the supervisor gives up after ${limit}`)
    const text = `${context.path} gave up after ${limit}, the last of child ${child.spec.id}`
    const cause = new RuntimeError('SUPERVISOR_INTENSITY_REACHED', text, { cause: child.failure ?? undefined })
    return gaveUp(cause)
  }
  report(supervision, 'warn', child, 'is restarted')
  const failed = await restartWith(supervision, child)
  if (failed !== null) {
    failed.status = 'restarting'
    agenda.tryAgain(failed)
    // Not at once, so that a stop or a control message can come in between.
    comeBackTo(context)
  }
  return supervision
}

/** Has the next entry of the agenda handled in its turn; a supervisor that ends has no use for it. */
const comeBackTo = ({ revoked, cell }: Context): void => {
  if (!revoked && !cell.isClosed) cell.tell(NEXT)
}

/** Restarts the child and whom its strategy says. Gives the child that failed to start. */
const restartWith = async ({ spec, children }: Supervision, child: Child): Promise<Child | null> => {
  if (spec.strategy === 'one-for-one') return children.startAll([child])
  const group = spec.strategy === 'one-for-all' ? children.inStartOrder() : children.from(child)
  await children.stopAll(group)
  const staying = group.filter(member => member.spec.restart !== 'temporary')
  for (const member of group) if (member.spec.restart === 'temporary') children.remove(member)
  return children.startAll(staying)
}

const gaveUp = (cause: Error | null): Stopped => stopped(cause === null ? SHUTDOWN : { type: 'shutdown', cause })

/** Why a child ended, as an error; null: in an ordinary way. */
const failureIn = (reason: ExitReason, path: string): Error | null => {
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

const report = ({ context }: Supervision, level: 'warn' | 'error', child: Child, decision: string): void => {
  context.log.log(level, `${context.path}: child ${child.spec.id} ${decision}`, {
    child: child.spec.id,
    error: child.failure ?? undefined,
  })
}
