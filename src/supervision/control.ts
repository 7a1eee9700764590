import { RuntimeError } from '../base/errors.ts'
import type { ActorRef } from '../kernel/types.ts'
import type {
  ChildInfo,
  DeleteChildResult,
  RestartChildResult,
  StartChildResult,
  SupervisorMessage,
  TerminateChildResult,
} from './messages.ts'
import type { ChildSpec } from './specification.ts'

/** A running supervisor's children, by hand. **Errors**, of each: ACTOR_STOPPED or ACTOR_CRASHED, as any ask's. */
export interface SupervisorControl {
  /** Adds a child behind the others and starts it. If it fails to start, it is not kept. */
  startChild(spec: ChildSpec): Promise<StartChildResult>
  /** Stops the child within its shutdown time. It stays down, and a temporary one is forgotten. */
  terminateChild(id: string): Promise<TerminateChildResult>
  /** Starts a child that is down, with a new ref. Does not count as a restart. */
  restartChild(id: string): Promise<RestartChildResult>
  /** Forgets a child that is down. */
  deleteChild(id: string): Promise<DeleteChildResult>
  /** **Order**: start order. */
  whichChildren(): Promise<readonly ChildInfo[]>
}

/**
 * A running supervisor's children by hand, as OTP's `supervisor` module has them. Asks the supervisor, and keeps
 * nothing.
 */
export const supervisorControl = (supervisor: ActorRef<SupervisorMessage>): SupervisorControl => ({
  startChild: spec => supervisor.ask(replyTo => ({ type: 'start-child', spec, replyTo })),
  terminateChild: id => supervisor.ask(replyTo => ({ type: 'terminate-child', id, replyTo })),
  restartChild: id => supervisor.ask(replyTo => ({ type: 'restart-child', id, replyTo })),
  deleteChild: id => supervisor.ask(replyTo => ({ type: 'delete-child', id, replyTo })),
  whichChildren: () => supervisor.ask(replyTo => ({ type: 'which-children', replyTo })),
})

/**
 * The ref of a child, once the supervisor has started; the caller says what messages it takes. It is valid until the
 * child stays down, restarts included. **Errors**: CHILD_NOT_FOUND (no such id, or the child is down), and an ask's.
 */
export const childRef = async <Message>(
  supervisor: ActorRef<SupervisorMessage>,
  id: string,
): Promise<ActorRef<Message>> => {
  const children = await supervisorControl(supervisor).whichChildren()
  const child = children.find(each => each.id === id)
  if (child === undefined || child.ref === null)
    throw new RuntimeError(
      'CHILD_NOT_FOUND',
      `${supervisor.path} has ${child === undefined ? 'no child' : 'stopped its child'} ${id}`,
    )
  return child.ref as ActorRef<Message>
}
