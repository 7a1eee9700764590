import { RuntimeError } from '../base/errors.ts'
import { type Behavior, behavior } from '../kernel/behavior.ts'
import type { ActorRef, ReplyTo } from '../kernel/types.ts'
import type { StandardSchema } from './standard-schema.ts'

export interface ReceivingAdapterDefinition<Request, Reply> {
  readonly name: string
  readonly schema: StandardSchema<Request>
  /** Hands a valid request to the domain's actor and gives its answer, which comes once what it says is durable. */
  readonly dispatch: (request: Request) => Promise<Reply>
  /** Most requests under way; more wait in the mailbox, in order. Default: 4,096. */
  readonly maxInFlight?: number
}

export type RequestResult<Reply> =
  | { readonly accepted: true; readonly reply: Reply }
  /** Not valid: the domain never saw it. Each text says what is wrong and with what. */
  | { readonly accepted: false; readonly issues: readonly string[] }

/**
 * A bridge's door for requests from outside, as an actor: validates, hands over, answers. It is the only thing between a
 * caller and the domain's actors.
 *
 * **Errors** of `request`: BRIDGE_STOPPED while it is not running; those that `dispatch` rejects with.
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
      return { self, inFlight: 0, waiting: [] }
    },
    receive: (state, message) => {
      if (message.type === 'served') state.inFlight--
      else state.waiting.push(message)
      while (state.inFlight < maxInFlight && state.waiting.length > 0) {
        state.inFlight++
        void serve(state.waiting.shift()!).then(() => state.self.tell(SERVED))
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
      if (running === null) throw new RuntimeError('BRIDGE_STOPPED', `bridge ${name} is not running`)
      const answer = await running.ask<Answer<Reply>>(replyTo => ({ type: 'request', input, replyTo }))
      if ('error' in answer) throw answer.error
      return answer.result
    },
  }
}

type Answer<Reply> = { readonly result: RequestResult<Reply> } | { readonly error: unknown }

interface Incoming<Reply> {
  readonly type: 'request'
  readonly input: unknown
  readonly replyTo: ReplyTo<Answer<Reply>>
}

type DoorMessage<Reply> = Incoming<Reply> | { readonly type: 'served' }

const SERVED = { type: 'served' } as const

interface Door<Reply> {
  readonly self: ActorRef<DoorMessage<Reply>>
  inFlight: number
  readonly waiting: Incoming<Reply>[]
}
