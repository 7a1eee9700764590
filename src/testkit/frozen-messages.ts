import type { Outcome } from '../kernel/behavior.ts'
import type { Handler } from '../kernel/intercept.ts'
import type { ActorContext } from '../kernel/types.ts'
import { deepFreeze } from './deep-freeze.ts'

/**
 * Freezes each message, all the way down, before its handler sees it: whoever changes it from then on, the receiver or a
 * sender that kept it, gets a TypeError where it does so. Give it to a system (`interceptors: [frozenMessages]`) or to one
 * behavior (`intercept`). **Bounds**: as `deepFreeze`. A change between the tell and the handling is not found.
 */
export const frozenMessages = <Message, State>(
  state: State,
  message: Message,
  context: ActorContext<Message>,
  next: Handler<Message, State>,
): Outcome<State, Message> => next(state, deepFreeze(message), context)
