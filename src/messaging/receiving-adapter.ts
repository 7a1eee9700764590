import { type RuntimeError, shown } from '../base/errors.ts'
import { type Behavior, behavior } from '../kernel/behavior.ts'
import { Ring } from '../kernel/ring.ts'
import type { ActorRef, ReplyTo } from '../kernel/types.ts'
import type { CommandCause } from '../persistence/command-cause.ts'
import { checkKeys, definitionInvalid, isCount } from '../persistence/event-sourced.ts'
import { RunningRef } from './running-ref.ts'
import type { StandardResult, StandardSchema } from './standard-schema.ts'

export interface ReceivingAdapterDefinition<Request, Reply> {
  readonly name: string
  readonly schema: StandardSchema<Request>
  /**
   * Hands a valid request to the domain's actor and gives its answer, which comes once what it says is durable. `cause` is
   * what `request` was given: hand it on with the command, and the audit names who asked.
   */
  readonly dispatch: (request: Request, cause: CommandCause) => Promise<Reply>
  /** Most requests under way; more wait, in order. Default: 4,096. */
  readonly maxInFlight?: number
}

export type RequestResult<Reply> =
  | { readonly accepted: true; readonly reply: Reply }
  /** Not valid: the domain never saw it. The texts are the schema's own, so let them name the field. */
  | { readonly accepted: false; readonly issues: readonly string[] }

/**
 * A bridge's door for requests from outside, as an actor: validates, hands over, answers. It is the only thing between a
 * caller and the domain's actors.
 *
 * **Errors** of `request`: BRIDGE_STOPPED when it is down or could not start, and when it ends before it has answered
 * (what was handed over may take effect all the same); those that `dispatch` or the schema throw. A request before its
 * first start waits for that.
 */
export interface ReceivingAdapter<Reply> {
  readonly behavior: Behavior<never>
  /** `cause`: who asks, and why. It comes from whoever let the request in, never from the request. Default: nobody says. */
  request(input: unknown, cause?: CommandCause): Promise<RequestResult<Reply>>
}

/** **Errors**, thrown: DEFINITION_INVALID, naming the field. */
export const receivingAdapter = <Request, Reply>(
  definition: ReceivingAdapterDefinition<Request, Reply>,
): ReceivingAdapter<Reply> => {
  checkDefinition(definition)
  const { name, schema, dispatch, maxInFlight = 4_096 } = definition
  const running = new RunningRef<DoorMessage<Reply>>(`receiving adapter ${name}`)

  // A schema that answers at once, as most do, costs a request one promise here: that of `dispatch`.
  const serve = (state: Door<Reply>, { input, cause, replyTo }: Incoming<Reply>): void => {
    const failed = (error: unknown): void => {
      replyTo.tell({ error })
      state.self.tell(state.served)
    }
    const checked = (result: StandardResult<Request>): void => {
      try {
        if (result.issues !== undefined) {
          replyTo.tell({ result: { accepted: false, issues: result.issues.map(issue => issue.message) } })
          state.self.tell(state.served)
        } else
          Promise.resolve(dispatch(result.value, cause)).then(reply => {
            replyTo.tell({ result: { accepted: true, reply } })
            state.self.tell(state.served)
          }, failed)
      } catch (error) {
        failed(error)
      }
    }
    try {
      const checking = schema['~standard'].validate(input)
      if (checking instanceof Promise) checking.then(checked, failed)
      else checked(checking)
    } catch (error) {
      failed(error)
    }
  }

  const door = behavior<DoorMessage<Reply>, Door<Reply>>({
    initial: ({ self }) => {
      running.started(self)
      return new Door(self)
    },
    receive: (state, message) => {
      if (message.type === 'request') state.waiting.push(message)
      // What an earlier incarnation had under way is not counted by this one.
      else if (message === state.served) state.inFlight--
      while (state.inFlight < maxInFlight && !state.waiting.isEmpty) {
        state.inFlight++
        serve(state, state.waiting.shift())
      }
      return state
    },
    onStop: () => {
      running.ended()
    },
  })

  return {
    behavior: door as Behavior<never>,
    request: async (input, cause = NOBODY_SAYS) => {
      const answer = await running.ask<Answer<Reply>>(replyTo => ({ type: 'request', input, cause, replyTo }))
      if ('error' in answer) throw answer.error
      return answer.result
    },
  }
}

const KEYS = ['name', 'schema', 'dispatch', 'maxInFlight']

const checkDefinition = <Request, Reply>(definition: ReceivingAdapterDefinition<Request, Reply>): void => {
  checkKeys('the definition of a receiving adapter', definition, KEYS)
  const { name, schema, dispatch, maxInFlight = 1 } = definition
  const refuse = (field: string, mustBe: string, value: unknown): RuntimeError =>
    definitionInvalid(`receiving adapter ${shown(name)}: ${field} must be ${mustBe}, not ${shown(value)}`)
  if (typeof name !== 'string' || name === '') throw refuse('name', 'a text of at least one character', name)
  if (typeof schema?.['~standard']?.validate !== 'function')
    throw refuse('schema', 'a Standard Schema, as of valibot or zod', schema)
  if (typeof dispatch !== 'function') throw refuse('dispatch', 'a function', dispatch)
  if (!isCount(maxInFlight)) throw refuse('maxInFlight', 'a whole number of at least 1', maxInFlight)
}

const NOBODY_SAYS: CommandCause = {}

type Answer<Reply> = { readonly result: RequestResult<Reply> } | { readonly error: unknown }

interface Incoming<Reply> {
  readonly type: 'request'
  readonly input: unknown
  readonly cause: CommandCause
  readonly replyTo: ReplyTo<Answer<Reply>>
}

interface Served {
  readonly type: 'served'
}

type DoorMessage<Reply> = Incoming<Reply> | Served

/** An incarnation of the door. */
class Door<Reply> {
  readonly self: ActorRef<DoorMessage<Reply>>
  /** Its own word for a request that is dealt with. */
  readonly served: Served = { type: 'served' }
  inFlight = 0
  readonly waiting = new Ring<Incoming<Reply>>()

  constructor(self: ActorRef<DoorMessage<Reply>>) {
    this.self = self
  }
}
