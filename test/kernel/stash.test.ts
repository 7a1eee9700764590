import { describe, expect, test } from 'vitest'
import { type Behavior, become, behavior } from '../../src/kernel/behavior.ts'
import type { ActorContext, ReplyTo } from '../../src/kernel/types.ts'
import { hold, rejection, Stage, settle } from './support.ts'

type Message = string | { readonly id: string; readonly replyTo: ReplyTo<string> }

const idOf = (message: Message): string => (typeof message === 'string' ? message : message.id)

/** Sets everything aside until it is told to open; answers what it handles. `crash` throws. */
const closedAtFirst = (seen: string[], capacity = 100, isAsync = false): Behavior<Message> => {
  const handle = (isOpen: boolean, message: Message, context: ActorContext<Message>): boolean => {
    const id = idOf(message)
    if (id === 'open') {
      context.unstashAll()
      return true
    }
    if (!isOpen) {
      context.stash()
      return false
    }
    seen.push(id)
    if (id === 'crash') throw new Error('crash')
    if (typeof message !== 'string') message.replyTo.tell(id)
    return true
  }
  return behavior<Message, boolean>({
    initial: () => false,
    receive: isAsync
      ? async (isOpen, message, context) => {
          await null
          return handle(isOpen, message, context)
        }
      : handle,
    stash: { capacity },
  })
}

describe.each([
  ['a handler', false],
  ['an async handler', true],
])('a stash, used by %s,', (_name, isAsync) => {
  test('comes back in order, ahead of what waits in the mailbox', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const actor = stage.spawn(closedAtFirst(seen, 100, isAsync))
    for (const id of ['a', 'b', 'c', 'open', 'd', 'e']) actor.tell(id)
    await settle()
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(stage.letters).toEqual([])
  })

  test('keeps an ask with its message', async () => {
    await using stage = new Stage()
    const actor = stage.spawn(closedAtFirst([], 100, isAsync))
    const answer = actor.ask<string>(replyTo => ({ id: 'asked', replyTo }))
    await settle()
    actor.tell('open')
    expect(await answer).toBe('asked')
  })

  test('keeps an ask over a crash of the actor', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const { child } = await hold(stage, closedAtFirst(seen, 100, isAsync) as Behavior<never>)
    const answer = child.ask<string>(replyTo => ({ id: 'asked', replyTo }))
    await settle()
    child.failFromOutside(new Error('crash'))
    await settle()
    child.tell('open')
    expect(await answer).toBe('asked')
    expect(child.incarnation).toBe(2)
  })

  test('is bounded: beyond its capacity a message is a dead letter `stash-full`, and an ask fails with STASH_FULL', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const actor = stage.spawn(closedAtFirst(seen, 2, isAsync))
    for (const id of ['a', 'b', 'c']) actor.tell(id)
    const asked = actor.ask<string>(replyTo => ({ id: 'asked', replyTo }))
    expect(await rejection(asked)).toMatchObject({ code: 'STASH_FULL', retryable: true })
    expect(stage.letters).toMatchObject([{ message: 'c', recipient: actor.path, reason: 'stash-full' }])
    actor.tell('open')
    await settle()
    expect(seen).toEqual(['a', 'b'])
  })
})

describe('a stash', () => {
  test('loses to a second crash while it is handled nothing but the message that crashed', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const { child } = await hold(stage, closedAtFirst(seen) as Behavior<never>)
    for (const id of ['a', 'crash', 'b', 'crash', 'c', 'open', 'd']) child.tell(id)
    await settle()
    expect(seen).toEqual(['a', 'crash'])
    expect(child.incarnation).toBe(2)
    // b, the second crash, c and d were set aside again by the new incarnation, in their order.
    child.tell('open')
    await settle()
    expect(seen).toEqual(['a', 'crash', 'b', 'crash'])
    child.tell('open')
    await settle()
    expect(seen).toEqual(['a', 'crash', 'b', 'crash', 'c', 'd'])
    expect(stage.letters).toEqual([])
  })

  test('comes back iteratively: 50,000 messages set aside do not deepen the stack', async () => {
    await using stage = new Stage()
    let depthMax = 0
    let handled = 0
    const depthOf = (): number => {
      Error.stackTraceLimit = 1_000
      const depth = (new Error().stack ?? '').split('\n').length
      Error.stackTraceLimit = 10
      return depth
    }
    const actor = stage.spawn(
      behavior<number | 'open', boolean>({
        initial: () => false,
        receive: (isOpen, message, context) => {
          if (message === 'open') {
            context.unstashAll()
            return true
          }
          if (!isOpen) context.stash()
          else {
            expect(message).toBe(handled++)
            if (message % 1_000 === 0) depthMax = Math.max(depthMax, depthOf())
          }
          return isOpen
        },
        stash: { capacity: 50_000 },
      }),
    )
    for (let i = 0; i < 50_000; i++) actor.tell(i)
    actor.tell('open')
    await actor.drain()
    expect(handled).toBe(50_000)
    expect(depthMax).toBeLessThan(50)
  })

  test('becomes dead letters when the actor ends for good, before what waits, and its asks fail', async () => {
    await using stage = new Stage()
    const actor = stage.spawn(closedAtFirst([]))
    actor.tell('a')
    const asked = rejection(actor.ask<string>(replyTo => ({ id: 'asked', replyTo })))
    actor.tell('b')
    await settle()
    actor.tell('queued')
    await actor.stop()
    expect(await asked).toMatchObject({ code: 'ACTOR_STOPPED' })
    expect(stage.letters.map(letter => [letter.message, letter.reason])).toEqual([
      ['a', 'stopped'],
      ['b', 'stopped'],
      ['queued', 'stopped'],
    ])
  })

  test('takes the place of its equals’ first in a mailbox with priorities', async () => {
    await using stage = new Stage()
    const seen: number[] = []
    const actor = stage.spawn(
      behavior<number, boolean>({
        initial: () => false,
        receive: (isOpen, message, context) => {
          if (message === 0) {
            context.unstashAll()
            return true
          }
          if (isOpen) seen.push(message)
          else context.stash()
          return isOpen
        },
        mailbox: { priority: Math.floor },
        stash: { capacity: 10 },
      }),
    )
    for (const message of [2.1, 1.1, 2.2]) actor.tell(message)
    await settle()
    for (const message of [0, 1.5, 2.5]) actor.tell(message)
    await settle()
    expect(seen).toEqual([1.1, 1.5, 2.1, 2.2, 2.5])
  })

  test('may be that of a behavior that the actor became', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const actor = stage.spawn(
      behavior<Message, null>({ initial: () => null, receive: () => become(closedAtFirst(seen)) }),
    )
    for (const id of ['become', 'a', 'open']) actor.tell(id)
    await settle()
    expect(seen).toEqual(['a'])
  })

  test('is given back by a callback to an idle actor too', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    let context!: ActorContext<Message>
    let isOpen = false
    const actor = stage.spawn(
      behavior<Message, null>({
        initial: own => {
          context = own
          return null
        },
        receive: (state, message) => {
          if (isOpen) seen.push(idOf(message))
          else context.stash()
          return state
        },
        stash: { capacity: 5 },
      }),
    )
    actor.tell('a')
    await settle()
    isOpen = true
    context.unstashAll()
    await settle()
    expect(seen).toEqual(['a'])
  })

  test('refuses with STASH_MISUSED a behavior that has none, a second time, and a call outside a handler', async () => {
    await using stage = new Stage()
    const codes: unknown[] = []
    const attempt = (context: ActorContext<string>): void => {
      try {
        context.stash()
        codes.push('stashed')
      } catch (error) {
        codes.push((error as { code?: string }).code)
      }
    }
    const trying = (stash: { stash?: { capacity: number } }) =>
      behavior<string, null>({
        initial: context => {
          attempt(context)
          return null
        },
        receive: (state, message, context) => {
          if (message.startsWith('later')) setImmediate(() => setImmediate(() => attempt(context)))
          else attempt(context)
          if (message === 'twice') attempt(context)
          return message === 'later, async' ? Promise.resolve(state) : state
        },
        ...stash,
      })
    stage.spawn(trying({})).tell('once')
    await settle()
    expect(codes).toEqual(['STASH_MISUSED', 'STASH_MISUSED'])
    codes.length = 0
    const actor = stage.spawn(trying({ stash: { capacity: 5 } }))
    actor.tell('twice')
    await settle()
    expect(codes).toEqual(['STASH_MISUSED', 'stashed', 'STASH_MISUSED'])
    for (const message of ['later', 'later, async']) {
      codes.length = 0
      actor.tell(message)
      await settle()
      expect(codes).toEqual(['STASH_MISUSED'])
    }
    codes.length = 0
    const ending = stage.spawn(
      behavior<string, null>({
        initial: () => null,
        receive: () => {
          throw new Error('crash')
        },
        onStop: (_state, _reason, context) => attempt(context),
        stash: { capacity: 5 },
      }),
    )
    ending.tell('crash')
    await settle()
    expect(codes).toEqual(['STASH_MISUSED'])
    for (const capacity of [0, 1.5, Number.NaN]) expect(() => trying({ stash: { capacity } })).toThrow(RangeError)
  })
})
