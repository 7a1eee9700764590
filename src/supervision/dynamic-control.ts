import type { ActorRef } from '../kernel/types.ts'
import type {
  ChildCounts,
  DynamicChildInfo,
  DynamicSupervisorMessage,
  StartDynamicChildResult,
} from './dynamic-messages.ts'
import type { TerminateChildResult } from './messages.ts'

/** The children of a running dynamic supervisor. **Errors**, of each: ACTOR_STOPPED or ACTOR_CRASHED, as any ask's. */
export interface DynamicSupervisorControl<Args, Message> {
  /** Starts a child. Resolves when it has started, or has failed to; then it is not kept. */
  start(args: Args): Promise<StartDynamicChildResult<Message>>
  /** Stops a child within `shutdownMs` and forgets it. Resolves when it has ended. */
  terminate(ref: ActorRef<Message>): Promise<TerminateChildResult>
  count(): Promise<ChildCounts>
  /** **Order**: start order. */
  whichChildren(): Promise<readonly DynamicChildInfo<Message>[]>
}

/** A running dynamic supervisor's children by hand. Asks the supervisor, and keeps nothing. */
export const dynamicControl = <Args, Message>(
  supervisor: ActorRef<DynamicSupervisorMessage<Args, Message>>,
): DynamicSupervisorControl<Args, Message> => ({
  start: args => supervisor.ask(replyTo => ({ type: 'start-child', args, replyTo })),
  terminate: ref => supervisor.ask(replyTo => ({ type: 'terminate-child', ref, replyTo })),
  count: () => supervisor.ask(replyTo => ({ type: 'count-children', replyTo })),
  whichChildren: () => supervisor.ask(replyTo => ({ type: 'which-children', replyTo })),
})
