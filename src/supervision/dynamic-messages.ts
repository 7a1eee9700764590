import type { ActorRef, ReplyTo } from '../kernel/types.ts'
import type { TerminateChildResult } from './messages.ts'

/** What can be told to a running dynamic supervisor; `dynamicControl` wraps it in functions. */
export type DynamicSupervisorMessage<Args, Message> =
  | {
      readonly type: 'start-child'
      readonly args: Args
      readonly replyTo: ReplyTo<StartDynamicChildResult<Message>>
    }
  | {
      readonly type: 'terminate-child'
      readonly ref: ActorRef<Message>
      readonly replyTo: ReplyTo<TerminateChildResult>
    }
  | { readonly type: 'count-children'; readonly replyTo: ReplyTo<ChildCounts> }
  | { readonly type: 'which-children'; readonly replyTo: ReplyTo<readonly DynamicChildInfo<Message>[]> }

/** How the start of a child has ended; one that failed to start is not kept. */
export type StartDynamicChildResult<Message> =
  /** `ref` is null where the start answered `ignore`. */
  | { readonly ok: true; readonly ref: ActorRef<Message> | null }
  /** `start` threw or gave no behavior, or the child did not start. */
  | { readonly ok: false; readonly error: 'start-failed'; readonly cause: Error }
  | { readonly ok: false; readonly error: 'max-children' }

/** `restarting`: it rests before its restart, or starts again. */
export type DynamicChildStatus = 'starting' | 'up' | 'restarting' | 'stopping'

/** How many children a dynamic supervisor has, by what they do now. */
export type ChildCounts = Readonly<Record<DynamicChildStatus | 'all', number>>

/** A child of a dynamic supervisor, as it was when it was asked about. */
export interface DynamicChildInfo<Message> {
  readonly ref: ActorRef<Message>
  readonly status: DynamicChildStatus
}
