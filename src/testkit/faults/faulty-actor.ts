import { Become, type Outcome, Stopped } from '../../kernel/behavior.ts'
import type { Handler } from '../../kernel/intercept.ts'
import type { ActorContext } from '../../kernel/types.ts'
import { type Fault, type FaultPlan, underFault } from './fault.ts'

/** An interceptor for messages of any type. */
export type AnyInterceptor = <Message, State>(
  state: State,
  message: Message,
  context: ActorContext<Message>,
  next: Handler<Message, State>,
) => Outcome<State, Message>

/**
 * Faults for actors, as an interceptor of a system or of one behavior. An operation is a message, named by its `type` (or
 * `message` where it has none). A failure crashes the actor before or after its handler; a delay makes the handler async;
 * a message that is dropped leaves the state as it was; one that hangs never settles, so give the behavior a
 * `handlerTimeoutMs`.
 */
export const faultyActor =
  (plan: FaultPlan): AnyInterceptor =>
  (state, message, context, next) => {
    const operation = nameOf(message)
    const fault = plan(operation)
    if (fault === null) return next(state, message, context)
    const { duplicate = false, ...once } = named(fault, context.path, operation)
    const handled = async () => {
      const first = await next(state, message, context)
      // The state that the first time led to, unless it led elsewhere: a change of behavior is not repeated.
      return duplicate && isState(first) ? next(first as typeof state, message, context) : first
    }
    if (once.fail === 'before' && isAtOnce(once)) throw once.error
    return underFault<Awaited<Outcome<typeof state, typeof message>>>(
      operation,
      once,
      context.clock,
      handled as () => Promise<never>,
      () => state as never,
    ) as never
  }

const nameOf = (message: unknown): string => {
  const type = (message as { readonly type?: unknown } | null | undefined)?.type
  return typeof type === 'string' ? type : 'message'
}

const named = (fault: Fault, path: string, operation: string): Fault & { readonly error: Error } => ({
  ...fault,
  error: fault.error ?? new Error(`${path}: ${operation}: an injected crash, ${fault.fail} its handler`),
})

const isAtOnce = ({ wait, delayMs, crash }: Fault): boolean =>
  wait === undefined && delayMs === undefined && crash === undefined

const isState = (outcome: unknown): boolean => !(outcome instanceof Become || outcome instanceof Stopped)
