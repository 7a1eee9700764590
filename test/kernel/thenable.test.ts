import { describe, expect, test } from 'vitest'
import { type Behavior, become, behavior } from '../../src/kernel/behavior.ts'
import { ignore, type ReplyTo } from '../../src/kernel/types.ts'
import { hold, rejection, Stage, settle, VirtualStage } from './support.ts'

/** What only acts like a promise, as handlers meet it in other libraries. */
const thenable = (then: unknown): never => ({ then }) as never

const refuses = {
  'throws when it is read': (): never =>
    Object.defineProperty({}, 'then', {
      get: () => {
        throw new Error('no such thing')
      },
    }) as never,
  'throws when it is called': () =>
    thenable(() => {
      throw new Error('no such thing')
    }),
  rejects: () => thenable((_: unknown, reject: (error: Error) => void) => reject(new Error('no such thing'))),
}

type Message = { readonly make: () => never } | { readonly replyTo: ReplyTo<unknown> }

const holder = (handlerTimeoutMs = 0): Behavior<Message> =>
  behavior<Message, unknown>({
    initial: () => 'first',
    receive: (state, message) => {
      if ('make' in message) return message.make()
      message.replyTo.tell(state)
      return state
    },
    ...(handlerTimeoutMs > 0 && { handlerTimeoutMs }),
  })

const read = (replyTo: ReplyTo<unknown>): Message => ({ replyTo })

describe('a thenable that a handler gives back', () => {
  test('is waited for, and gives the state', async () => {
    await using stage = new Stage()
    const actor = stage.spawn(holder())
    actor.tell({ make: () => thenable((resolve: (state: unknown) => void) => void settle().then(() => resolve(7))) })
    expect(await actor.ask(read)).toBe(7)
  })

  test.each(Object.entries(refuses))('whose `then` %s crashes the actor like any other error', async (_, make) => {
    await using stage = new Stage()
    const { child, exits } = await hold(stage, holder() as Behavior<never>)
    child.tell({ make })
    expect(await child.ask(read as never)).toBe('first')
    expect(exits.map(({ reason }) => reason)).toEqual([
      { type: 'error', error: expect.objectContaining({ message: 'no such thing' }) },
    ])
  })

  test('that settles twice counts once', async () => {
    await using stage = new Stage()
    const actor = stage.spawn(holder())
    let again: ((state: unknown) => void) | undefined
    const twice = () =>
      thenable((resolve: (state: unknown) => void) => {
        again = resolve
        resolve(1)
        resolve(2)
      })
    actor.tell({ make: twice })
    actor.tell({ make: () => new Promise(resolve => void settle().then(() => resolve(3))) as never })
    while (again === undefined) await Promise.resolve()
    again(4)
    expect(await actor.ask(read)).toBe(3)
  })

  test('that never settles is ended by the time of the handler', async () => {
    await using stage = new VirtualStage()
    const { child, exits } = await hold(stage, holder(50) as Behavior<never>)
    child.tell({ make: () => thenable(() => undefined) })
    await settle()
    stage.clock.advance(50)
    expect(await child.ask(read as never)).toBe('first')
    expect(exits[0]!.reason).toMatchObject({ error: { code: 'ACTOR_HANDLER_TIMEOUT' } })
  })
})

test.each(Object.entries(refuses))(
  'an `initial` that gives a thenable whose `then` %s is a failed start',
  async (_, make) => {
    await using stage = new Stage()
    const { starts } = await hold(stage, behavior<never, unknown>({ initial: make, receive: state => state }))
    expect(starts).toEqual([{ type: 'failed', error: expect.objectContaining({ message: 'no such thing' }) }])
  },
)

test('an `initial` that gives a thenable of `ignore` does not start', async () => {
  await using stage = new Stage()
  const initial = () => thenable((resolve: (state: unknown) => void) => resolve(ignore))
  const { starts } = await hold(stage, behavior<never, unknown>({ initial, receive: state => state }))
  expect(starts).toEqual([{ type: 'ignored' }])
})

test.each(Object.entries(refuses))('so it is for the `initial` of a behavior to become: %s', async (_, make) => {
  await using stage = new Stage()
  const next = behavior<Message, unknown>({ initial: make, receive: state => state })
  const { child, exits } = await hold(stage, holder() as Behavior<never>)
  child.tell({ make: () => become(next) as never })
  expect(await child.ask(read as never)).toBe('first')
  expect(exits).toHaveLength(1)
})

test('a thenable that is piped gives one message, however often it settles', async () => {
  await using stage = new Stage()
  const seen: unknown[] = []
  const actor = stage.spawn(
    behavior<unknown, null>({
      initial: () => null,
      receive: (state, message, context) => {
        if (message === 'pipe')
          context.pipeToSelf(
            thenable((resolve: (value: unknown) => void) => {
              resolve(1)
              resolve(2)
            }),
            result => result,
          )
        else seen.push(message)
        return state
      },
    }),
  )
  actor.tell('pipe')
  await settle()
  expect(seen).toEqual([{ ok: true, value: 1 }])
})

test('a handler that throws what is no Error fails its ask with what that was', async () => {
  await using stage = new Stage()
  const actor = stage.spawn(
    behavior<Message, null>({
      initial: () => null,
      receive: () => {
        throw 'a bare text'
      },
    }),
  )
  expect(await rejection(actor.ask(read))).toMatchObject({
    code: 'ACTOR_CRASHED',
    message: expect.stringContaining('a bare text'),
  })
})
