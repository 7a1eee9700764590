import type { ActorRef, ReplyTo } from '../kernel/types.ts'
import type { ChildStatus } from './children.ts'
import type { ChildSpec, RestartType } from './specification.ts'

/** What can be told to a running supervisor; `supervisorControl` wraps it in functions. */
export type SupervisorMessage =
  | { readonly type: 'start-child'; readonly spec: ChildSpec; readonly replyTo: ReplyTo<StartChildResult> }
  | { readonly type: 'terminate-child'; readonly id: string; readonly replyTo: ReplyTo<TerminateChildResult> }
  | { readonly type: 'restart-child'; readonly id: string; readonly replyTo: ReplyTo<RestartChildResult> }
  | { readonly type: 'delete-child'; readonly id: string; readonly replyTo: ReplyTo<DeleteChildResult> }
  | { readonly type: 'which-children'; readonly replyTo: ReplyTo<readonly ChildInfo[]> }

/** `ref` is null where the start answered `ignore`. */
export interface ChildStarted {
  readonly ok: true
  readonly ref: ActorRef<never> | null
}

interface StartFailed {
  readonly ok: false
  readonly error: 'start-failed'
  readonly cause: Error
}

/** How `startChild` has ended. */
export type StartChildResult =
  | ChildStarted
  | StartFailed
  /** A child with this id runs; or is there and does not run. */
  | { readonly ok: false; readonly error: 'already-started'; readonly ref: ActorRef<never> }
  | { readonly ok: false; readonly error: 'already-present' }
  /** `cause` is the CHILD_SPEC_INVALID that names the field. */
  | { readonly ok: false; readonly error: 'invalid-spec'; readonly cause: Error }

/** How `terminateChild` has ended. */
export type TerminateChildResult = { readonly ok: true } | { readonly ok: false; readonly error: 'not-found' }

/** How `restartChild` has ended. */
export type RestartChildResult =
  | ChildStarted
  | StartFailed
  | { readonly ok: false; readonly error: 'running' | 'restarting' | 'not-found' }

/** How `deleteChild` has ended. */
export type DeleteChildResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly error: 'running' | 'restarting' | 'not-found' }

/** A child of a supervisor, as it was when it was asked about. */
export interface ChildInfo {
  readonly id: string
  readonly status: ChildStatus
  readonly restart: RestartType
  /** Where its messages go, also while it restarts; null where it is down for good. */
  readonly ref: ActorRef<never> | null
}
