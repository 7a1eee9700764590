import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Behavior, become, behavior, type Outcome, stopped } from '../../src/kernel/behavior.ts'
import type { ActorContext, ActorRef, MailboxOptions, ReplyTo } from '../../src/kernel/types.ts'
import { hold, settle, VirtualStage } from './support.ts'

/**
 * Random programs against the promises that hold whatever happens: one handler at a time per incarnation, order per
 * sender, every ask settled, every message either handled once or a dead letter once or an ask that failed.
 */

const KINDS = [
  'return',
  'return later',
  'throw',
  'throw later',
  'end',
  'end later',
  'become',
  'hang',
  'forward later',
  'fail',
  'kill self',
  'stop self',
  'stash',
  'unstash',
  'pipe',
  'start timer',
  'cancel timer',
  'receive timeout',
  'link',
  'unlink',
  'ask later',
] as const

interface Message {
  readonly id: number
  readonly kind: (typeof KINDS)[number]
  readonly replyTo: ReplyTo<number> | null
}

type Op =
  | { readonly op: 'tell' | 'ask' | 'offer'; readonly to: number; readonly kind: Message['kind'] }
  | { readonly op: 'kill' | 'stop' | 'drain'; readonly to: number }
  | { readonly op: 'turns'; readonly count: number }
  | { readonly op: 'advance'; readonly byMs: number }

const HANDLER_TIMEOUT_MS = 20
const ACTORS = 4

const mailbox: fc.Arbitrary<MailboxOptions | null> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  {
    weight: 4,
    arbitrary: fc.record({
      capacity: fc.integer({ min: 1, max: 3 }),
      overflow: fc.constantFrom(
        'reject' as const,
        'drop-newest' as const,
        'drop-oldest' as const,
        'backpressure' as const,
      ),
    }),
  },
)
const to = fc.nat(ACTORS - 1)
const kind = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('return' as const, 'return later' as const) },
  fc.constantFrom(...KINDS),
)
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ op: fc.constantFrom('tell' as const, 'ask' as const, 'offer' as const), to, kind }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('kill' as const, 'stop' as const, 'drain' as const), to }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('advance' as const), byMs: fc.integer({ min: 1, max: 30 }) }) },
)
const program = fc.record({
  mailboxes: fc.array(mailbox, { minLength: ACTORS, maxLength: ACTORS }),
  ops: fc.array(op, { maxLength: 100 }),
})

/** What happened to each message, kept apart from the runtime's own books. */
class Ledger {
  ids = 0
  readonly sent = new Set<number>()
  /** Sent by actors: they have another sender than the program, and no fixed place among its messages. */
  readonly forwarded = new Set<number>()
  /** Sent by timers: they may be cancelled. */
  readonly scheduled = new Set<number>()
  /** Set aside once, so that their place among others changed. */
  readonly stashed = new Set<number>()
  readonly handled: { readonly actor: number; readonly id: number }[] = []
  readonly failedAsks = new Set<number>()
  readonly refusedOffers = new Set<number>()
  readonly openAsks = new Set<number>()
  readonly overlaps: string[] = []

  send(): number {
    const id = this.ids++
    this.sent.add(id)
    return id
  }
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise<void>(resolve => setImmediate(resolve))
}

/** A message of an actor, not of the program. */
const from = (ledger: Ledger, id: number): Message => {
  ledger.forwarded.add(id)
  return { id, kind: 'return', replyTo: null }
}

/** Asks in the midst of a handler, which waits for the answer whatever it is. */
const askNext = async (context: ActorContext<Message>, next: ActorRef<Message>, ledger: Ledger): Promise<void> => {
  const id = ledger.send()
  ledger.openAsks.add(id)
  try {
    await context.ask<Message, number>(next, replyTo => ({ ...from(ledger, id), replyTo }))
  } catch (error) {
    expect(error).toHaveProperty('code')
    ledger.failedAsks.add(id)
  } finally {
    ledger.openAsks.delete(id)
  }
}

interface Incarnation {
  handlers: number
}

const actor = (
  index: number,
  bounds: MailboxOptions | null,
  ledger: Ledger,
  refs: ActorRef<Message>[],
): Behavior<Message> => {
  const finish = (
    incarnation: Incarnation,
    message: Message,
    context: ActorContext<Message>,
  ): Outcome<Incarnation, Message> => {
    const next = refs[(index + 1) % refs.length] as ActorRef<Message>
    switch (message.kind) {
      case 'throw':
      case 'throw later':
        throw new Error(`message ${message.id}`)
      case 'end':
      case 'end later':
        return stopped()
      case 'become':
        return become(actor(index, bounds, ledger, refs))
      case 'forward later': {
        const id = ledger.send()
        ledger.forwarded.add(id)
        context.tell(next, { id, kind: 'return', replyTo: null })
        return incarnation
      }
      case 'fail':
        context.fail(new Error(`message ${message.id}`))
        return incarnation
      case 'unstash':
        context.unstashAll()
        return incarnation
      case 'pipe':
        context.pipeToSelf(turns(2), () => from(ledger, ledger.send()))
        return incarnation
      case 'start timer': {
        const id = ledger.ids++
        ledger.scheduled.add(id)
        context.timers.start(message.id % 3, from(ledger, id), { afterMs: message.id % 10 })
        return incarnation
      }
      case 'cancel timer':
        context.timers.cancel(message.id % 3)
        return incarnation
      case 'receive timeout': {
        const id = ledger.ids++
        ledger.scheduled.add(id)
        // It ends the actor, so that it comes once.
        context.setReceiveTimeout(5, { ...from(ledger, id), kind: 'stop self' })
        return incarnation
      }
      case 'link':
        context.link(next)
        return incarnation
      case 'unlink':
        context.unlink(next)
        return incarnation
      case 'kill self':
        context.self.kill()
        return incarnation
      case 'stop self':
        void context.self.stop()
        return incarnation
      default:
        message.replyTo?.tell(message.id)
        return incarnation
    }
  }
  const later = async (incarnation: Incarnation, message: Message, context: ActorContext<Message>) => {
    await turns(1 + (message.id % 7))
    if (message.kind === 'ask later')
      await askNext(context, refs[(index + 1) % refs.length] as ActorRef<Message>, ledger)
    incarnation.handlers--
    return finish(incarnation, message, context)
  }
  const states = new WeakMap<ActorContext<Message>, Incarnation>()
  return behavior<Message, Incarnation>({
    initial: context => {
      const incarnation = { handlers: 0 }
      states.set(context, incarnation)
      return index < 2 ? incarnation : turns(2).then(() => incarnation)
    },
    receive: (incarnation, message, context) => {
      if (message.kind === 'stash' && !ledger.stashed.has(message.id)) {
        ledger.stashed.add(message.id)
        context.stash()
        return incarnation
      }
      ledger.handled.push({ actor: index, id: message.id })
      if (states.get(context) !== incarnation)
        ledger.overlaps.push(`message ${message.id} met another incarnation's state`)
      if (incarnation.handlers !== 0) ledger.overlaps.push(`message ${message.id} was handled during another`)
      if (message.kind === 'hang') {
        incarnation.handlers++
        return new Promise<Incarnation>(() => undefined)
      }
      if (!message.kind.endsWith('later')) return finish(incarnation, message, context)
      incarnation.handlers++
      return later(incarnation, message, context) as Promise<Incarnation>
    },
    onStop: (incarnation, reason) => {
      const isTimeout = reason.type === 'error' && reason.error.message.includes('not settled within')
      if (incarnation.handlers !== 0 && !isTimeout) ledger.overlaps.push('the stop hook ran during a handler')
    },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    stash: { capacity: 3 },
    ...(bounds === null ? {} : { mailbox: bounds }),
  })
}

const perform = async (stage: VirtualStage, step: Op, refs: ActorRef<Message>[], ledger: Ledger): Promise<void> => {
  if (step.op === 'turns') return turns(step.count)
  if (step.op === 'advance') return stage.clock.advance(step.byMs)
  const ref = refs[step.to] as ActorRef<Message>
  switch (step.op) {
    case 'tell':
      return ref.tell({ id: ledger.send(), kind: step.kind, replyTo: null })
    case 'offer': {
      const id = ledger.send()
      ref.offer({ id, kind: step.kind, replyTo: null }).catch(() => ledger.refusedOffers.add(id))
      return
    }
    case 'ask': {
      const id = ledger.send()
      ledger.openAsks.add(id)
      ref
        .ask<number>(replyTo => ({ id, kind: step.kind, replyTo }))
        .then(
          answer => expect(answer).toBe(id),
          () => ledger.failedAsks.add(id),
        )
        .finally(() => ledger.openAsks.delete(id))
      return
    }
    case 'kill':
      return ref.kill()
    case 'stop':
      void ref.stop()
      return
    case 'drain':
      void ref.drain()
  }
}

const run = async ({ mailboxes, ops }: { mailboxes: (MailboxOptions | null)[]; ops: Op[] }): Promise<void> => {
  const stage = new VirtualStage({ throughput: 3 })
  const ledger = new Ledger()
  const refs: ActorRef<Message>[] = []
  // Half of them are held and restarted, half are on their own.
  for (const [index, bounds] of mailboxes.entries()) {
    const own = actor(index, bounds, ledger, refs)
    if (index % 2 === 0) refs.push((await hold(stage, own as Behavior<never>)).child as ActorRef<Message>)
    else refs.push(stage.spawn(own))
  }
  for (const step of ops) await perform(stage, step, refs, ledger)
  const ended = stage.system.terminate()
  let over = false
  void ended.then(() => {
    over = true
  })
  for (let i = 0; i < 50 && !over; i++) {
    await settle()
    stage.clock.advance(1_000)
  }
  expect(over).toBe(true)
  await settle()

  expect(ledger.overlaps).toEqual([])
  expect([...ledger.openAsks]).toEqual([])
  const times = new Map<number, number>()
  for (const { id } of ledger.handled) times.set(id, (times.get(id) ?? 0) + 1)
  const dead = stage.letters
    .filter(letter => letter.reason !== 'late-reply')
    .map(letter => (letter.message as Message).id)
  for (const id of dead) times.set(id, (times.get(id) ?? 0) + 1)
  for (const id of ledger.refusedOffers) times.set(id, (times.get(id) ?? 0) + 1)
  // A failed ask may have been handled or not; one that was not handled ended by its failure.
  for (const id of ledger.failedAsks) if (!times.has(id)) times.set(id, 1)
  expect([...ledger.sent].filter(id => times.get(id) !== 1)).toEqual([])
  expect([...ledger.scheduled].filter(id => (times.get(id) ?? 0) > 1)).toEqual([])
  expect(stage.system.deadLetters.count).toBe(stage.letters.length)
  expect(stage.clock.pending).toBe(0)
  for (let index = 0; index < refs.length; index++) {
    const told = ledger.handled
      .filter(({ actor, id }) => actor === index && !ledger.forwarded.has(id) && !ledger.stashed.has(id))
      .map(({ id }) => id)
    expect(told).toEqual([...told].sort((a, b) => a - b))
  }
}

test('random programs: one handler at a time, order per sender, every ask settled, nothing lost', {
  timeout: 120_000,
}, async () => {
  await fc.assert(fc.asyncProperty(program, run), { numRuns: 500 })
})
