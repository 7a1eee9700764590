import { Behavior, type Outcome } from './behavior.ts'
import type { ActorContext } from './types.ts'

/** A handler as `receive` is one. */
export type Handler<Message, State> = (
  state: State,
  message: Message,
  context: ActorContext<Message>,
) => Outcome<State, Message>

/**
 * Stands around `receive`: sees each message first, and hands it on with `next(state, message, context)`, changed if it
 * likes, or keeps it by answering `state`. What `next` gives back, a promise for an async handler, is the outcome, and
 * what it throws crashes the actor; the interceptor may look at both. Signals pass it by. A function that is generic in
 * `Message` too stands around any behavior.
 */
export type Interceptor<Message = never> = <State>(
  state: State,
  message: Message,
  context: ActorContext<Message>,
  next: Handler<Message, State>,
) => Outcome<State, Message>

/**
 * The same behavior with interceptors around it, the first one outermost. They stay around whatever it becomes.
 *
 * **Cost**: a call for each; a behavior without any is not slower for their being possible.
 */
export const intercept = <Message>(
  behavior: Behavior<Message>,
  ...interceptors: readonly Interceptor<NoInfer<Message>>[]
): Behavior<Message> =>
  interceptors.length === 0
    ? behavior
    : new Behavior(behavior, behavior, [
        ...(interceptors as readonly unknown[] as readonly Interceptor<never>[]),
        ...behavior.interceptors,
      ])

/** The interceptors of a system, around each of its users' behaviors once. */
export class Interception {
  private readonly interceptors: readonly Interceptor<never>[]
  private readonly known = new WeakMap<Behavior<never>, Behavior<never>>()

  constructor(interceptors: readonly Interceptor<never>[]) {
    this.interceptors = interceptors
  }

  around(behavior: Behavior<never>): Behavior<never> {
    if (behavior.isRuntimes) return behavior
    let around = this.known.get(behavior)
    if (around === undefined) {
      around = intercept(behavior, ...this.interceptors)
      this.known.set(behavior, around)
    }
    return around
  }
}

/** What behaviors with interceptors became, so that an actor which turns to and fro makes nothing each time. */
const kept = new WeakMap<Behavior<never>, Behavior<never>>()

/** What `current` becomes: `next`, with those interceptors of `current` around it that it lacks. */
export const keepInterceptors = (current: Behavior<never>, next: Behavior<never>): Behavior<never> => {
  const missing = current.interceptors.filter(interceptor => !next.interceptors.includes(interceptor))
  if (missing.length === 0) return next
  const known = kept.get(next)
  const isSame = missing.every((interceptor, at) => known?.interceptors[at] === interceptor)
  if (known !== undefined && isSame && known.interceptors.length === missing.length + next.interceptors.length)
    return known
  const around = intercept(next, ...missing)
  kept.set(next, around)
  return around
}
