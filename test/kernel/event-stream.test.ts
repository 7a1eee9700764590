import { describe, expect, test } from 'vitest'
import { type Behavior, behavior } from '../../src/kernel/behavior.ts'
import type { ActorRef, MailboxOptions } from '../../src/kernel/types.ts'
import { gate, hold, Stage, settle } from './support.ts'

type Placed = { readonly type: 'placed'; readonly id: number }
type Paid = { readonly type: 'paid'; readonly id: number }
type ShopEvent = Placed | Paid | { readonly type: 'shipped' }

const recorder = <Message>(seen: Message[]): Behavior<Message> =>
  behavior<Message, null>({
    initial: () => null,
    receive: (state, message) => {
      seen.push(message)
      return state
    },
  })

const placed = (id: number): Placed => ({ type: 'placed', id })
const paid = (id: number): Paid => ({ type: 'paid', id })

/** Types and topics that the stream keeps anything for. */
const kept = (events: unknown): number[] => {
  const { types, topics } = events as Record<'types' | 'topics', { subscribers: Map<string, unknown> }>
  return [types.subscribers.size, topics.subscribers.size]
}

describe('an event stream', () => {
  test('tells the subscribers of an event’s type, and nobody else', async () => {
    await using stage = new Stage()
    const events = stage.system.eventStream<ShopEvent>()
    const [one, both, none]: [Placed[], (Placed | Paid)[], unknown[]] = [[], [], []]
    events.subscribe('placed', stage.spawn(recorder(one)))
    events.subscribe(['placed', 'paid'], stage.spawn(recorder(both)))
    events.subscribe('shipped', stage.spawn(recorder(none)))
    for (const event of [placed(1), paid(1), placed(2)]) events.publish(event)
    await settle()
    expect([one, both, none]).toEqual([[placed(1), placed(2)], [placed(1), paid(1), placed(2)], []])
  })

  test('is one for the whole system', async () => {
    await using stage = new Stage()
    const seen: Placed[] = []
    stage.system.eventStream<Placed>().subscribe('placed', stage.spawn(recorder(seen)))
    stage.system.eventStream<ShopEvent>().publish(placed(1))
    await settle()
    expect(seen).toEqual([placed(1)])
  })

  test('tells the subscribers of a topic, the same by its name, and apart from types', async () => {
    await using stage = new Stage()
    const events = stage.system.eventStream<ShopEvent>()
    const [prices, others, typed]: [number[], number[], unknown[]] = [[], [], []]
    events.topic<number>('prices').subscribe(stage.spawn(recorder(prices)))
    events.topic<number>('others').subscribe(stage.spawn(recorder(others)))
    events.subscribe('placed', stage.spawn(recorder(typed)))
    events.topic<number>('prices').publish(1)
    events.topic<number>('prices').publish(2)
    events.topic<Placed>('placed').publish(placed(1))
    await settle()
    expect([prices, others, typed]).toEqual([[1, 2], [], []])
    expect(events.topic('prices').name).toBe('prices')
  })

  test('keeps the order of each publisher for each subscriber, over types and topics', async () => {
    await using stage = new Stage()
    const events = stage.system.eventStream<ShopEvent>()
    const seen: [string, number][][] = [[], [], []]
    const subscribers = seen.map(list =>
      stage.spawn(
        behavior<unknown, null>({
          initial: () => null,
          receive: (state, message) => {
            list.push((message as { from: [string, number] }).from)
            return state
          },
        }),
      ),
    )
    for (const subscriber of subscribers) {
      events.subscribe(['placed', 'paid'], subscriber)
      events.topic('all').subscribe(subscriber)
    }
    for (const name of ['a', 'b'])
      stage
        .spawn(
          behavior<number, null>({
            initial: () => null,
            receive: (state, round, context) => {
              const from = [name, round]
              if (round % 3 === 0) events.topic('all').publish({ from })
              else events.publish({ type: round % 3 === 1 ? 'placed' : 'paid', id: 0, from } as ShopEvent)
              if (round < 200) context.self.tell(round + 1)
              return state
            },
          }),
        )
        .tell(0)
    await settle()
    const rounds = Array.from({ length: 201 }, (_, round) => round)
    for (const list of seen)
      for (const name of ['a', 'b'])
        expect(list.filter(([from]) => from === name).map(([, round]) => round)).toEqual(rounds)
  })

  test('tells who subscribed twice once, and who has unsubscribed nothing', async () => {
    await using stage = new Stage()
    const events = stage.system.eventStream<ShopEvent>()
    const topic = events.topic<number>('prices')
    const seen: unknown[] = []
    const ref: ActorRef<unknown> = stage.spawn(recorder(seen))
    for (let i = 0; i < 2; i++) {
      events.subscribe(['placed', 'paid'], ref)
      topic.subscribe(ref)
    }
    events.publish(placed(1))
    topic.publish(1)
    events.unsubscribe('placed', ref)
    topic.unsubscribe(ref)
    topic.unsubscribe(ref)
    events.publish(placed(2))
    events.publish(paid(2))
    topic.publish(2)
    await settle()
    expect(seen).toEqual([placed(1), 1, paid(2)])
  })

  test('forgets a subscriber that has ended for good, and keeps one that restarts', async () => {
    await using stage = new Stage()
    const topic = stage.system.eventStream().topic<string>('t')
    const seen: string[] = []
    const crashing = behavior<string, null>({
      initial: () => null,
      receive: (state, message) => {
        if (message === 'crash') throw new Error('crash')
        seen.push(message)
        return state
      },
    })
    const { child, holder } = await hold(stage, crashing as Behavior<never>)
    topic.subscribe(child as ActorRef<string>)
    topic.publish('crash')
    topic.publish('after')
    await settle()
    expect(seen).toEqual(['after'])
    await holder.stop()
    await settle()
    topic.publish('nobody')
    expect(stage.letters).toEqual([])
  })

  test('makes a dead letter of what a subscriber is too full for or has ended before; the others are told', async () => {
    await using stage = new Stage()
    const topic = stage.system.eventStream().topic<number>('t')
    const door = gate()
    const mailbox: MailboxOptions = { capacity: 1, overflow: 'reject' }
    const full = stage.spawn(
      behavior<number, null>({ initial: () => null, receive: state => door.opened.then(() => state), mailbox }),
      'full',
    )
    const ended = stage.spawn(recorder<number>([]), 'ended')
    const seen: number[] = []
    for (const ref of [full, ended, stage.spawn(recorder(seen))]) topic.subscribe(ref)
    topic.publish(1)
    await settle()
    ended.kill()
    topic.publish(2)
    topic.publish(3)
    await settle()
    door.open()
    expect(stage.letters.map(letter => [letter.recipient, letter.message, letter.reason])).toEqual([
      ['/test/ended', 2, 'stopped'],
      ['/test/full', 3, 'overflow'],
      ['/test/ended', 3, 'stopped'],
    ])
    expect(seen).toEqual([1, 2, 3])
  })

  test('lets what nobody subscribes to go, and takes no subscriber that has ended', async () => {
    await using stage = new Stage()
    const events = stage.system.eventStream<ShopEvent>()
    const ended = stage.spawn(recorder<unknown>([]))
    await ended.stop()
    events.subscribe('placed', ended)
    events.publish(placed(1))
    events.topic<number>('t').publish(1)
    expect(stage.letters).toEqual([])
    expect(kept(events)).toEqual([0, 0])
  })

  test('keeps nothing for types and topics without subscribers', async () => {
    await using stage = new Stage()
    const events = stage.system.eventStream()
    for (let i = 0; i < 50; i++) {
      const actor = stage.spawn(recorder<unknown>([]))
      events.subscribe(`type-${i}`, actor)
      events.topic(`topic-${i}`).subscribe(actor)
      events.topic(`topic-${i}`).publish(i)
      actor.kill()
    }
    await settle()
    expect(kept(events)).toEqual([0, 0])
  })

  test('may be changed by who hears of its dead letters', async () => {
    await using stage = new Stage()
    const topic = stage.system.eventStream().topic<number>('t')
    const seen: number[] = []
    const late = stage.spawn(recorder(seen))
    const ended = stage.spawn(recorder<number>([]))
    topic.subscribe(ended)
    stage.system.deadLetters.subscribe(() => topic.subscribe(late))
    ended.kill()
    topic.publish(1)
    topic.publish(2)
    await settle()
    expect(seen).toEqual([2])
  })
})
