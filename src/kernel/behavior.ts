import { checkCount, checkOptions, optionsProblem } from '../base/bounds.ts'
import { RuntimeError, shown, toError } from '../base/errors.ts'
import type { Interceptor } from './intercept.ts'
import { type Mailbox, mailboxOf } from './mailbox-options.ts'
import type { ActorContext, BehaviorDefinition, ExitReason, Signal } from './types.ts'

/** What a handler gives back: the next state, a change of behavior, or the wish to end; or a promise of one of them. */
export type Outcome<State, Message = never> =
  | State
  | Become<Message>
  | Stopped
  | Promise<State | Become<Message> | Stopped>

/** Made by `become`. */
export class Become<in Message = never> {
  declare protected readonly accepts: (message: Message) => void
  readonly behavior: Behavior<never>
  /** The behavior's `initial` has run and gave `state`. */
  readonly isReady: boolean
  readonly state: unknown
  constructor(behavior: Behavior<never>, isReady: boolean, state: unknown) {
    this.behavior = behavior
    this.isReady = isReady
    this.state = state
  }
}

/** Made by `stopped`. */
export class Stopped {
  readonly reason: ExitReason
  constructor(reason: ExitReason) {
    this.reason = reason
  }
}

/**
 * From the next message on the actor behaves so; its state is that of `behavior`'s `initial`, which is waited for. The
 * mailbox keeps its bounds. A restart returns to the behavior that the actor was spawned with. **Errors**:
 * BEHAVIOR_INVALID.
 */
export const become = <Message>(behavior: Behavior<Message>): Become<Message> => {
  if (!(behavior instanceof Behavior)) throw behaviorInvalid('become', behavior)
  return new Become(behavior as Behavior<never>, false, undefined)
}

export const NORMAL: ExitReason = Object.freeze({ type: 'normal' })
export const SHUTDOWN: ExitReason = Object.freeze({ type: 'shutdown' })
export const KILLED: ExitReason = Object.freeze({ type: 'killed' })

/**
 * The actor ends after this message, by its own wish: no decider is asked, and nothing is redelivered. What was thrown may
 * be the error of the reason, whatever it is. **Errors**: BEHAVIOR_INVALID for a reason that is none.
 */
export const stopped = (reason: ExitReason = NORMAL): Stopped => new Stopped(checkedReason(reason))

const checkedReason = (reason: ExitReason): ExitReason => {
  // `?.`: whoever writes JavaScript can give anything.
  switch (reason?.type) {
    case 'normal':
    case 'killed':
      return reason
    case 'shutdown':
      return reason.cause === undefined ? reason : { type: 'shutdown', cause: toError(reason.cause) }
    case 'error':
      return { type: 'error', error: toError(reason.error) }
    default: {
      const text = `stopped takes a reason as { type: 'error', error }, not ${shown(reason)}`
      throw new RuntimeError('BEHAVIOR_INVALID', text)
    }
  }
}

type Receive = (state: unknown, message: unknown, context: ActorContext<never>) => unknown
type OnSignal = (state: unknown, signal: Signal, context: ActorContext<never>) => unknown
type OnStop = (state: unknown, reason: ExitReason, context: ActorContext<never>) => void | Promise<void>

/**
 * A definition in the one shape that the cell's loop reads: V8 keeps that load monomorphic, whatever mixture of optional
 * members the definitions of a system have. The members from `stopChildren` on are the runtime's own, for supervisors
 * and event-sourced actors.
 */
export class Behavior<in Message> {
  declare protected readonly accepts: (message: Message) => void
  readonly initial: (context: ActorContext<never>) => unknown
  /** With the interceptors around it. */
  readonly receive: Receive
  readonly onSignal: OnSignal | null
  readonly onStop: OnStop | null
  readonly mailbox: Mailbox | null
  /** 0: it has no stash. */
  readonly stashCapacity: number
  readonly handlerTimeoutMs: number
  readonly startTimeoutMs: number
  /** Ends the children in an order of its own; null: reverse order of their start. */
  readonly stopChildren: ((state: unknown) => Promise<void>) | null
  /** Takes back a queued message when its incarnation ends: true if it did, and the mailbox forgets the message. */
  readonly takeBack: ((message: unknown, reason: ExitReason) => boolean) | null
  /** Whether the stop hook would find nothing to do for that state: then the actor may end without it. */
  readonly isQuiet: ((state: unknown) => boolean) | null
  /** Runs in place of the stop hook when the actor is killed; must not wait. */
  readonly onKill: ((state: unknown) => void) | null
  /** Whether its unasked end ends the system when it has no parent. */
  readonly escalates: boolean
  /** Made by the runtime for its own actors, whose messages are no user's. */
  readonly isRuntimes: boolean
  /** Outermost first. */
  readonly interceptors: readonly Interceptor<never>[]
  private readonly bareReceive: Receive

  /** `definition` and `internals` may be a behavior, to be had with other interceptors. */
  constructor(
    definition: BehaviorDefinition<never, never> | Behavior<never>,
    internals: BehaviorInternals | Behavior<never>,
    interceptors: readonly Interceptor<never>[] = NONE,
  ) {
    this.initial = definition.initial as (context: ActorContext<never>) => unknown
    this.bareReceive = (definition instanceof Behavior ? definition.bareReceive : definition.receive) as Receive
    this.interceptors = interceptors
    this.receive = interceptors.reduceRight(around, this.bareReceive)
    this.onSignal = (definition.onSignal ?? null) as OnSignal | null
    this.onStop = (definition.onStop ?? null) as OnStop | null
    this.mailbox = definition instanceof Behavior ? definition.mailbox : mailboxOf(definition.mailbox)
    this.stashCapacity = definition instanceof Behavior ? definition.stashCapacity : stashCapacityOf(definition)
    this.handlerTimeoutMs = definition.handlerTimeoutMs ?? 0
    this.startTimeoutMs = definition.startTimeoutMs ?? 30_000
    this.stopChildren = (internals.stopChildren ?? null) as ((state: unknown) => Promise<void>) | null
    this.takeBack = internals.takeBack ?? null
    this.isQuiet = (internals.isQuiet ?? null) as ((state: unknown) => boolean) | null
    this.onKill = (internals.onKill ?? null) as ((state: unknown) => void) | null
    this.escalates = internals.escalates ?? false
    this.isRuntimes = internals.isRuntimes ?? true
  }
}

const NONE: readonly Interceptor<never>[] = Object.freeze([])

type Intercepting = (state: unknown, message: unknown, context: ActorContext<never>, next: Receive) => unknown

const around = (next: Receive, interceptor: Interceptor<never>): Receive => {
  const intercepting = interceptor as unknown as Intercepting
  return (state, message, context) => intercepting(state, message, context, next)
}

const stashCapacityOf = ({ stash }: BehaviorDefinition<never, never>): number => {
  if (stash === undefined) return 0
  checkOptions('stash', stash, ['capacity'])
  checkCount('stash capacity', stash.capacity)
  return stash.capacity
}

export interface BehaviorInternals {
  readonly stopChildren?: (state: never) => Promise<void>
  readonly takeBack?: (message: unknown, reason: ExitReason) => boolean
  readonly isQuiet?: (state: never) => boolean
  readonly onKill?: (state: never) => void
  readonly escalates?: boolean
  readonly isRuntimes?: boolean
}

/**
 * How an actor handles its messages. One behavior may be spawned many times; each actor has its own state. **Errors**:
 * BEHAVIOR_INVALID, which names the field; RangeError for `mailbox` and `stash`.
 */
export const behavior = <Message, State>(definition: BehaviorDefinition<Message, State>): Behavior<Message> => {
  const invalid = invalidField(definition)
  if (invalid !== null) throw new RuntimeError('BEHAVIOR_INVALID', `behavior: ${invalid}`)
  return new Behavior(definition as unknown as BehaviorDefinition<never, never>, { isRuntimes: false })
}

export const behaviorInvalid = (where: string, given: unknown): RuntimeError => {
  const text = `${where}: what behaves must be made by \`behavior\`, \`supervisor\` or their like, and is ${shown(given)}${behaviorHint(given)}`
  return new RuntimeError('BEHAVIOR_INVALID', text)
}

/** For the end of such a text: kinds of entities, bridges and read models have the behavior that was meant. */
export const behaviorHint = (given: unknown): string =>
  (given as { readonly behavior?: unknown } | null | undefined)?.behavior instanceof Behavior
    ? ': give its .behavior'
    : ''

const HOOKS = ['onSignal', 'onStop']
const FUNCTIONS = ['initial', 'receive', ...HOOKS]
const TIMES = ['handlerTimeoutMs', 'startTimeoutMs']
const FIELDS = [...FUNCTIONS, ...TIMES, 'mailbox', 'stash']

const invalidField = (definition: unknown): string | null => {
  const problem = optionsProblem(definition, FIELDS)
  if (problem !== null) return `the definition ${problem}`
  const fields = definition as Readonly<Record<string, unknown>>
  for (const name of FUNCTIONS) {
    const isLeftOut = fields[name] === undefined && HOOKS.includes(name)
    if (!isLeftOut && typeof fields[name] !== 'function')
      return `${name} must be a function, not ${shown(fields[name])}`
  }
  for (const name of TIMES) {
    const timeMs = fields[name]
    if (timeMs !== undefined && !(typeof timeMs === 'number' && timeMs >= 0))
      return `${name} must be a number of ms, not ${shown(timeMs)}`
  }
  return null
}

/** A behavior that uses what only the runtime's own actors use. */
export const systemBehavior = <Message, State>(
  definition: BehaviorDefinition<Message, State>,
  internals: BehaviorInternals & {
    readonly stopChildren?: (state: State) => Promise<void>
    readonly isQuiet?: (state: State) => boolean
    readonly onKill?: (state: State) => void
  },
): Behavior<Message> =>
  new Behavior(definition as unknown as BehaviorDefinition<never, never>, internals as BehaviorInternals)
