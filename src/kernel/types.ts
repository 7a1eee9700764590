import type { Logger } from '../base/logger.ts'
import type { Clock, Random } from '../base/ports.ts'
import type { Behavior, Outcome } from './behavior.ts'
import type { MailboxOptions } from './mailbox-options.ts'
import type { ActorTimers } from './timers.ts'

export type { MailboxOptions, Overflow } from './mailbox-options.ts'

/** Why an actor ended. A supervisor's answer depends on it. */
export type ExitReason =
  | { readonly type: 'normal' }
  /** Asked to end, or ended itself in an orderly way; `cause` says what led to it, where something did. */
  | { readonly type: 'shutdown'; readonly cause?: Error }
  /** Ended from outside without being asked: its handler may still run, but nothing of it counts any more. */
  | { readonly type: 'killed' }
  | { readonly type: 'error'; readonly error: Error }

/**
 * Whoever waits for one answer. Every `ActorRef<Reply>` is one too. (`tell` is a property, since of methods TypeScript would
 * accept one that takes less than all replies.)
 */
export interface ReplyTo<in Reply> {
  readonly tell: (reply: Reply) => void
}

/** What an actor answers, as its messages say that have a `replyTo`; all that they ask for, where they differ. */
export type ReplyOf<Message> = [Asked<Message>] extends [never] ? unknown : Asked<Message>
type Asked<Message> = Message extends { readonly replyTo: ReplyTo<infer Reply> } ? Reply : never

/** How long an ask may take. **Errors**: RangeError for other options. */
export interface AskOptions {
  /**
   * Fails the ask with ASK_TIMEOUT when this time is over, never earlier. **Units**: ms. **Errors**: RangeError for NaN.
   * Default: none, since an ask ends when nobody can answer it.
   */
  readonly timeoutMs?: number
}

/** How long an end may take. **Errors**: RangeError for other options. */
export interface StopOptions {
  /**
   * How long the actor has for its handler in flight, its children and its stop hook; then it is killed.
   * `'brutal-kill'`: at once. `'infinity'`: as long as it takes. **Units**: ms. **Errors**: RangeError for NaN, less than 0
   * and what is no time, and then nobody ends. Default: 5,000; `'infinity'` for a supervisor, whose children have their
   * own times.
   */
  readonly shutdownMs?: ShutdownTime
}

/** A number of ms, no time at all, or as long as it takes. */
export type ShutdownTime = number | 'brutal-kill' | 'infinity'

/**
 * The address of an actor. It stays valid over restarts, and telling it anything but its messages does not compile.
 *
 * **Order**: messages of one sender arrive in the order they were told, also over a restart. **Delivery**: at most once,
 * in this process; what is not delivered is a dead letter.
 */
export interface ActorRef<in Message> extends ReplyTo<Message> {
  /** Name of the actor among its siblings: as given, or `$` and a number. */
  readonly name: string
  /**
   * Names from the system down: `/shop/orders/$3`. Ids of entities and of supervisors' children may be any text; in a path
   * a `/`, a `%` and a `$` at the beginning are written as in a URL.
   */
  readonly path: string
  /** Never throws and never waits: a full or stopped mailbox makes a dead letter. */
  readonly tell: (message: Message) => void
  /**
   * Resolves when the mailbox has accepted the message: at once unless it is bounded, full, and set to backpressure.
   * **Errors**: MAILBOX_FULL (other overflow policies), ACTOR_STOPPED (at once when the actor stops).
   */
  offer(message: Message): Promise<void>
  /**
   * Tells a message that carries where to answer, and resolves with the answer. **Errors**: ACTOR_CRASHED, which tells why,
   * when the actor crashed while it held the message; ACTOR_STOPPED when nobody is left to answer; ASK_TIMEOUT;
   * MAILBOX_FULL. A message still queued when its actor crashes survives the restart, and so does the ask. An answer after
   * the end is a dead letter `late-reply`. Name the reply (`ask<number>(…)`) where the actor's messages ask for different
   * ones.
   */
  ask<Reply = ReplyOf<Message>>(message: (replyTo: ReplyTo<Reply>) => Message, options?: AskOptions): Promise<Reply>
  /** Ends the actor after the message that it handles now; what is queued becomes dead letters. Resolves when it has ended. */
  stop(options?: StopOptions): Promise<void>
  /** Ends the actor after everything that is queued; later messages are dead letters. Resolves when it has ended. */
  drain(options?: StopOptions): Promise<void>
  /** Ends the actor at once, without its stop hook. Whoever supervises it sees `killed`. */
  kill(): void
}

/** A notice from the runtime, handled by `onSignal`, ahead of messages and never shed. */
export type Signal =
  /** A watched actor has ended for good. */
  | { readonly type: 'terminated'; readonly ref: ActorRef<never>; readonly reason: ExitReason }
  /** A child that this actor spawned has ended for good. */
  | { readonly type: 'child-terminated'; readonly ref: ActorRef<never>; readonly reason: ExitReason }

/** The name of an actor. **Errors**: RangeError for other options. */
export interface SpawnOptions {
  /**
   * Unique among its living siblings. **Errors**: ACTOR_NAME_TAKEN; ACTOR_NAME_INVALID when it is empty, has a `/` or
   * begins with `$`, so that a path means one actor. Default: `$` and a number.
   */
  readonly name?: string
}

/** How a promise has ended; what it was rejected with is an Error, whatever was thrown. */
export type PipedResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: Error }

/**
 * What an actor may do beside changing its state. A context belongs to one incarnation: after a crash, a kill or a stop it
 * is revoked; what is still sent through it becomes a dead letter `killed`, and spawning throws ACTOR_STOPPED. A stop
 * hook may still send, but spawn no more.
 */
export interface ActorContext<Message> {
  readonly self: ActorRef<Message>
  readonly name: string
  readonly path: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /**
   * Aborts when this incarnation ends, so that `fetch` and its like end with it. Made when first read. What a listener of it
   * throws is an uncaught exception of the process, as of any EventTarget in Node.js.
   */
  readonly signal: AbortSignal
  /** Gone when this incarnation ends. */
  readonly timers: ActorTimers<Message>
  /**
   * Starts a child; it is stopped before this actor stops or restarts. **Errors**: ACTOR_NAME_TAKEN, ACTOR_NAME_INVALID,
   * BEHAVIOR_INVALID, ACTOR_STOPPED.
   */
  spawn<M>(behavior: Behavior<M>, options?: SpawnOptions): ActorRef<M>
  /** As `ref.tell`, but from this incarnation: revoked with it. */
  tell<M>(ref: ReplyTo<M>, message: M): void
  /** Asks for one `terminated` signal when `ref` ends for good: also when it has ended already, never after `unwatch`. */
  watch(ref: ActorRef<never>): void
  unwatch(ref: ActorRef<never>): void
  /**
   * Ties two actors to each other: when an incarnation of one fails or is killed, the other fails with ACTOR_LINK_FAILED,
   * whose cause is the error. An orderly end (normal, or a stop) ends the link and nothing else, and so does `unlink`. A
   * link to an actor that does not run fails this one. A restarted actor has no links. **Source**: Erlang's links, where
   * `shutdown` counts as a failure too.
   */
  link(ref: ActorRef<never>): void
  unlink(ref: ActorRef<never>): void
  /**
   * Sets the message in the handler aside, to be handled after `unstashAll`; an ask waits with it. **Bounds**: the
   * behavior's `stash.capacity`; beyond it the message is a dead letter `stash-full`, and its ask fails with STASH_FULL.
   * **Errors**: STASH_MISUSED where the behavior has no `stash`, and outside a handler or twice in one.
   */
  stash(): void
  /**
   * Puts all that is set aside back, in order, ahead of what waits in the mailbox (of its equals, where the mailbox has
   * priorities). The end of an incarnation does the same, so that the next one finds it, and a crash loses only the
   * message in the handler.
   */
  unstashAll(): void
  /**
   * Has `message` sent to this actor each time that it was idle for `afterMs` and took no message, until it is cancelled,
   * replaced, or the incarnation ends. **Units**: ms. **Errors**: RangeError.
   */
  setReceiveTimeout(afterMs: number, message: Message): void
  cancelReceiveTimeout(): void
  /**
   * Sends the outcome of `promise` to this actor as a message. When the incarnation has ended by then, that is a dead letter
   * `killed`. What `toMessage` throws fails the actor.
   */
  pipeToSelf<Value>(promise: PromiseLike<Value>, toMessage: (result: PipedResult<Value>) => Message): void
  /**
   * As `ref.ask`, for handlers that wait for the answer: an ask that would close a circle of actors whose handlers wait for
   * each other fails at once with ASK_CYCLE, which names them, and its message is not handled. **Errors**: those of
   * `ref.ask`; ASK_CYCLE; ACTOR_STOPPED when this incarnation has ended.
   */
  ask<const M, Reply = ReplyOf<M>>(
    ref: ActorRef<M>,
    message: (replyTo: ReplyTo<Reply>) => NoInfer<M>,
    options?: AskOptions,
  ): Promise<Reply>
  /** Fails this actor from a callback outside its handler, as if the next message had thrown `error`. */
  fail(error: unknown): void
}

/** What a user writes for an actor. */
export interface BehaviorDefinition<Message, State> {
  /** State of a new incarnation; may spawn children, and may be async. Answer `ignore` to not start at all. */
  readonly initial: (context: ActorContext<Message>) => State | typeof ignore | Promise<State | typeof ignore>
  /**
   * Handles one message: the next state, `become(…)`, or `stopped()`. A promise, or what acts like one, is waited for.
   * **Errors**: a crash with BEHAVIOR_INVALID where it returns `undefined`, a forgotten `return` mostly, unless the state
   * of this incarnation began as `undefined`: where a state may come to be missing later, use `null`. `onSignal` likewise.
   */
  readonly receive: (state: State, message: Message, context: ActorContext<Message>) => Outcome<State, Message>
  readonly onSignal?: (state: State, signal: Signal, context: ActorContext<Message>) => Outcome<State, Message>
  /**
   * Runs once for an incarnation that had started, whatever ended it, except a kill. Children have ended before it. **Bounds**:
   * with the children within the `shutdownMs` of whoever asked; where nobody did, as in a crash, within 5,000.
   */
  readonly onStop?: (state: State, reason: ExitReason, context: ActorContext<Message>) => void | Promise<void>
  /** Default: unbounded, in the order of arrival. */
  readonly mailbox?: MailboxOptions<Message>
  /** What `context.stash` may set aside. Default: nothing. */
  readonly stash?: { readonly capacity: number }
  /** A handler that has not settled by then fails with ACTOR_HANDLER_TIMEOUT. Default: none. */
  readonly handlerTimeoutMs?: number
  /** An `initial` that has not settled by then fails with ACTOR_START_TIMEOUT. Default: 30,000. */
  readonly startTimeoutMs?: number
}

/** Answered by `initial`: do not start, and that is no failure. */
export const ignore: unique symbol = Symbol('troupe.ignore')
