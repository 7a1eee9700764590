// Compiled, never run: `npm run types` fails when one of these lines compiles that must not, or the other way round.

import { type ActorRef, ActorSystem, type Behavior, become, behavior, ignore, type ReplyTo, stopped } from 'troupe'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const isTrue = <Claim extends true>(): Claim | undefined => undefined

type CounterMessage =
  | { readonly type: 'increment'; readonly by: number }
  | { readonly type: 'read'; readonly replyTo: ReplyTo<number> }

const counter = behavior<CounterMessage, number>({
  initial: () => 0,
  receive: (count, message) => {
    isTrue<Equal<typeof count, number>>()
    switch (message.type) {
      case 'increment':
        return count + message.by
      case 'read':
        message.replyTo.tell(count)
        return count
    }
  },
})

const system = ActorSystem.start()
const ref = system.spawn(counter, { name: 'counter' })

// A ref takes its messages and nothing else.
isTrue<Equal<typeof ref, ActorRef<CounterMessage>>>()
ref.tell({ type: 'increment', by: 2 })
void ref.offer({ type: 'increment', by: 2 })
// @ts-expect-error no such message
ref.tell({ type: 'decrement', by: 2 })
// @ts-expect-error a field is missing
ref.tell({ type: 'increment' })
// @ts-expect-error a field has another type
ref.tell({ type: 'increment', by: '2' })
// @ts-expect-error not a message at all
ref.tell(2)
// @ts-expect-error offers are messages too
void ref.offer({ type: 'decrement' })

// An ask has the type of the answer that its message asks for.
const answer = ref.ask(replyTo => ({ type: 'read', replyTo }))
isTrue<Equal<typeof answer, Promise<number>>>()
type Mixed = CounterMessage | { readonly type: 'name'; readonly replyTo: ReplyTo<string> }
declare const mixed: ActorRef<Mixed>
const either = mixed.ask(replyTo => ({ type: 'name', replyTo }))
isTrue<Equal<typeof either, Promise<number | string>>>()
const named = mixed.ask<string>(replyTo => ({ type: 'name', replyTo }))
isTrue<Equal<typeof named, Promise<string>>>()
const explicit: Promise<number> = ref.ask<number>(replyTo => ({ type: 'read', replyTo }), { timeoutMs: 1_000 })
void explicit
// @ts-expect-error nobody answers with a text
const wrong: Promise<string> = ref.ask(replyTo => ({ type: 'read', replyTo }))
void wrong
// @ts-expect-error an ask sends a message of the actor
void ref.ask(replyTo => ({ type: 'reset', replyTo }))

// Who takes more may stand where less is told, never the other way round.
declare const anyReply: ReplyTo<unknown>
declare const textReply: ReplyTo<string>
declare const numberRef: ActorRef<number>
ref.tell({ type: 'read', replyTo: anyReply })
ref.tell({ type: 'read', replyTo: numberRef })
// @ts-expect-error the answer would be a number
ref.tell({ type: 'read', replyTo: textReply })
declare const numberOrError: ReplyTo<number | Error>
const narrowReply: ReplyTo<number> = numberOrError
void narrowReply
// @ts-expect-error the actor takes no errors
const widerReply: ReplyTo<number | Error> = numberRef
void widerReply
declare const failing: ActorRef<{ readonly replyTo: ReplyTo<number | Error> }>
// @ts-expect-error nor as where to answer
failing.tell({ replyTo: numberRef })
behavior<number, null>({
  initial: context => {
    // @ts-expect-error nor does an actor of numbers itself
    context.tell(failing, { replyTo: context.self })
    return null
  },
  receive: state => state,
})
const narrower: ActorRef<{ readonly type: 'increment'; readonly by: 1 }> = ref
narrower.tell({ type: 'increment', by: 1 })
// @ts-expect-error a ref of some messages takes not all
const wider: ActorRef<CounterMessage | { readonly type: 'reset' }> = ref
void wider

// A behavior says what it takes; state and message are inferred from it.
const inferred = behavior({
  initial: () => ({ names: [] as string[] }),
  receive: (state, name: string) => ({ names: [...state.names, name] }),
})
isTrue<Equal<typeof inferred, Behavior<string>>>()
const narrowBehavior: Behavior<'a' | 'b'> = inferred
void narrowBehavior
// @ts-expect-error it takes texts
const otherBehavior: Behavior<number> = inferred
void otherBehavior
behavior<string, number>({
  initial: () => 0,
  // @ts-expect-error the next state is a number
  receive: () => 'text',
})
behavior<string, number>({
  // @ts-expect-error the first state is a number
  initial: () => 'text',
  receive: count => count,
})

// Whatever a handler may answer.
behavior<string, number>({ initial: async () => 0, receive: async count => count + 1 })
behavior<string, number>({ initial: () => ignore, receive: () => stopped() })
declare const isWanted: boolean
behavior<string, number>({
  initial: async () => (isWanted ? 0 : ignore),
  receive: async () => stopped({ type: 'shutdown' }),
})
behavior<string, number>({ initial: () => 0, receive: count => (count > 3 ? stopped() : count) })

// The next behavior must take what is told to the actor.
const takesText = behavior<string, null>({ initial: () => null, receive: state => state })
const takesAll = behavior<unknown, null>({ initial: () => null, receive: state => state })
behavior<string, number>({ initial: () => 0, receive: () => become(takesText) })
behavior<string, number>({ initial: () => 0, receive: async () => become(takesAll) })
behavior<string, number>({ initial: () => 0, receive: count => (count > 3 ? become(takesText) : count) })
behavior<string, number>({ initial: () => 0, receive: count => count, onSignal: () => become(takesText) })
behavior<string, number>({
  initial: () => 0,
  // @ts-expect-error the actor is told texts, the next behavior takes numbers
  receive: () => become(behavior<number, null>({ initial: () => null, receive: state => state })),
})
behavior<string, number>({
  initial: () => 0,
  receive: count => count,
  // @ts-expect-error the same for a signal
  onSignal: async () => become(counter),
})

// A context knows its actor's messages, and what it spawns.
behavior<string, ActorRef<CounterMessage>>({
  initial: context => {
    context.self.tell('text')
    // @ts-expect-error the actor takes texts
    context.self.tell(1)
    return context.spawn(counter)
  },
  receive: (child, _text, context) => {
    context.tell(child, { type: 'increment', by: 1 })
    // @ts-expect-error no such message
    context.tell(child, { type: 'decrement' })
    context.watch(child)
    context.watch(numberRef)
    return child
  },
})

// Options say what they mean.
// @ts-expect-error no such policy
behavior<string, null>({ initial: () => null, receive: s => s, mailbox: { capacity: 1, overflow: 'drop' } })
// @ts-expect-error a time is a number of ms, or a word that is known
void ref.stop({ shutdownMs: 'soon' })
// @ts-expect-error names are texts
system.spawn(counter, { name: 1 })
