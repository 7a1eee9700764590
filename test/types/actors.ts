// Compiled, never run: what mailboxes, stashes, timers, links, pipes, asks and interceptors accept and refuse.

import {
  type ActorContext,
  type ActorInfo,
  type ActorRef,
  ActorSystem,
  behavior,
  type DeadLetterReason,
  type Handler,
  type Interceptor,
  intercept,
  type Outcome,
  type ReplyTo,
  type Signal,
} from 'troupe'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const isTrue = <Claim extends true>(): Claim | undefined => undefined

type Job = { readonly type: 'job'; readonly urgency: number }
type Tick = { readonly type: 'tick' }
type Read = { readonly type: 'read'; readonly replyTo: ReplyTo<number> }

declare const jobs: ActorRef<Job>
declare const reader: ActorRef<Read>

// A mailbox with priorities sees the actor's messages.
behavior<Job, null>({
  initial: () => null,
  receive: state => state,
  mailbox: { priority: job => job.urgency },
})
behavior<Job, null>({
  initial: () => null,
  receive: state => state,
  mailbox: { priority: job => job.urgency, capacity: 8, overflow: 'backpressure' },
})
behavior<Job, null>({
  initial: () => null,
  receive: state => state,
  // @ts-expect-error a job has no such field
  mailbox: { priority: job => job.rank },
})
// @ts-expect-error a capacity needs a word for what happens beyond it
behavior<Job, null>({ initial: () => null, receive: s => s, mailbox: { capacity: 8 } })
// @ts-expect-error a stash has a bound
behavior<Job, null>({ initial: () => null, receive: s => s, stash: {} })

behavior<Job | Tick, number>({
  initial: ({ timers, setReceiveTimeout }) => {
    timers.start('tick', { type: 'tick' }, { everyMs: 100, mode: 'fixed-rate' })
    timers.start(Symbol.iterator, { type: 'tick' }, { afterMs: 100 })
    // @ts-expect-error no message of this actor
    timers.start('tick', { type: 'tock' }, { afterMs: 100 })
    // @ts-expect-error a key is no object
    timers.start({}, { type: 'tick' }, { afterMs: 100 })
    // @ts-expect-error once or again and again, not both
    timers.start('tick', { type: 'tick' }, { afterMs: 100, mode: 'fixed-rate' })
    setReceiveTimeout(1_000, { type: 'tick' })
    // @ts-expect-error no message of this actor
    setReceiveTimeout(1_000, 'tick')
    return 0
  },
  receive: (count, _message, context) => {
    context.stash()
    context.unstashAll()
    context.link(jobs)
    context.unlink(reader)
    context.unwatch(jobs)
    isTrue<Equal<typeof context.signal, AbortSignal>>()
    // @ts-expect-error a ref is linked to, not a name
    context.link('jobs')

    const read = context.ask(reader, replyTo => ({ type: 'read', replyTo }), { timeoutMs: 100 })
    isTrue<Equal<typeof read, Promise<number>>>()
    // @ts-expect-error no such question
    void context.ask(reader, replyTo => ({ type: 'reed', replyTo }))
    const question = (replyTo: ReplyTo<number>): Read => ({ type: 'read', replyTo })
    // @ts-expect-error a job is no question
    void context.ask(jobs, question)

    context.pipeToSelf(read, result => {
      if (!result.ok) return { type: 'tick' }
      isTrue<Equal<typeof result.value, number>>()
      return { type: 'job', urgency: result.value }
    })
    // @ts-expect-error no message of this actor
    context.pipeToSelf(read, result => result)
    // @ts-expect-error the value is there only where it was resolved
    context.pipeToSelf(read, result => ({ type: 'job', urgency: result.value }))
    return count
  },
  onSignal: (count, signal) => {
    switch (signal.type) {
      case 'terminated':
      case 'child-terminated':
        return signal.ref.path === '' ? count : count + 1
      default:
        isTrue<Equal<typeof signal, never>>()
        return count
    }
  },
})
isTrue<Equal<Signal['type'], 'terminated' | 'child-terminated'>>()

// An interceptor that is generic stands around every behavior; one of some messages only where they are taken.
const pass = <Message, State>(
  state: State,
  message: Message,
  context: ActorContext<Message>,
  next: Handler<Message, State>,
): Outcome<State, Message> => next(state, message, context)
const counting: Interceptor<Job> = (state, job, context, next) => (job.urgency > 0 ? next(state, job, context) : state)
const worker = behavior<Job, null>({ initial: () => null, receive: state => state })
isTrue<Equal<typeof intercepted, typeof worker>>()
const intercepted = intercept(worker, pass, counting)
// @ts-expect-error it looks at jobs, and would be given texts
intercept(behavior<string, null>({ initial: () => null, receive: state => state }), counting)
// @ts-expect-error the outcome is the handler's, or the state
const wrong: Interceptor<Job> = (_state, _job, _context, _next) => 'done'
void wrong
const system = ActorSystem.start({ interceptors: [pass], throughput: 8, sliceMs: 0.5 })

// What is to be seen cannot be changed.
const [first] = system.inspect()
isTrue<Equal<typeof first, ActorInfo | undefined>>()
declare const info: ActorInfo
// @ts-expect-error read only
info.mailbox = 0
system.deadLetters.subscribe(letter => {
  isTrue<Equal<typeof letter.reason, DeadLetterReason>>()
  // @ts-expect-error no such reason
  return letter.reason === 'lost'
})
