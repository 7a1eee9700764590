import type { Logger } from '../base/logger.ts'
import type { Cancel, Clock, Random } from '../base/ports.ts'
import type { PendingReply } from './ask.ts'
import type { AskDeadlines } from './ask-deadlines.ts'
import type { Behavior } from './behavior.ts'
import type { Cell } from './cell.ts'
import type { CrashGuard } from './crash-guard.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { Interception } from './intercept.ts'
import type { ReceiveTimeout } from './receive-timeout.ts'
import type { Ring, RingPool } from './ring.ts'
import type { Scheduler } from './scheduler.ts'
import type { ExitReason } from './types.ts'

/**
 * What a cell can be, and what it keeps beside its mailbox.
 *
 *                    start()                    a promise
 *     NEW ──▶ STARTING ──▶ READY ◀────────────────────────▶ BUSY
 *      ▲         │           │ crash, stop                    │ crash, timeout
 *      │         ▼           ▼                                │
 *      │      failed      ENDING ◀────────────────────────────┘        kill: straight through, from any state
 *      │         │           │ children, stop hook
 *      │         └─────┬─────┘
 *      └─ SUSPENDED ◀──┴──▶ STOPPED
 *      (supervised)         (for good)
 */
export const NEW = 0
export const STARTING = 1
export const READY = 2
export const BUSY = 3
export const ENDING = 4
export const SUSPENDED = 5
export const STOPPED = 6

/** Stands where no message does: any value may be one. */
export const NOTHING = Symbol('nothing')

/** What cells share: made once by the system. */
export interface CellSystem {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly scheduler: Scheduler
  readonly deadLetters: DeadLetters
  readonly askDeadlines: AskDeadlines
  readonly rings: RingPool<unknown>
  /** What goes around every behavior of users; null: nothing does. */
  readonly interception: Interception | null
  /** Numbers actors without a name of their own. */
  nextLabel(): number
  /** A cell without a parent has ended; `asked`: by its ref's `stop`. */
  topLevelEnded(cell: Cell, reason: ExitReason, asked: boolean): void
}

/** How a start ended, for whoever ordered it. */
export type StartResult =
  | { readonly type: 'started' }
  | { readonly type: 'ignored' }
  | { readonly type: 'failed'; readonly error: Error }

/** What a supervisor is told when a child that it holds ends unasked. */
export interface ChildExited {
  readonly type: 'child-exited'
  readonly child: Cell
  /** Which incarnation ended: the notice is stale once another one was started. */
  readonly incarnation: number
  readonly reason: ExitReason
}

/** A notice ahead of messages. The user's own signals and the supervisor's pass through `onSignal`. */
export type SystemMessage =
  | { readonly type: 'stop'; readonly reason: ExitReason }
  /** `from`: the linked actor whose end it is. */
  | { readonly type: 'fail'; readonly error: Error; readonly from: Cell | null }
  | { readonly type: 'terminated'; readonly ref: Cell; readonly reason: ExitReason }
  | { readonly type: 'child-terminated'; readonly ref: Cell; readonly reason: ExitReason }
  | ChildExited

/** Told after each turn that left a held child with nothing to do, in the middle of that turn. */
export interface IdleWatcher {
  becameIdle(): void
}

/** Waits for room in a mailbox with backpressure. */
export interface WaitingOffer {
  readonly message: unknown
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Kills the actor if it has not ended by then. */
export interface ShutdownLimit {
  /** Monotonic. */
  readonly dueMs: number
  readonly cancel: Cancel
}

/** What few actors need, so that the many do not pay for its fields. */
export class Rare {
  watchers: Set<Cell> | null = null
  watching: Set<Cell> | null = null
  /** Those that fail with this incarnation, and it with them. */
  links: Set<Cell> | null = null
  openAsks: Set<PendingReply> | null = null
  offers: Ring<WaitingOffer> | null = null
  /** Called once when the cell has stopped for good. */
  endWaiters: (() => void)[] | null = null
  /** Called once when the start that was ordered has ended. */
  startWaiter: ((result: StartResult) => void) | null = null
  /** Called once when the incarnation that was asked to shut down has ended. */
  shutdownWaiter: ((reason: ExitReason) => void) | null = null
  shutdownLimit: ShutdownLimit | null = null
  /** Why it ends, when it is killed only because that took too long. */
  overdue: ExitReason | null = null
  /** Ends the handler that is waited for, or the start. */
  handlerTimer: Cancel | null = null
  /** The behavior it was spawned with, when `become` has put another one in its place. */
  original: Behavior<never> | null = null
  childNames: Map<string, Cell> | null = null
  draining = false
  /** The state began as `undefined`, and may be it again. */
  hasUndefined = false
  /** Set where the end is final for a supervised cell too. */
  final = false
  incarnation = 0
  /** The one that ended the last incarnation which failed. */
  lastError: Error | null = null
  /** Set aside by handlers, oldest first; back ahead of the mailbox when the incarnation ends. */
  stash: Ring<unknown> | null = null
  /** Of a held child whose supervisor decides about its crashes one by one. */
  guard: CrashGuard | null = null
  /** The message in the handler, with its ask; kept only for behaviors that have a stash, and under a guard. */
  current: unknown = NOTHING
  /** What the running handler has asked through its context: all that is not answered, and at most as much that is. */
  asking: PendingReply[] | null = null
  /** When it has grown to that, what is answered leaves. */
  askingMax = 0
  /** How many dead letters led to the message in the async handler, to the end of the incarnation, or to its start. */
  echoDepth = 0
  receiveTimeout: ReceiveTimeout | null = null
  idleWatcher: IdleWatcher | null = null
}
