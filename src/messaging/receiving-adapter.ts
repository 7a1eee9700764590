import { RuntimeError } from '../base/errors.ts'
import { type Behavior, behavior } from '../kernel/behavior.ts'
import { Ring } from '../kernel/ring.ts'
import type { ActorRef, ReplyTo } from '../kernel/types.ts'
import type { StandardSchema } from './standard-schema.ts'

export interface ReceivingAdapterDefinition<Request, Reply> {
  readonly name: string
  readonly schema: StandardSchema<Request>
  /** Hands a valid request to the domain's actor and gives its answer, which comes once what it says is durable. */
  readonly dispatch: (request: Request) => Promise<Reply>
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
 * **Errors** of `request`: BRIDGE_STOPPED while it is not running, and when it ends before it has answered (what was
 * handed over may take effect all the same); those that `dispatch` or the schema throw.
 */
export interface ReceivingAdapter<Reply> {
  readonly behavior: Behavior<never>
  request(input: unknown): Promise<RequestResult<Reply>>
}

export const receivingAdapter = <Request, Reply>(
  definition: ReceivingAdapterDefinition<Request, Reply>,
): ReceivingAdapter<Reply> => {
  const { name, schema, dispatch, maxInFlight = 4_096 } = definition
  let running: ActorRef<DoorMessage<Reply>> | null = null

  const serve = async ({ input, replyTo }: Incoming<Reply>): Promise<void> => {
    try {
      const checking = schema['~standard'].validate(input)
      const checked = checking instanceof Promise ? await checking : checking
      if (checked.issues !== undefined)
        replyTo.tell({ result: { accepted: false, issues: checked.issues.map(issue => issue.message) } })
      else replyTo.tell({ result: { accepted: true, reply: await dispatch(checked.value) } })
    } catch (error) {
      replyTo.tell({ error })
    }
  }

  const door = behavior<DoorMessage<Reply>, Door<Reply>>({
    initial: ({ self }) => {
      running = self
      return { self, inFlight: 0, waiting: new Ring() }
    },
    receive: (state, message) => {
      if (message.type === 'request') state.waiting.push(message)
      // What an earlier incarnation had under way is not counted by this one.
      else if (message.door === state) state.inFlight--
      while (state.inFlight < maxInFlight && !state.waiting.isEmpty) {
        state.inFlight++
        void serve(state.waiting.shift()).then(() => state.self.tell({ type: 'served', door: state }))
      }
      return state
    },
    onStop: () => {
      running = null
    },
  })

  return {
    behavior: door as Behavior<never>,
    request: async input => {
      if (running === null) throw stoppedError(name)
      let answer: Answer<Reply>
      try {
        answer = await running.ask<Answer<Reply>>(replyTo => ({ type: 'request', input, replyTo }))
      } catch (error) {
        throw stoppedError(name, error)
      }
      if ('error' in answer) throw answer.error
      return answer.result
    },
  }
}

const stoppedError = (name: string, cause?: unknown): RuntimeError =>
  new RuntimeError('BRIDGE_STOPPED', `bridge ${name} is not running`, { cause, retryable: true })

type Answer<Reply> = { readonly result: RequestResult<Reply> } | { readonly error: unknown }

interface Incoming<Reply> {
  readonly type: 'request'
  readonly input: unknown
  readonly replyTo: ReplyTo<Answer<Reply>>
}

type DoorMessage<Reply> = Incoming<Reply> | { readonly type: 'served'; readonly door: Door<Reply> }

interface Door<Reply> {
  readonly self: ActorRef<DoorMessage<Reply>>
  inFlight: number
  readonly waiting: Ring<Incoming<Reply>>
}
