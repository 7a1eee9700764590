import { describe, expect, test } from 'vitest'
import { type Behavior, behavior, systemBehavior } from '../../src/kernel/behavior.ts'
import type { Overflow } from '../../src/kernel/types.ts'
import { gate, hold, rejection, Stage, settle } from './support.ts'

/** An actor of capacity 2 that is stuck in its first message, with two more that fill its mailbox. */
const full = async (stage: Stage, overflow: Overflow) => {
  const seen: unknown[] = []
  const door = gate()
  const actor = stage.spawn(
    behavior<string, null>({
      initial: () => null,
      receive: async (state, message) => {
        seen.push(message)
        if (message === 'wait') await door.opened
        return state
      },
      mailbox: { capacity: 2, overflow },
    }),
  )
  actor.tell('wait')
  await settle()
  actor.tell('a')
  actor.tell('b')
  expect(stage.letters).toEqual([])
  const finish = (): Promise<void> => {
    door.open()
    return actor.drain()
  }
  return { actor, seen, finish }
}

describe('a full mailbox', () => {
  test.each(['reject', 'drop-newest', 'backpressure'] as const)(
    '(%s) makes a told message a dead letter `overflow`, and keeps what it holds',
    async overflow => {
      await using stage = new Stage()
      const { actor, seen, finish } = await full(stage, overflow)
      actor.tell('too much')
      expect(stage.letters).toMatchObject([{ message: 'too much', recipient: actor.path, reason: 'overflow' }])
      await finish()
      expect(seen).toEqual(['wait', 'a', 'b'])
    },
  )

  test('(drop-oldest) takes a told message, and makes the oldest a dead letter `overflow`', async () => {
    await using stage = new Stage()
    const { actor, seen, finish } = await full(stage, 'drop-oldest')
    actor.tell('c')
    await actor.offer('d')
    expect(stage.letters).toMatchObject([
      { message: 'a', reason: 'overflow' },
      { message: 'b', reason: 'overflow' },
    ])
    await finish()
    expect(seen).toEqual(['wait', 'c', 'd'])
  })

  test.each(['reject', 'drop-newest'] as const)(
    '(%s) refuses an offer with MAILBOX_FULL, to be retried',
    async overflow => {
      await using stage = new Stage()
      const { actor, seen, finish } = await full(stage, overflow)
      expect(await rejection(actor.offer('too much'))).toMatchObject({ code: 'MAILBOX_FULL', retryable: true })
      await finish()
      expect(seen).toEqual(['wait', 'a', 'b'])
      expect(stage.letters).toEqual([])
    },
  )

  test.each(['reject', 'drop-newest', 'backpressure'] as const)(
    '(%s) fails an ask with MAILBOX_FULL',
    async overflow => {
      await using stage = new Stage()
      const { actor, finish } = await full(stage, overflow)
      expect(await rejection(actor.ask(() => 'too much'))).toMatchObject({ code: 'MAILBOX_FULL' })
      await finish()
      expect(stage.letters).toEqual([])
    },
  )

  test('(drop-oldest) fails the ask that it drops with MAILBOX_FULL', async () => {
    await using stage = new Stage()
    const { actor, finish } = await full(stage, 'drop-oldest')
    actor.tell('c')
    const asked = rejection(actor.ask(() => 'asked'))
    actor.tell('d')
    actor.tell('e')
    expect(await asked).toMatchObject({ code: 'MAILBOX_FULL' })
    await finish()
  })

  test('has room again as soon as a message is taken: the one in the handler does not count', async () => {
    await using stage = new Stage()
    for (const overflow of ['reject', 'drop-newest', 'drop-oldest', 'backpressure'] as const) {
      const seen: unknown[] = []
      const actor = stage.spawn(
        behavior<number, null>({
          initial: () => null,
          receive: (state, n, context) => {
            seen.push(n)
            if (n < 5) context.self.tell(n + 1)
            return state
          },
          mailbox: { capacity: 1, overflow },
        }),
      )
      actor.tell(0)
      await settle()
      expect(seen).toEqual([0, 1, 2, 3, 4, 5])
    }
    expect(stage.letters).toEqual([])
  })

  test('holds what was told before the start, and no more', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const actor = stage.spawn(
      behavior<number, null>({
        initial: () => null,
        receive: (state, n) => {
          seen.push(n)
          return state
        },
        mailbox: { capacity: 2, overflow: 'reject' },
      }),
    )
    for (let n = 0; n < 5; n++) actor.tell(n)
    await settle()
    expect(seen).toEqual([0, 1])
    expect(stage.letters.map(letter => letter.message)).toEqual([2, 3, 4])
  })
})

describe('offer', () => {
  test('resolves at once where there is room, bounded or not', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const receive = (state: null, message: string): null => {
      seen.push(message)
      return state
    }
    await stage.spawn(behavior<string, null>({ initial: () => null, receive })).offer('a')
    await stage
      .spawn(
        behavior<string, null>({ initial: () => null, receive, mailbox: { capacity: 1, overflow: 'backpressure' } }),
      )
      .offer('b')
    await settle()
    expect(seen).toEqual(['a', 'b'])
  })

  test('(backpressure) waits for room, and offers come in the order they were made', async () => {
    await using stage = new Stage()
    const { actor, seen, finish } = await full(stage, 'backpressure')
    const accepted: string[] = []
    const offers = ['c', 'd', 'e'].map(message => actor.offer(message).then(() => accepted.push(message)))
    await settle()
    expect(accepted).toEqual([])
    await finish()
    await Promise.all(offers)
    expect(accepted).toEqual(['c', 'd', 'e'])
    expect(seen).toEqual(['wait', 'a', 'b', 'c', 'd', 'e'])
  })

  test('(backpressure) never lets more than the capacity wait, and loses none of 50,000', {
    timeout: 60_000,
  }, async () => {
    await using stage = new Stage()
    let handled = 0
    const actor = stage.spawn(
      behavior<number, null>({
        initial: () => null,
        receive: (state, n) => {
          expect(n).toBe(handled)
          handled++
          return state
        },
        mailbox: { capacity: 100, overflow: 'backpressure' },
      }),
    )
    const offers = Array.from({ length: 50_000 }, (_, n) => actor.offer(n))
    expect((actor as unknown as { waiting: number }).waiting).toBe(100)
    await Promise.all(offers)
    await actor.drain()
    expect(handled).toBe(50_000)
    expect(stage.letters).toEqual([])
  })

  test('(backpressure) waits for what came back from the stash too, in order', async () => {
    await using stage = new Stage()
    const capacity = 3
    const seen: number[] = []
    let waitingMax = 0
    const actor = stage.spawn(
      behavior<number, number>({
        initial: () => 0,
        receive: (set, n, context) => {
          waitingMax = Math.max(waitingMax, (actor as unknown as { waiting: number }).waiting)
          if (seen.length === 0 && set < 201) {
            context.stash()
            if ((set + 1) % 3 === 0) context.unstashAll()
            return set + 1
          }
          seen.push(n)
          return set
        },
        mailbox: { capacity, overflow: 'backpressure' },
        stash: { capacity: 3 },
      }),
    )
    const offers = Array.from({ length: 500 }, (_, n) => actor.offer(n))
    await Promise.all(offers)
    await actor.drain()
    expect(waitingMax).toBeLessThanOrEqual(capacity + 3)
    expect(seen).toEqual(Array.from({ length: 500 }, (_, n) => n))
    expect(stage.letters).toEqual([])
  })

  test('that waits is refused at once when the actor stops, though its handler goes on; a drain lets it in', async () => {
    for (const how of ['stop', 'drain'] as const) {
      await using stage = new Stage()
      const { actor, seen, finish } = await full(stage, 'backpressure')
      const outcomes: unknown[] = []
      actor.offer('c').then(
        () => outcomes.push('accepted'),
        error => outcomes.push(error.code),
      )
      const ended = actor[how]()
      await settle()
      expect(outcomes).toEqual(how === 'stop' ? ['ACTOR_STOPPED'] : [])
      await finish()
      await ended
      expect(outcomes).toEqual(how === 'stop' ? ['ACTOR_STOPPED'] : ['accepted'])
      expect(seen).toEqual(how === 'stop' ? ['wait'] : ['wait', 'a', 'b', 'c'])
    }
  })

  test('that waits is refused with ACTOR_STOPPED when the actor stops or is killed', async () => {
    for (const how of ['stop', 'kill'] as const) {
      await using stage = new Stage()
      const { actor, finish } = await full(stage, 'backpressure')
      const waiting = rejection(actor.offer('c'))
      await settle()
      if (how === 'stop') {
        void actor.stop()
        expect(await rejection(actor.offer('d'))).toMatchObject({ code: 'ACTOR_STOPPED' })
        await finish()
      } else actor.kill()
      expect(await waiting).toMatchObject({ code: 'ACTOR_STOPPED' })
      expect(await rejection(actor.offer('e'))).toMatchObject({ code: 'ACTOR_STOPPED' })
      expect(stage.letters.map(letter => letter.message)).toEqual(['a', 'b'])
    }
  })

  test('that waits survives a restart, and is handled by the next incarnation', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const { child } = await hold(
      stage,
      behavior<string, null>({
        initial: () => null,
        receive: (state, message) => {
          if (message === 'crash') throw new Error('crash')
          seen.push(message)
          return state
        },
        mailbox: { capacity: 1, overflow: 'backpressure' },
      }) as Behavior<never>,
    )
    await Promise.all(['crash', 'a', 'crash', 'b', 'c'].map(message => child.offer(message)))
    await settle()
    expect(seen).toEqual(['a', 'b', 'c'])
  })

  test('that waits gets in when the mailbox was taken back as its incarnation ended', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const taken: unknown[] = []
    const { child } = await hold(
      stage,
      systemBehavior<string, null>(
        {
          initial: () => null,
          receive: (state, message) => {
            if (message === 'crash') throw new Error('crash')
            seen.push(message)
            return state
          },
          mailbox: { capacity: 2, overflow: 'backpressure' },
        },
        { takeBack: message => message !== 'stays' && taken.push(message) > 0 },
      ) as Behavior<never>,
    )
    const offers = ['crash', 'logged', 'logged too', 'offered', 'offered later'].map(message => child.offer(message))
    await Promise.all(offers)
    await settle()
    expect([...taken, ...seen].sort()).toEqual(['logged', 'logged too', 'offered', 'offered later'].sort())
    expect(seen).toContain('offered later')
  })
})

test('signals go ahead of messages', async () => {
  await using stage = new Stage()
  const seen: unknown[] = []
  const door = gate()
  const watched = stage.spawn(behavior<string, null>({ initial: () => null, receive: state => state }))
  const actor = stage.spawn(
    behavior<string, null>({
      initial: context => {
        context.watch(watched)
        return null
      },
      receive: async (state, message) => {
        seen.push(message)
        if (message === 'wait') await door.opened
        return state
      },
      onSignal: (state, signal) => {
        seen.push(signal.type)
        return state
      },
    }),
  )
  actor.tell('wait')
  await settle()
  actor.tell('queued first')
  await watched.stop()
  door.open()
  await settle()
  expect(seen).toEqual(['wait', 'terminated', 'queued first'])
})

test('the message that wakes an idle actor is like any other: kept over a restart, taken back, dropped as the oldest', async () => {
  await using stage = new Stage()
  const seen: string[] = []
  const taken: unknown[] = []
  let fail = (): void => undefined
  const { child } = await hold(
    stage,
    systemBehavior<string, null>(
      {
        initial: context => {
          fail = () => context.fail(new Error('crash'))
          return null
        },
        receive: (state, message) => {
          seen.push(message)
          return state
        },
        mailbox: { capacity: 2, overflow: 'drop-oldest' },
      },
      { takeBack: message => message === 'logged' && taken.push(message) > 0 },
    ) as Behavior<never>,
  )
  // The crash is ahead of the message that woke the actor.
  child.tell('kept')
  child.tell('behind it')
  fail()
  await settle()
  expect(seen.splice(0)).toEqual(['kept', 'behind it'])
  child.tell('logged')
  child.tell('not logged')
  fail()
  await settle()
  expect(taken).toEqual(['logged'])
  expect(seen.splice(0)).toEqual(['not logged'])
  for (const message of ['a', 'b', 'c', 'd']) child.tell(message)
  expect((child as unknown as { waiting: number }).waiting).toBe(2)
  await settle()
  expect(seen.splice(0)).toEqual(['c', 'd'])
  expect(stage.letters.map(letter => letter.message)).toEqual(['a', 'b'])
  child.tell('last')
  child.kill()
  child.kill()
  await settle()
  expect(seen).toEqual(['last'])
})
